#include "store/deployment.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/str.h"
#include "store/row.h"
#include "store/sealed.h"

static const struct table deployments = {"deployments", &deployment_shape};

/* The words of deployment_status_is_final and _is_active, as in the partial indexes: SQLite uses
 * such an index only for a condition that is written the same. */
#define UNFINISHED "t.status NOT IN ('FAILED', 'SKIPPED', 'REMOVED')"
#define ACTIVE "t.status IN ('SUCCESS', 'SLEEPING', 'CRASHED')"

err *deployment_insert(db *d, struct deployment *deployment) {
  return row_insert(d, &deployments, deployment);
}

err *deployment_get(db *d, const char *id, struct deployment *ret_deployment) {
  return row_get(d, &deployments, "WHERE t.id = ?1", DB_BIND(db_text(id)), id, ret_deployment);
}

/* --- lists --- */

/* A condition under construction, and its values. */
struct condition {
  struct str text;
  struct db_value values[8];
  size_t len;
};

static void add_id(struct condition *c, const char *column, const char *id) {
  if (str_empty(id)) return;
  c->values[c->len++] = db_text(id);
  str_addf(&c->text, "%st.%s = ?%zu", c->len > 1 ? " AND " : "", column, c->len);
}

/* The statuses of the set as a JSON array, so that the SQL is the same for every set. */
static char *statuses_text(uint32_t statuses) {
  auto_json *array = json_array();
  for (unsigned i = 0; i < DEPLOYMENT_STATUS_COUNT; i++)
    if (statuses & DEPLOYMENT_STATUS_BIT(i))
      json_array_append_new(array, json_string(deployment_status_name((enum deployment_status)i)));
  return json_to_text(array);
}

static err *list(db *d, const struct deployment_filter *filter, const char *statuses,
                 const struct page *page, struct rows *ret_rows) {
  struct condition c = {.text = STR_EMPTY};
  auto_free char *text = NULL;
  add_id(&c, "service_instance_id", filter->service_instance_id);
  add_id(&c, "service_id", filter->service_id);
  add_id(&c, "environment_id", filter->environment_id);
  add_id(&c, "project_id", filter->project_id);
  if (!c.len) return err_new(ERR_INVALID, "a list of deployments needs to know of what");
  if (statuses) {
    c.values[c.len++] = db_text(statuses);
    str_addf(&c.text, " AND t.status IN (SELECT value FROM json_each(?%zu))", c.len);
  }
  text = str_take(&c.text);
  return row_list_page(d, &deployments, text, (struct db_values){c.values, c.len}, page, ret_rows);
}

err *deployment_list(db *d, const struct deployment_filter *filter, const struct page *page,
                     struct deployment_list *ret_list) {
  auto_free char *statuses = filter->statuses ? statuses_text(filter->statuses) : NULL;
  ROW_LIST(ret_list, list(d, filter, statuses, page, &rows_));
}

err *deployment_list_queued(db *d, struct deployment_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &deployments,
                              "WHERE t.status IN ('QUEUED', 'INITIALIZING')"
                              " ORDER BY t.queued_us, t.seq",
                              DB_NONE, &rows_));
}

err *deployment_list_unfinished(db *d, struct deployment_list *ret_list) {
  ROW_LIST(ret_list,
           row_list(d, &deployments, "WHERE " UNFINISHED " ORDER BY t.seq", DB_NONE, &rows_));
}

err *deployment_list_waiting(db *d, struct deployment_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &deployments, "WHERE t.status = 'WAITING' ORDER BY t.seq", DB_NONE, &rows_));
}

err *deployment_list_active(db *d, struct deployment_list *ret_list) {
  /* Left alone, SQLite reads the whole table, for its order. */
  ROW_LIST(ret_list, row_list(d, &deployments,
                              "INDEXED BY deployments_active WHERE " ACTIVE " ORDER BY t.seq DESC",
                              DB_NONE, &rows_));
}

err *deployment_find_latest(db *d, const char *service_instance_id, bool *ret_found,
                            struct deployment *ret_deployment) {
  return row_find(d, &deployments, "WHERE t.service_instance_id = ?1 ORDER BY t.seq DESC LIMIT 1",
                  DB_BIND(db_text(service_instance_id)), ret_found, ret_deployment);
}

err *deployment_find_active(db *d, const char *service_instance_id, bool *ret_found,
                            struct deployment *ret_deployment) {
  return row_find(d, &deployments,
                  "WHERE t.service_instance_id = ?1 AND " ACTIVE " ORDER BY t.seq DESC LIMIT 1",
                  DB_BIND(db_text(service_instance_id)), ret_found, ret_deployment);
}

err *deployment_each_age(db *d, deployment_age_fn *fn, void *arg) {
  auto_db_stmt *s = NULL;
  TRY(db_query(d,
               "SELECT id, service_instance_id, status IN ('FAILED', 'SKIPPED', 'REMOVED'),"
               " status_updated_us FROM deployments ORDER BY service_instance_id, seq DESC",
               DB_NONE, &s));
  for (bool row;;) {
    TRY(db_step(s, &row));
    if (!row) return NULL;
    struct deployment_age age = {.is_over = db_column_int(s, 2), .status_updated_us = db_column_int(s, 3)};
    id_copy(age.id, db_column_text(s, 0));
    id_copy(age.service_instance_id, db_column_text(s, 1));
    fn(arg, &age);
  }
}

/* --- changes --- */

/* Why nothing changed: the deployment is gone, or has another status. */
static err *status_differs(db *d, const char *id, enum deployment_status from,
                           enum deployment_status to) {
  auto_deployment now = {0};
  TRY(deployment_get(d, id, &now));
  return err_new(ERR_CONFLICT, "deployment '%s' is %s, so it cannot go from %s to %s", id,
                 deployment_status_name(now.status), deployment_status_name(from),
                 deployment_status_name(to));
}

