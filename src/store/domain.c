#include "store/domain.h"

#include "store/row.h"

static const struct table domains = {"domains", &domain_shape};
static const struct table routes = {"domain_routes", &domain_route_shape};

err *domain_insert(db *d, struct domain *domain) {
  return row_taken(row_insert(d, &domains, domain), "the domain '%s' is in use already",
                   domain->host);
}

err *domain_get(db *d, const char *id, struct domain *ret_domain) {
  return row_get(d, &domains, "WHERE t.id = ?1", DB_BIND(db_text(id)), id, ret_domain);
}

err *domain_find_by_host(db *d, const char *host, bool *ret_found, struct domain *ret_domain) {
  return row_find(d, &domains, "WHERE t.host = ?1", DB_BIND(db_text(host)), ret_found, ret_domain);
}

err *domain_host_exists(db *d, const char *host, bool *ret_exists) {
  int64_t exists;
  TRY(db_query_int(d, "SELECT 1 FROM domains WHERE host = ?1", DB_BIND(db_text(host)), 0, &exists));
  *ret_exists = exists != 0;
  return NULL;
}

err *domain_list_by_instance(db *d, const char *service_instance_id, struct domain_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &domains, "WHERE t.service_instance_id = ?1 ORDER BY t.seq",
                              DB_BIND(db_text(service_instance_id)), &rows_));
}

err *domain_list_by_environment(db *d, const char *environment_id, struct domain_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &domains, "WHERE t.environment_id = ?1 ORDER BY t.seq",
                              DB_BIND(db_text(environment_id)), &rows_));
}

err *domain_list_routes(db *d, struct domain_route_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &routes, "ORDER BY t.host", DB_NONE, &rows_));
}

err *domain_set_host(db *d, const char *id, const char *host, int64_t now_us) {
  return row_taken(row_change(d, &domains,
                              "UPDATE domains SET host = ?2, updated_us = ?3 WHERE id = ?1",
                              DB_BIND(db_text(id), db_text(host), db_int(now_us)), id),
                   "the domain '%s' is in use already", host);
}

err *domain_set_target_port(db *d, const char *id, int target_port, int64_t now_us) {
  return row_change(d, &domains,
                    "UPDATE domains SET target_port = ?2, updated_us = ?3 WHERE id = ?1",
                    DB_BIND(db_text(id), db_int(target_port), db_int(now_us)), id);
}

err *domain_set_sync_status(db *d, const char *id, enum sync_status status, int64_t now_us) {
  return row_change(d, &domains,
                    "UPDATE domains SET sync_status = ?2, updated_us = ?3 WHERE id = ?1",
                    DB_BIND(db_text(id), db_text(sync_status_name(status)), db_int(now_us)), id);
}

err *domain_delete(db *d, const char *id) {
  return row_change(d, &domains, "DELETE FROM domains WHERE id = ?1", DB_BIND(db_text(id)), id);
}

/* --- edge slots --- */

err *edge_slot_find(db *d, const char *service_instance_id, int *ret_slot) {
  int64_t slot;
  TRY(db_query_int(d, "SELECT slot FROM edge_slots WHERE service_instance_id = ?1",
                   DB_BIND(db_text(service_instance_id)), EDGE_SLOT_NONE, &slot));
  *ret_slot = (int)slot;
  return NULL;
}

/* The lowest slot that is free: one given back, or the next that was never used. */
static err *find_free(db *d, int64_t *ret_slot) {
  int64_t given_back;
  TRY(db_query_int(d,
                   "SELECT slot FROM edge_slots WHERE service_instance_id IS NULL"
                   " ORDER BY slot LIMIT 1",
                   DB_NONE, EDGE_SLOT_NONE, &given_back));
  if (given_back == EDGE_SLOT_NONE)
    return db_query_int(d, "SELECT max(slot) + 1 FROM edge_slots", DB_NONE, 0, ret_slot);
  *ret_slot = given_back;
  return NULL;
}

err *edge_slot_claim(db *d, const char *service_instance_id, int slot_count, int *ret_slot) {
  int held;
  TRY(edge_slot_find(d, service_instance_id, &held));
  if (held != EDGE_SLOT_NONE) {
    *ret_slot = held;
    return NULL;
  }
  int64_t slot;
  TRY(find_free(d, &slot));
  if (slot >= slot_count)
    return err_new(ERR_LIMIT,
                   "all %d places of the edge are taken: remove the domains of services that no "
                   "longer need one, or give the edge more places",
                   slot_count);
  TRY(db_run(d,
             "INSERT INTO edge_slots VALUES (?1, ?2) ON CONFLICT (slot)"
             " DO UPDATE SET service_instance_id = excluded.service_instance_id",
             DB_BIND(db_int(slot), db_text(service_instance_id)), NULL));
  *ret_slot = (int)slot;
  return NULL;
}

err *edge_slot_release(db *d, const char *service_instance_id) {
  return db_run(d,
                "UPDATE edge_slots SET service_instance_id = NULL WHERE service_instance_id = ?1",
                DB_BIND(db_text(service_instance_id)), NULL);
}
