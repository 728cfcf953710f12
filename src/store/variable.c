#include "store/variable.h"

#include "store/row.h"

static const struct table variables = {"variables", &variable_shape};

/* The same expression as in the index variables_name. */
#define OF_OWNER "t.environment_id = ?1 AND ifnull(t.service_id, '') = ?2"

static struct db_value owner_of(const char *service_id) {
  return db_text(service_id ? service_id : "");
}

err *variable_set(db *d, struct variable *v) {
  return row_upsert(d, &variables,
                    "ON CONFLICT (environment_id, ifnull(service_id, ''), name) DO UPDATE SET"
                    " value = excluded.value, format = excluded.format,"
                    " is_sealed = max(is_sealed, excluded.is_sealed),"
                    " updated_us = excluded.updated_us",
                    v);
}

err *variable_find(db *d, const char *environment_id, const char *service_id, const char *name,
                   bool *ret_found, struct variable *ret_variable) {
  return row_find(d, &variables, "WHERE " OF_OWNER " AND t.name = ?3",
                  DB_BIND(db_text(environment_id), owner_of(service_id), db_text(name)), ret_found,
                  ret_variable);
}

err *variable_list(db *d, const char *environment_id, const char *service_id,
                   struct variable_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &variables, "WHERE " OF_OWNER " ORDER BY t.name",
                              DB_BIND(db_text(environment_id), owner_of(service_id)), &rows_));
}

err *variable_list_by_environment(db *d, const char *environment_id,
                                  struct variable_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &variables,
                              "WHERE t.environment_id = ?1"
                              " ORDER BY ifnull(t.service_id, ''), t.name",
                              DB_BIND(db_text(environment_id)), &rows_));
}

err *variable_delete(db *d, const char *environment_id, const char *service_id, const char *name) {
  return row_change(d, &variables, "DELETE FROM variables AS t WHERE " OF_OWNER " AND t.name = ?3",
                    DB_BIND(db_text(environment_id), owner_of(service_id), db_text(name)), name);
}