err *deployment_set_status(db *d, const char *id, enum deployment_status from,
                           enum deployment_status to, const char *reason, int64_t now_us) {
  int64_t changed;
  TRY(db_run(d,
             "UPDATE deployments SET status = ?3, status_reason = ?4, status_updated_us = ?5,"
             " updated_us = ?5 WHERE id = ?1 AND status = ?2",
             DB_BIND(db_text(id), db_text(deployment_status_name(from)),
                     db_text(deployment_status_name(to)), db_text(reason), db_int(now_us)),
             &changed));
  return changed ? NULL : status_differs(d, id, from, to);
}

err *deployment_set_queued(db *d, const char *id, int64_t queued_us, int64_t now_us) {
  return row_change(d, &deployments,
                    "UPDATE deployments SET queued_us = ?2, updated_us = ?3 WHERE id = ?1",
                    DB_BIND(db_text(id), db_int(queued_us), db_int(now_us)), id);
}

err *deployment_set_superseded(db *d, const char *id, const char *by_id, int64_t now_us) {
  return row_change(d, &deployments,
                    "UPDATE deployments SET superseded_by_id = ?2, updated_us = ?3 WHERE id = ?1",
                    DB_BIND(db_text(id), db_id(by_id), db_int(now_us)), id);
}

err *deployment_set_snapshot(db *d, const char *id, const char *snapshot_id, int64_t now_us) {
  return row_change(d, &deployments,
                    "UPDATE deployments SET snapshot_id = ?2, updated_us = ?3 WHERE id = ?1",
                    DB_BIND(db_text(id), db_id(snapshot_id), db_int(now_us)), id);
}

err *deployment_set_image(db *d, const char *id, const char *image_id, int64_t now_us) {
  return row_change(d, &deployments,
                    "UPDATE deployments SET image_id = ?2, updated_us = ?3 WHERE id = ?1",
                    DB_BIND(db_text(id), db_id(image_id), db_int(now_us)), id);
}

err *deployment_set_settings(db *d, const char *id, const struct service_settings *s,
                             int64_t now_us) {
  auto_json *object = service_settings_to_json(s);
  auto_free char *text = json_to_text(object);
  return row_change(d, &deployments,
                    "UPDATE deployments SET settings = ?2, updated_us = ?3 WHERE id = ?1",
                    DB_BIND(db_text(id), db_text(text), db_int(now_us)), id);
}

err *deployment_set_meta(db *d, const char *id, const json_t *meta, int64_t now_us) {
  auto_free char *text = meta ? json_to_text(meta) : NULL;
  return row_change(d, &deployments,
                    "UPDATE deployments SET meta = ?2, updated_us = ?3 WHERE id = ?1",
                    DB_BIND(db_text(id), db_text(text), db_int(now_us)), id);
}

err *deployment_set_resolved(db *d, const char *id, const json_t *resolved) {
  auto_free char *text = json_to_text(resolved);
  return row_change(d, &deployments, "UPDATE deployments SET resolved = ?2 WHERE id = ?1",
                    DB_BIND(db_text(id), db_text(text)), id);
}

err *deployment_set_sockets(db *d, const char *id, const json_t *sockets, int detected_port,
                            int64_t now_us) {
  auto_free char *text = sockets ? json_to_text(sockets) : NULL;
  return row_change(d, &deployments,
                    "UPDATE deployments SET sockets = ?2, detected_port = ?3, updated_us = ?4"
                    " WHERE id = ?1",
                    DB_BIND(db_text(id), db_text(text), db_int(detected_port), db_int(now_us)), id);
}

err *deployment_set_stopped(db *d, const char *id, bool stopped, int64_t now_us) {
  return row_change(d, &deployments,
                    "UPDATE deployments SET stopped = ?2, updated_us = ?3 WHERE id = ?1",
                    DB_BIND(db_text(id), db_int(stopped), db_int(now_us)), id);
}

err *deployment_delete(db *d, const char *id) {
  return row_change(d, &deployments, "DELETE FROM deployments WHERE id = ?1", DB_BIND(db_text(id)),
                    id);
}

/* --- variables --- */

err *deployment_variables_set(db *d, const char *id, const json_t *variables) {
  auto_free char *text = json_to_text(variables);
  auto_str blob = STR_EMPTY;
  err *e = sealed_encrypt(d, &sealed_deployment_variables, &id, text, &blob);
  secret_wipe(text, strlen(text));
  if (e) return e;
  return db_run(d, "INSERT INTO deployment_variables (deployment_id, format, value) VALUES (?1, 1, ?2)"
                " ON CONFLICT (deployment_id) DO UPDATE SET format = excluded.format, value = excluded.value",
                DB_BIND(db_text(id), db_blob(blob.data, blob.len)), NULL);
}

err *deployment_variables_get(db *d, const char *id, json_t **ret_variables) {
  auto_db_stmt *s = NULL;
  auto_free char *text = NULL;
  bool row;
  TRY(db_query(d, "SELECT value FROM deployment_variables WHERE deployment_id = ?1",
               DB_BIND(db_text(id)), &s));
  TRY(db_step(s, &row));
  if (!row) {
    *ret_variables = json_object();
    return NULL;
  }
  TRY(err_wrap(sealed_read(d, &sealed_deployment_variables, &id, s, 0, &text), "the variables of deployment '%s'", id));
  err *e = json_parse(text, strlen(text), "stored variables", ret_variables);
  secret_wipe(text, strlen(text));
  return err_recode(e, ERR_CORRUPT);
}
