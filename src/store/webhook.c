#include "store/webhook.h"

#include "store/row.h"

static const struct table webhooks = {"webhooks", &webhook_shape};
static const struct table deliveries = {"webhook_deliveries", &webhook_delivery_shape};
static const struct table checks = {"commit_checks", &commit_check_shape};

err *webhook_insert(db *d, struct webhook *hook) {
  return row_insert(d, &webhooks, hook);
}

err *webhook_get(db *d, const char *id, struct webhook *ret_hook) {
  return row_get(d, &webhooks, "WHERE t.id = ?1", DB_BIND(db_text(id)), id, ret_hook);
}

err *webhook_find(db *d, const char *id, bool *ret_found, struct webhook *ret_hook) {
  return row_find(d, &webhooks, "WHERE t.id = ?1", DB_BIND(db_text(id)), ret_found, ret_hook);
}

err *webhook_list(db *d, const char *project_id, struct webhook_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &webhooks, "WHERE t.project_id = ?1 ORDER BY t.seq", DB_BIND(db_text(project_id)),
                              &rows_));
}

err *webhook_delete(db *d, const char *id) {
  return row_change(d, &webhooks, "DELETE FROM webhooks WHERE id = ?1", DB_BIND(db_text(id)), id);
}

err *webhook_delivery_insert(db *d, struct webhook_delivery *delivery, bool *ret_is_new) {
  int64_t known;
  TRY(db_query_int(d, "SELECT 1 FROM webhook_deliveries WHERE webhook_id = ?1 AND replay_key = ?2",
                   DB_BIND(db_text(delivery->webhook_id), db_text(delivery->replay_key)), 0, &known));
  if (!known) TRY(row_insert(d, &deliveries, delivery));
  if (!known)
    TRY(row_change(d, &webhooks, "UPDATE webhooks SET last_delivery_us = ?2 WHERE id = ?1",
                   DB_BIND(db_text(delivery->webhook_id), db_int(delivery->received_us)), delivery->webhook_id));
  *ret_is_new = !known;
  return NULL;
}

err *webhook_delivery_list_open(db *d, struct webhook_delivery_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &deliveries, "WHERE t.handled_us = 0 ORDER BY t.seq LIMIT 100", DB_NONE, &rows_));
}

err *webhook_delivery_close(db *d, const char *id, const char *outcome, int64_t now_us) {
  return row_change(d, &deliveries,
                    "UPDATE webhook_deliveries SET handled_us = ?2, outcome = ?3, event = NULL WHERE id = ?1",
                    DB_BIND(db_text(id), db_int(now_us), db_text(outcome)), id);
}

err *webhook_delivery_list(db *d, const char *webhook_id, int limit, struct webhook_delivery_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &deliveries, "WHERE t.webhook_id = ?1 ORDER BY t.seq DESC LIMIT ?2",
                              DB_BIND(db_text(webhook_id), db_int(limit)), &rows_));
}

err *webhook_forget_old(db *d, int64_t checks_before_us, int64_t deliveries_before_us) {
  TRY(db_run(d, "DELETE FROM commit_checks WHERE updated_us < ?1", DB_BIND(db_int(checks_before_us)), NULL));
  return db_run(d, "DELETE FROM webhook_deliveries WHERE received_us < ?1 AND handled_us <> 0",
                DB_BIND(db_int(deliveries_before_us)), NULL);
}

err *commit_check_find(db *d, const char *project_id, const char *sha, const char *name, bool *ret_found,
                       struct commit_check *ret_check) {
  return row_find(d, &checks, "WHERE t.project_id = ?1 AND t.sha = ?2 AND t.name = ?3",
                  DB_BIND(db_text(project_id), db_text(sha), db_text(name)), ret_found, ret_check);
}

err *commit_check_set(db *d, struct commit_check *check) {
  return row_upsert(d, &checks,
                    "ON CONFLICT (project_id, sha, name) DO UPDATE SET ordinal = excluded.ordinal,"
                    " state = excluded.state, updated_us = excluded.updated_us",
                    check);
}

err *commit_check_list(db *d, const char *project_id, const char *sha, struct commit_check_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &checks, "WHERE t.project_id = ?1 AND t.sha = ?2 ORDER BY t.seq",
                              DB_BIND(db_text(project_id), db_text(sha)), &rows_));
}
