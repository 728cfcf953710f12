#include "store/credential.h"

#include "store/row.h"

static const struct table credentials = {.name = "credentials", .shape = &credential_shape};

/* The same expression as in the index credentials_place. */
#define PLACE "t.project_id = ?1 AND ifnull(t.service_instance_id, '') = ?2 AND t.kind = ?3 AND t.host = ?4"

#define PLACE_VALUES                                                                                                   \
  DB_BIND(db_text(project_id), db_text(service_instance_id ? service_instance_id : ""),                                \
          db_text(credential_kind_name(kind)), db_text(host))

err *credential_find(db *d, const char *project_id, const char *service_instance_id, enum credential_kind kind,
                     const char *host, bool *ret_found, struct credential *ret_credential) {
  return row_find(d, &credentials, "WHERE " PLACE, PLACE_VALUES, ret_found, ret_credential);
}

err *credential_list_by_project(db *d, const char *project_id, struct credential_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &credentials,
                              "WHERE t.project_id = ?1 ORDER BY t.kind, t.host, ifnull(t.service_instance_id, '')",
                              DB_BIND(db_text(project_id)), &rows_));
}

err *credential_delete(db *d, const char *project_id, const char *service_instance_id, enum credential_kind kind,
                       const char *host) {
  return row_change(d, &credentials, "DELETE FROM credentials AS t WHERE " PLACE, PLACE_VALUES, host);
}

/* What it is encrypted for is its row's id, so that a new secret is a new row. */
static err *replace(db *d, struct credential *c) {
  auto_credential before = {0};
  bool found = false;
  TRY(credential_find(d, c->project_id, c->service_instance_id, c->kind, c->host, &found, &before));
  if (found) TRY(credential_delete(d, c->project_id, c->service_instance_id, c->kind, c->host));
  if (found) c->created_us = before.created_us;
  return row_insert(d, &credentials, c);
}

err *credential_set(db *d, struct credential *c) {
  auto_db_transaction t = {0};
  if (db_in_transaction(d)) return replace(d, c);
  TRY(db_begin(d, &t));
  TRY(replace(d, c));
  return db_commit(&t);
}
