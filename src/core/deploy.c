/* The only writer of a deployment's status, its journal of steps, and who is told about it. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/internal.h"
#include "store/deployment.h"

err *deploy_apply(core *c, const char *id, enum deploy_event event, const char *reason) {
  auto_deployment d = {0};
  TRY(deployment_get(c->db, id, &d));
  enum deployment_status next;
  if (!deploy_next_status(d.status, event, &next))
    return err_new(ERR_CONFLICT, "deployment %s is %s: it cannot %s", id,
                   deployment_status_name(d.status), deploy_event_name(event));
  auto_free char *shown = redaction_text(c, id, reason);
  reason = shown;
  TRY(deployment_set_status(c->db, id, d.status, next, reason, clock_now_us()));
  log_info("deploy", "%s: %s -> %s%s%s", id, deployment_status_name(d.status),
           deployment_status_name(next), reason ? ": " : "", reason ? reason : "");
  watch_notify(c, id);
  return NULL;
}

err *deploy_step_begin(core *c, const char *id, enum deployment_step_kind name,
                       char ret_step_id[ID_SIZE]) {
  auto_deployment_step step = {.step = name, .started_us = clock_now_us()};
  auto_db_relaxed relaxed = db_relax(c->db); /* what was begun ends with the machine; it is tried again */
  id_copy(step.deployment_id, id);
  TRY(deployment_step_start(c->db, &step));
  id_copy(ret_step_id, step.id);
  watch_notify(c, id);
  return NULL;
}

err *deploy_step_end(core *c, const char *id, const char *step_id, const char *error) {
  if (!*step_id) return NULL;
  auto_free char *shown = redaction_text(c, id, error);
  TRY(deployment_step_finish(c->db, step_id, clock_now_us(), shown, NULL));
  watch_notify(c, id);
  return NULL;
}

static void logged(err *e, const char *what, const char *id) {
  if (!e) return;
  log_error("deploy", "%s: %s: %s", id, what, err_message(e));
  err_free(e);
}

void deploy_build_line(core *c, const char *id, const char *severity, const char *text) {
  logged(log_store_add_build_line(c->logs, id, severity, text), "writing its build log", id);
}

void deploy_log_line(core *c, const char *id, const char *severity, const char *text) {
  logged(log_store_add_deploy_line(c->logs, id, severity, text), "writing its log", id);
}

/* What says nothing of why an app ended: the frames of a stack, which JavaScript and Java print below the error. */
static bool says_why(const char *line) {
  line += strspn(line, " \t");
  return *line && !str_starts(line, "at ") && !str_starts(line, "Node.js v") && !str_starts(line, "... ");
}

static void add_words(void *arg, const struct log_entry *entry) {
  if (says_why(entry->message)) strv_add(arg, entry->message);
}

char *deploy_last_words(core *c, const char *id, int lines) {
  enum { LOOK_BACK = 30 };
  auto_str text = STR_EMPTY;
  auto_strv found = STRV_EMPTY;
  struct log_query query = {.kind = LOG_DEPLOY, .deployment_id = id, .limit = LOOK_BACK};
  logged(log_store_query(c->logs, &query, add_words, &found), "reading its log", id);
  for (size_t i = found.len > (size_t)lines ? found.len - (size_t)lines : 0; i < found.len; i++)
    str_addf(&text, "%s%s", text.len ? " | " : "", found.items[i]);
  return str_take(&text);
}

core_watch *core_watch_start(core *c, const char *id, core_watch_fn *fn, void *arg) {
  core_watch *w = mem_zalloc(sizeof *w);
  id_copy(w->id, id);
  w->fn = fn;
  w->arg = arg;
  list_push(&c->watches, &w->link);
  return w;
}

void core_watch_stop(core_watch *w) {
  if (!w) return;
  list_remove(&w->link);
  free(w);
}

void watch_notify(core *c, const char *id) {
  LIST_FOREACH(w, &c->watches, struct core_watch, link)
    if (!*w->id || str_eq(w->id, id)) w->fn(w->arg, id);
}
