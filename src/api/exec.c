/* GET /exec, a WebSocket (model/streams.h): a command inside a running instance (`tram ssh`, `tram run`). */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/websocket.h"
#include "loop/timer.h"
#include "model/streams.h"
#include "store/deployment.h"
#include "store/service.h"

enum { ARGS_MAX = 1000 };

struct session {
  api *api;
  ws *ws;
  engine_exec *exec;
  char *instance_id; /* the engine's */
  timer *input_watch; /* runs while input is held back */
  timer *access_watch;
  struct caller caller;
  char environment_id[ID_SIZE];
  bool started, held;
};

static void session_free(struct session *s) {
  timer_stop(s->input_watch);
  timer_stop(s->access_watch);
  free(s->instance_id);
  free(s);
}

static void finish(struct session *s, json_t *last_words) {
  auto_free char *text = json_to_text(last_words);
  json_decref(last_words);
  s->exec = NULL;
  if (s->ws) {
    ws_send_text(s->ws, text, strlen(text));
    ws_close(s->ws, WS_NORMAL, NULL);
  } else {
    session_free(s);
  }
}

static void fail(struct session *s, err *e) {
  finish(s, json_pack("{s:s}", "error", err_message(e)));
  err_free(e);
}

static void on_output(void *arg, int fd, const char *data, size_t len) {
  struct session *s = arg;
  if (!s->ws) return;
  auto_free char *frame = mem_alloc(len + 1);
  frame[0] = (char)(fd == 2 ? EXEC_FROM_STDERR : EXEC_FROM_STDOUT);
  memcpy(frame + 1, data, len);
  ws_send_binary(s->ws, frame, len + 1);
  if (ws_pending(s->ws) > STREAM_HOLD_BYTES && !s->held) {
    s->held = true;
    engine_exec_pause(s->exec, true);
  }
}

static void on_drained(void *arg) {
  struct session *s = arg;
  if (s->held && s->exec) engine_exec_pause(s->exec, false);
  s->held = false;
}

static void on_exit_of_command(void *arg, err *e, int exit_code) {
  struct session *s = arg;
  if (e)
    fail(s, e);
  else
    finish(s, json_pack("{s:i}", "exit", exit_code));
}

static err *read_argv(const json_t *message, struct strv *argv) {
  const json_t *list = json_object_get(message, "argv");
  if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > ARGS_MAX)
    return err_new(ERR_INVALID, "'argv' must be a list of 1 to %d texts", ARGS_MAX);
  for (size_t i = 0; i < json_array_size(list); i++) {
    const char *text = json_string_value(json_array_get(list, i));
    if (!text) return err_new(ERR_INVALID, "'argv' must be a list of texts");
    strv_add(argv, text);
  }
  return NULL;
}

static int window(const json_t *message, const char *name, int otherwise) {
  int64_t value = json_get_int(message, name, otherwise);
  return value > 0 && value < 10000 ? (int)value : otherwise;
}

static err *start(struct session *s, const char *data, size_t len) {
  auto_json *message = NULL;
  auto_strv argv = STRV_EMPTY, env = STRV_EMPTY;
  TRY(json_parse(data, len, "the first message", &message));
  TRY(read_argv(message, &argv));
  const char *name;
  json_t *value;
  json_object_foreach(json_object_get(message, "env"), name, value)
    if (json_is_string(value)) strv_addf(&env, "%s=%s", name, json_string_value(value));
  struct exec_options options = {.instance_id = s->instance_id,
                                 .argv = (const char *const *)argv.items,
                                 .env = (const char *const *)env.items,
                                 .terminal = json_get_bool(message, "tty", false),
                                 .columns = window(message, "columns", 80),
                                 .rows = window(message, "rows", 24),
                                 .on_output = on_output,
                                 .on_exit = on_exit_of_command,
                                 .arg = s};
  s->started = true;
  return engine_exec_start(s->api->parts.engine, &options, &s->exec);
}

/* Queue "exec input": what the command has not taken yet.  Bound: STREAM_QUEUE_BYTES and one message.
 * Policy: beyond it nothing more is read from the client until the command has caught up. */
static void look_at_input(void *arg) {
  struct session *s = arg;
  if (s->exec && engine_exec_pending(s->exec) > STREAM_QUEUE_BYTES) return;
  timer_stop(s->input_watch);
  s->input_watch = NULL;
  if (s->ws) ws_pause(s->ws, false);
}

static void hold_input_back(struct session *s) {
  if (s->input_watch || engine_exec_pending(s->exec) <= STREAM_QUEUE_BYTES) return;
  ws_pause(s->ws, true);
  s->input_watch = timer_start(s->api->parts.loop, STREAM_INPUT_LOOK_MS, STREAM_INPUT_LOOK_MS, look_at_input, s);
}

