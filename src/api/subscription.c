/* Subscriptions: sources that are pulled from when the client has room. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "api/log_read.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/deployment.h"

/* ---- logs ---- */

enum { LOG_BATCH = 500 };

struct followed {
  log_follower *follower;
  char deployment_id[ID_SIZE];
};

struct log_source {
  struct graphql_source source;
  struct asking *asking;
  struct followed *items;
  size_t len;
  size_t next; /* whose turn it is */
  bool ends;   /* a build log: ends with the build */
  core_watch *watch;
};

struct batch {
  json_t *logs;
  const char *deployment_id;
};

static void add_to_batch(void *arg, const struct log_entry *entry) {
  struct batch *b = arg;
  json_array_append_new(b->logs, log_json(entry, b->deployment_id));
}

static err *build_is_over(struct log_source *s, bool *ret_over) {
  auto_deployment d = {0};
  *ret_over = false;
  if (!s->ends) return NULL;
  TRY(deployment_get(s->asking->api->parts.db, s->items[0].deployment_id, &d));
  *ret_over = deployment_status_is_final(d.status) || deployment_status_is_active(d.status) ||
              d.status == DEPLOYMENT_REMOVING;
  return NULL;
}

static err *log_source_next(struct graphql_source *source, enum graphql_event *ret_event,
                            json_t **ret_value) {
  struct log_source *s = CONTAINER_OF(source, struct log_source, source);
  bool over = false;
  TRY(build_is_over(s, &over)); /* before reading: what is written until then is read below */
  for (size_t turn = 0; turn < s->len; turn++) {
    struct followed *f = &s->items[s->next++ % s->len];
    auto_json *logs = json_array();
    struct batch b = {logs, f->deployment_id};
    int count = 0;
    TRY(log_follower_next(f->follower, LOG_BATCH, add_to_batch, &b, &count));
    if (!count) continue;
    *ret_event = GRAPHQL_EVENT_NEXT;
    *ret_value = json_incref(logs);
    return NULL;
  }
  *ret_event = over ? GRAPHQL_EVENT_END : GRAPHQL_EVENT_WAIT;
  return NULL;
}

static void log_source_close(struct graphql_source *source) {
  struct log_source *s = CONTAINER_OF(source, struct log_source, source);
  for (size_t i = 0; i < s->len; i++) log_follower_stop(s->items[i].follower);
  core_watch_stop(s->watch);
  free(s->items);
  free(s);
}

static void log_source_ready(void *arg) {
  graphql_source_ready(&((struct log_source *)arg)->source);
}

static void log_source_changed(void *arg, const char *deployment_id) {
  (void)deployment_id;
  log_source_ready(arg);
}

static struct log_source *log_source_new(const struct graphql_call *call, size_t capacity) {
  struct log_source *s = mem_zalloc(sizeof *s);
  s->source.next = log_source_next;
  s->source.close = log_source_close;
  s->asking = asking_of(call);
  s->items = mem_zalloc(capacity * sizeof *s->items);
  return s;
}

static err *follow(struct log_source *s, struct log_query *query) {
  struct followed *f = &s->items[s->len];
  id_copy(f->deployment_id, query->deployment_id);
  TRY(log_follow(s->asking->api->parts.logs, query, log_source_ready, s, &f->follower));
  s->len++;
  return NULL;
}

static err *subscribe_to_deployment(struct graphql_call *call, enum log_kind kind,
                                    struct graphql_source **ret_source) {
  struct log_query query = {.kind = kind, .deployment_id = arg_text(call, "deploymentId"),
                            .filter = arg_text(call, "filter")};
  TRY(log_read_limit(call, "limit", &query.limit));
  struct log_source *s = log_source_new(call, 1);
  s->ends = kind == LOG_BUILD;
  err *e = follow(s, &query);
  if (e) {
    log_source_close(&s->source);
    return e;
  }
  if (s->ends) s->watch = core_watch_start(core_of(call), query.deployment_id, log_source_changed, s);
  *ret_source = &s->source;
  return NULL;
}

static err *subscribe_build_logs(struct graphql_call *call, struct graphql_source **ret_source) {
  return subscribe_to_deployment(call, LOG_BUILD, ret_source);
}

static err *subscribe_deployment_logs(struct graphql_call *call, struct graphql_source **ret_source) {
  return subscribe_to_deployment(call, LOG_DEPLOY, ret_source);
}

static err *subscribe_environment_logs(struct graphql_call *call, struct graphql_source **ret_source) {
  auto_deployment_list list = {0};
  struct log_query query = {.kind = LOG_DEPLOY, .filter = arg_text(call, "filter")};
  TRY(log_read_time(call, "afterDate", &query.after_ns));
  TRY(log_read_limit(call, "beforeLimit", &query.limit));
  TRY(log_read_live_deployments(call, &list));
  struct log_source *s = log_source_new(call, list.len);
  err *e = NULL;
  for (size_t i = 0; i < list.len && !e; i++) {
    query.deployment_id = list.items[i].id;
    e = follow(s, &query);
  }
  if (e) {
    log_source_close(&s->source);
    return e;
  }
  *ret_source = &s->source;
  return NULL;
}

