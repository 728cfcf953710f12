#include "store/deployment_step.h"

#include "base/json.h"
#include "base/mem.h"
#include "store/row.h"

static const struct table steps = {"deployment_steps", &deployment_step_shape};

static err *next_attempt(db *d, const struct deployment_step *s, int *ret_attempt) {
  int64_t attempt;
  TRY(db_query_int(d,
                   "SELECT max(attempt) + 1 FROM deployment_steps"
                   " WHERE deployment_id = ?1 AND step = ?2",
                   DB_BIND(db_text(s->deployment_id), db_text(deployment_step_kind_name(s->step))),
                   1, &attempt));
  *ret_attempt = (int)attempt;
  return NULL;
}

err *deployment_step_start(db *d, struct deployment_step *s) {
  if (!s->attempt) TRY(next_attempt(d, s, &s->attempt));
  return row_insert(d, &steps, s);
}

err *deployment_step_finish(db *d, const char *id, int64_t completed_us, const char *error,
                            const json_t *payload) {
  auto_free char *text = payload ? json_to_text(payload) : NULL;
  return row_change(d, &steps,
                    "UPDATE deployment_steps SET completed_us = ?2, error = ?3,"
                    " payload = ifnull(?4, payload) WHERE id = ?1",
                    DB_BIND(db_text(id), db_int(completed_us), db_text(error), db_text(text)), id);
}

err *deployment_step_list(db *d, const char *deployment_id, struct deployment_step_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &steps, "WHERE t.deployment_id = ?1 ORDER BY t.seq",
                              DB_BIND(db_text(deployment_id)), &rows_));
}

err *deployment_step_finish_open(db *d, const char *deployment_id, int64_t completed_us,
                                 const char *error) {
  return db_run(d,
                "UPDATE deployment_steps SET completed_us = ?2, error = ?3"
                " WHERE deployment_id = ?1 AND completed_us = 0",
                DB_BIND(db_text(deployment_id), db_int(completed_us), db_text(error)), NULL);
}