bool exec_may_stay(api *a, struct caller *caller, const char *environment_id) {
  auto_err *e = auth_check_alive(a, caller);
  if (!e) e = access_environment(a, caller, environment_id, WORKSPACE_MEMBER);
  return !e || (err_code_of(e) != ERR_DENIED && err_code_of(e) != ERR_NOT_FOUND);
}

static void look_at_access(void *arg) {
  struct session *s = arg;
  if (exec_may_stay(s->api, &s->caller, s->environment_id)) return;
  if (s->ws) ws_close(s->ws, WS_POLICY, "you may not be here any more"); /* on_close ends the command */
}

static void take_input(struct session *s, const char *data, size_t len) {
  if (!s->exec || len == 0) return;
  if (data[0] == EXEC_TO_STDIN && len == 1) {
    engine_exec_close_input(s->exec);
  } else if (data[0] == EXEC_TO_STDIN) {
    engine_exec_write(s->exec, data + 1, len - 1);
    hold_input_back(s);
  } else if (data[0] == EXEC_TO_SIZE) {
    auto_json *size = json_loadb(data + 1, len - 1, 0, NULL);
    engine_exec_resize(s->exec, window(size, "columns", 80), window(size, "rows", 24));
  }
}

static void on_message(void *arg, bool is_text, const char *data, size_t len) {
  struct session *s = arg;
  if (s->started) {
    if (!is_text) take_input(s, data, len);
    return;
  }
  err *e = is_text ? start(s, data, len) : err_new(ERR_INVALID, "the first message must be text");
  if (e) fail(s, e);
}

static void on_close(void *arg, int code, const char *reason) {
  (void)code, (void)reason;
  struct session *s = arg;
  s->ws = NULL;
  if (s->exec) {
    engine_exec_kill(s->exec); /* on_exit frees */
    return;
  }
  session_free(s);
}

/* The deployment that the request names, and that the caller may change; which replica, or -1. */
err *exec_find_deployment(api *a, const http_request *r, const struct caller *caller,
                          struct deployment *ret_deployment, int *ret_replica) {
  auto_service_instance instance = {0};
  bool found = false;
  *ret_replica = -1;
  const char *id = http_query(r, "deploymentId"), *service_id = http_query(r, "serviceId");
  const char *environment_id = http_query(r, "environmentId"), *replica_id = http_query(r, "instanceId");
  auto_deployment_instance replica = {0};
  if (replica_id) {
    err *e = deployment_instance_get(a->parts.db, replica_id, &replica);
    if (e && err_code_of(e) != ERR_NOT_FOUND) return e;
    err_ignore(e); /* one that is not there is told as one that is somebody else's */
    id = replica.deployment_id;
    *ret_replica = replica.replica_index;
  }
  if (id) {
    TRY(access_deployment(a, caller, id, WORKSPACE_MEMBER));
    return deployment_get(a->parts.db, id, ret_deployment);
  }
  if (!service_id || !environment_id)
    return err_new(ERR_INVALID, "name a deploymentId, or a serviceId and an environmentId");
  TRY(access_environment(a, caller, environment_id, WORKSPACE_MEMBER));
  TRY(service_instance_find(a->parts.db, service_id, environment_id, &found, &instance));
  if (found) TRY(deployment_find_active(a->parts.db, instance.id, &found, ret_deployment));
  if (!found) return err_new(ERR_CONFLICT, "the service has no live deployment in this environment: `tram up` first");
  return NULL;
}

static err *open_session(api *a, http_request *r) {
  auto_deployment d = {0};
  struct session *s = mem_zalloc(sizeof *s);
  int replica = -1;
  err *e = auth_caller(a, r, &s->caller);
  if (!e) e = exec_find_deployment(a, r, &s->caller, &d, &replica);
  if (!e) e = core_running_instance(a->parts.core, d.id, replica, &s->instance_id);
  if (!e && !ws_offers(r, EXEC_PROTOCOL))
    e = err_new(ERR_INVALID, "open a WebSocket with the subprotocol " EXEC_PROTOCOL);
  if (!e)
    e = audit_accepted(a, &s->caller, "exec", d.environment_id,
                       json_pack("{s:s, s:s}", "deploymentId", d.id, "serviceId", d.service_id));
  s->api = a;
  id_copy(s->environment_id, d.environment_id);
  struct ws_options options = {.subprotocol = EXEC_PROTOCOL, .on_message = on_message,
                               .on_drained = on_drained, .on_close = on_close, .arg = s};
  if (!e) e = ws_accept(r, &options, &s->ws);
  if (e) {
    session_free(s);
    return e;
  }
  s->access_watch = timer_start(a->parts.loop, STREAM_ACCESS_LOOK_MS, STREAM_ACCESS_LOOK_MS, look_at_access, s);
  return NULL;
}

void handle_exec(http_request *r, void *api_) {
  err *e = open_session(api_, r);
  if (e) http_respond_err(r, e);
}