/* ---- a deployment's status, and its steps ---- */

struct deployment_source {
  struct graphql_source source;
  struct asking *asking;
  char id[ID_SIZE];
  core_watch *watch;
  json_t *last;      /* what was told last: only changes are told */
  json_t *told_steps; /* step id → what was told of it */
  bool changed;
};

static void deployment_source_close(struct graphql_source *source) {
  struct deployment_source *s = CONTAINER_OF(source, struct deployment_source, source);
  core_watch_stop(s->watch);
  json_decref(s->last);
  json_decref(s->told_steps);
  free(s);
}

static void deployment_source_changed(void *arg, const char *deployment_id) {
  (void)deployment_id;
  struct deployment_source *s = arg;
  s->changed = true;
  graphql_source_ready(&s->source);
}

static err *deployment_source_new(struct graphql_call *call,
                                  err *(*next)(struct graphql_source *, enum graphql_event *, json_t **),
                                  struct graphql_source **ret_source) {
  struct deployment_source *s = mem_zalloc(sizeof *s);
  s->source.next = next;
  s->source.close = deployment_source_close;
  s->asking = asking_of(call);
  s->changed = true;
  s->told_steps = json_object();
  id_copy(s->id, arg_text(call, "id"));
  s->watch = core_watch_start(core_of(call), s->id, deployment_source_changed, s);
  *ret_source = &s->source;
  return NULL;
}

/* What a client may want to know of: the row, and its instances (an update of either is told, also
 * when two quick ones leave things looking as before). */
static err *state_of(struct deployment_source *s, const struct deployment *d, json_t **ret_state) {
  auto_deployment_instance_list list = {0};
  TRY(deployment_instance_list(s->asking->api->parts.db, d->id, &list));
  json_t *instances = json_array();
  for (size_t i = 0; i < list.len; i++)
    json_array_append_new(instances, json_pack("[s, I]", list.items[i].id, (json_int_t)list.items[i].updated_us));
  *ret_state = json_pack("[o, o]", deployment_json(d), instances);
  return NULL;
}

static err *status_next(struct graphql_source *source, enum graphql_event *ret_event, json_t **ret_value) {
  struct deployment_source *s = CONTAINER_OF(source, struct deployment_source, source);
  auto_deployment d = {0};
  *ret_event = GRAPHQL_EVENT_WAIT;
  if (!s->changed) return NULL;
  s->changed = false;
  TRY(deployment_get(s->asking->api->parts.db, s->id, &d));
  auto_json *now = NULL;
  TRY(state_of(s, &d, &now));
  if (s->last && json_equal(s->last, now)) {
    if (deployment_status_is_final(d.status)) *ret_event = GRAPHQL_EVENT_END;
    return NULL;
  }
  json_decref(s->last);
  s->last = json_incref(now);
  s->changed = deployment_status_is_final(d.status); /* so that the next call finds the end */
  *ret_event = GRAPHQL_EVENT_NEXT;
  *ret_value = json_incref(json_array_get(now, 0));
  return NULL;
}

static err *steps_next(struct graphql_source *source, enum graphql_event *ret_event, json_t **ret_value) {
  struct deployment_source *s = CONTAINER_OF(source, struct deployment_source, source);
  auto_deployment_step_list list = {0};
  *ret_event = GRAPHQL_EVENT_WAIT;
  if (!s->changed) return NULL;
  TRY(deployment_step_list(s->asking->api->parts.db, s->id, &list));
  for (size_t i = 0; i < list.len; i++) {
    json_t *told = json_object_get(s->told_steps, list.items[i].id);
    auto_json *now = deployment_event_json(&list.items[i]);
    if (told && json_equal(told, now)) continue;
    json_object_set(s->told_steps, list.items[i].id, now);
    *ret_event = GRAPHQL_EVENT_NEXT;
    *ret_value = json_incref(now);
    return NULL;
  }
  s->changed = false;
  return NULL;
}

static err *subscribe_deployment(struct graphql_call *call, struct graphql_source **ret_source) {
  return deployment_source_new(call, status_next, ret_source);
}

static err *subscribe_events(struct graphql_call *call, struct graphql_source **ret_source) {
  return deployment_source_new(call, steps_next, ret_source);
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Subscription", "buildLogs",        NULL, subscribe_build_logs },
  { "Subscription", "deploymentLogs",   NULL, subscribe_deployment_logs },
  { "Subscription", "environmentLogs",  NULL, subscribe_environment_logs },
  { "Subscription", "deployment",       NULL, subscribe_deployment },
  { "Subscription", "deploymentEvents", NULL, subscribe_events },
};
/* clang-format on */
const struct bindings bindings_subscription = {rows, ARRAY_LEN(rows)};
