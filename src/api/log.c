/* Logs, as they stand. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "api/log_read.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/deployment.h"

struct collected {
  json_t *logs;
  const char *deployment_id;
};

static void collect(void *arg, const struct log_entry *entry) {
  struct collected *c = arg;
  json_array_append_new(c->logs, log_json(entry, c->deployment_id));
}

err *log_read_time(const struct graphql_call *call, const char *argument, int64_t *ret_ns) {
  const char *text = arg_text(call, argument);
  int64_t us;
  *ret_ns = 0;
  if (!text) return NULL;
  if (!clock_parse(text, &us))
    return err_new(ERR_INVALID, "'%s' is no date: write it as 2026-11-21T06:00:57Z", argument);
  *ret_ns = us * 1000;
  return NULL;
}

err *log_read_limit(const struct graphql_call *call, const char *argument, int *ret_limit) {
  int64_t limit = json_get_int(call->args, argument, LOG_READ_DEFAULT);
  if (limit < 1 || limit > LOG_READ_MAX)
    return err_new(ERR_INVALID, "'%s' must be 1 to %d", argument, LOG_READ_MAX);
  *ret_limit = (int)limit;
  return NULL;
}

static err *read_deployment(struct graphql_call *call, enum log_kind kind, json_t **ret_value) {
  struct log_query query = {.kind = kind, .deployment_id = arg_text(call, "deploymentId"),
                            .filter = arg_text(call, "filter")};
  TRY(log_read_time(call, "startDate", &query.after_ns));
  TRY(log_read_time(call, "endDate", &query.before_ns));
  TRY(log_read_limit(call, "limit", &query.limit));
  auto_json *logs = json_array();
  struct collected c = {logs, query.deployment_id};
  TRY(log_store_query(asking_of(call)->api->parts.logs, &query, collect, &c));
  *ret_value = json_incref(logs);
  return NULL;
}

RESOLVER(query_build_logs) {
  return read_deployment(call, LOG_BUILD, ret_value);
}

RESOLVER(query_deployment_logs) {
  return read_deployment(call, LOG_DEPLOY, ret_value);
}

err *log_read_live_deployments(const struct graphql_call *call, struct deployment_list *ret_list) {
  struct deployment_filter filter = {
      .environment_id = arg_text(call, "environmentId"),
      .statuses = DEPLOYMENT_STATUS_BIT(DEPLOYMENT_SUCCESS) | DEPLOYMENT_STATUS_BIT(DEPLOYMENT_CRASHED) |
                  DEPLOYMENT_STATUS_BIT(DEPLOYMENT_DEPLOYING) | DEPLOYMENT_STATUS_BIT(DEPLOYMENT_REMOVING)};
  return deployment_list(db_of(call), &filter, NULL, ret_list);
}

static int by_time(const void *a, const void *b) {
  return strcmp(json_get_text(*(json_t *const *)a, "timestamp"), json_get_text(*(json_t *const *)b, "timestamp"));
}

/* The newest `limit` of the entries, in time order. */
static json_t *sorted_tail(const json_t *logs, size_t limit) {
  size_t len = json_array_size(logs);
  auto_free json_t **items = mem_zalloc(len * sizeof *items);
  for (size_t i = 0; i < len; i++) items[i] = json_array_get(logs, i);
  qsort(items, len, sizeof *items, by_time);
  json_t *tail = json_array();
  for (size_t i = len > limit ? len - limit : 0; i < len; i++) json_array_append(tail, items[i]);
  return tail;
}

RESOLVER(query_environment_logs) {
  auto_deployment_list list = {0};
  struct log_query query = {.kind = LOG_DEPLOY, .filter = arg_text(call, "filter")};
  int64_t anchor_ns;
  TRY(log_read_time(call, "afterDate", &query.after_ns));
  TRY(log_read_time(call, "beforeDate", &query.before_ns));
  TRY(log_read_time(call, "anchorDate", &anchor_ns));
  if (anchor_ns && !query.before_ns) query.before_ns = anchor_ns;
  TRY(log_read_limit(call, "beforeLimit", &query.limit));
  TRY(log_read_live_deployments(call, &list));
  auto_json *logs = json_array();
  for (size_t i = 0; i < list.len; i++) {
    struct collected c = {logs, list.items[i].id};
    query.deployment_id = list.items[i].id;
    TRY(log_store_query(asking_of(call)->api->parts.logs, &query, collect, &c));
  }
  *ret_value = sorted_tail(logs, (size_t)query.limit);
  return NULL;
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query", "buildLogs",       query_build_logs,       NULL },
  { "Query", "deploymentLogs",  query_deployment_logs,  NULL },
  { "Query", "environmentLogs", query_environment_logs, NULL },
};
/* clang-format on */
const struct bindings bindings_log = {rows, ARRAY_LEN(rows)};
