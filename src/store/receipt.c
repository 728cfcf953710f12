#include "store/receipt.h"

#include "store/row.h"

static const struct table receipts = {"receipts", &receipt_shape};

err *receipt_insert(db *d, struct receipt *r) {
  return row_upsert(d, &receipts, "ON CONFLICT (deployment_id) DO NOTHING", r);
}

err *receipt_find(db *d, const char *deployment_id, bool *ret_found, struct receipt *ret_receipt) {
  return row_find(d, &receipts, "WHERE t.deployment_id = ?1", DB_BIND(db_text(deployment_id)),
                  ret_found, ret_receipt);
}

err *receipt_list_open(db *d, struct receipt_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &receipts, "WHERE t.counted = 0 ORDER BY t.seq", DB_NONE, &rows_));
}

err *receipt_set_switched(db *d, const char *deployment_id, int64_t now_us) {
  return db_run(d,
                "UPDATE receipts SET switched_us = ?2 WHERE deployment_id = ?1 AND switched_us = 0",
                DB_BIND(db_text(deployment_id), db_int(now_us)), NULL);
}

err *receipt_set_drained(db *d, const char *previous_id, int64_t now_us) {
  return db_run(d,
                "UPDATE receipts SET drained_us = ?2"
                " WHERE counted = 0 AND previous_id = ?1 AND drained_us = 0",
                DB_BIND(db_text(previous_id), db_int(now_us)), NULL);
}

err *receipt_set_ended(db *d, const char *id, int64_t log_to, int64_t now_us) {
  return db_run(d, "UPDATE receipts SET log_to = ?2, ended_us = ?3 WHERE id = ?1 AND ended_us = 0",
                DB_BIND(db_text(id), db_int(log_to), db_int(now_us)), NULL);
}

err *receipt_set_counts(db *d, const struct receipt *r) {
  return row_change(d, &receipts,
                    "UPDATE receipts SET counted = 1, complete = ?2, served = ?3, streams = ?4,"
                    " failed = ?5, aborted = ?6, app_errors = ?7, slowest_ms = ?8, drained = ?9,"
                    " cut = ?10 WHERE id = ?1",
                    DB_BIND(db_text(r->id), db_int(r->complete), db_int(r->served),
                            db_int(r->streams), db_int(r->failed), db_int(r->aborted),
                            db_int(r->app_errors), db_int(r->slowest_ms), db_int(r->drained),
                            db_int(r->cut)),
                    r->id);
}
