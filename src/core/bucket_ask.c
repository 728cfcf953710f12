#include "core/bucket_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/str.h"
#include "loop/timer.h"
#include "store/bucket.h"
#include "store/deployment.h"
#include "store/service.h"

enum { ASK_MS = 60000, ANSWER_MAX = 4096 };

struct bucket_question {
  core *core;
  struct list link; /* in core->bucket_asks */
  engine_exec *exec;
  timer *deadline;
  struct str output, errors;
  bool is_late, is_ending;
  core_bucket_fn *done;
  void *arg;
};

static void on_output(void *arg, int fd, const char *data, size_t len) {
  struct bucket_question *q = arg;
  struct str *to = fd == 2 ? &q->errors : &q->output;
  size_t room = ANSWER_MAX - to->len;
  str_add_bytes(to, data, len < room ? len : room);
}

static err *read_answer(const struct bucket_question *q, int exit_code, json_t **ret_value) {
  if (q->is_ending) return err_new(ERR_BUSY, "tramd ends");
  if (q->is_late) return err_new(ERR_BUSY, "the storage service did not answer within %d s", ASK_MS / 1000);
  if (exit_code != 0) {
    auto_free char *text = str_ndup(str_text(&q->errors), q->errors.len);
    return err_new(ERR_CONFLICT, "the storage service says: %s", *str_trim(text) ? str_trim(text) : "nothing");
  }
  return json_parse(q->output.data, q->output.len, "the storage service's answer", ret_value);
}

static void on_exit_of_program(void *arg, err *e, int exit_code) {
  struct bucket_question *q = arg;
  json_t *value = NULL;
  if (!e) e = read_answer(q, exit_code, &value);
  timer_stop(q->deadline);
  list_remove(&q->link);
  core_bucket_fn *done = q->done;
  void *done_arg = q->arg;
  str_done(&q->output);
  str_done(&q->errors);
  free(q);
  done(done_arg, e, value);
}

static void on_deadline(void *arg) {
  struct bucket_question *q = arg;
  q->deadline = NULL;
  q->is_late = true;
  engine_exec_kill(q->exec);
}

static err *find_instance(core *c, const char *service_id, const char *environment_id, char **ret_id) {
  auto_service_instance instance = {0};
  auto_deployment d = {0};
  bool found = false;
  TRY(service_instance_find(c->db, service_id, environment_id, &found, &instance));
  if (found) TRY(deployment_find_active(c->db, instance.id, &found, &d));
  if (!found) return err_new(ERR_CONFLICT, "the storage service does not run in this environment, or not yet: `tram status`");
  return core_running_instance(c, d.id, -1, ret_id);
}

static err *ask_instance(core *c, const char *instance_id, const char *command, const char *argument, const char *input,
                         core_bucket_fn *done, void *arg) {
  if (c->stopping) return err_new(ERR_BUSY, "tramd ends");
  const char *const argv[] = {"tramway-s3", command, argument, NULL};
  struct bucket_question *q = mem_zalloc(sizeof *q);
  *q = (struct bucket_question){.core = c, .done = done, .arg = arg};
  struct exec_options options = {.instance_id = instance_id, .argv = argv, .on_output = on_output,
                                 .on_exit = on_exit_of_program, .arg = q};
  err *e = engine_exec_start(c->engine, &options, &q->exec);
  if (e) {
    free(q);
    return e;
  }
  list_init(&q->link);
  list_push(&c->bucket_asks, &q->link);
  q->deadline = timer_start(c->loop, ASK_MS, 0, on_deadline, q);
  if (input) engine_exec_write(q->exec, input, strlen(input));
  engine_exec_close_input(q->exec);
  return NULL;
}

err *bucket_ask(core *c, const char *service_id, const char *environment_id, const char *command, const char *argument,
                core_bucket_fn *done, void *arg) {
  auto_free char *instance_id = NULL;
  TRY(find_instance(c, service_id, environment_id, &instance_id));
  return ask_instance(c, instance_id, command, argument, NULL, done, arg);
}

void bucket_asks_stop(core *c) {
  LIST_FOREACH(q, &c->bucket_asks, struct bucket_question, link) {
    q->is_ending = true;
    engine_exec_kill(q->exec);
  }
}

/* ---- keys ---- */

static void on_told(void *arg, err *e, json_t *value) {
  (void)arg;
  json_decref(value);
  if (e) log_warn("bucket", "a storage service did not take its keys: %s", err_message(e));
  err_ignore(e);
}

static void tell(core *c, const char *instance_id, const char *service_id, const char *environment_id) {
  auto_str lines = STR_EMPTY;
  auto_err *e = buckets_keys(c, service_id, environment_id, &lines);
  if (!e) e = ask_instance(c, instance_id, "keys", NULL, str_text(&lines), on_told, NULL);
  secret_wipe(lines.data, lines.len);
  if (e) log_warn("bucket", "telling a storage service its keys: %s", err_message(e));
}

void buckets_tell(core *c, const char *service_id, const char *environment_id) {
  auto_free char *instance_id = NULL;
  auto_err *e = find_instance(c, service_id, environment_id, &instance_id);
  if (!e) tell(c, instance_id, service_id, environment_id); /* else it has them when it starts */
}

/* Those that it was given when it was deployed may be old: a restart in place knows no others. */
void buckets_instance_started(core *c, const char *deployment_id, const char *instance_id) {
  auto_deployment d = {0};
  auto_bucket_instance_list served = {0};
  auto_err *e = deployment_get(c->db, deployment_id, &d);
  if (!e) e = bucket_instance_list_by_service(c->db, d.service_id, d.environment_id, &served);
  if (!e && served.len) tell(c, instance_id, d.service_id, d.environment_id);
}
