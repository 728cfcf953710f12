#include "graphql/subscribe.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "graphql/executor.h"

struct graphql_subscription {
  struct graphql_execution execution;
  struct graphql_source *source;
  bool over;
};

void graphql_source_ready(struct graphql_source *source) {
  if (source->ready) source->ready(source->ready_arg);
}

/* Calls the subscriber of the operation's only field. */
static fallible start_source(struct graphql_subscription *subscription) {
  struct graphql_execution *execution = &subscription->execution;
  const struct graphql_plan_field *field = execution->root->fields;
  if (!field) return err_new(ERR_INVALID, "the subscription selects nothing");
  if (field->args_error) return err_dup(field->args_error);
  if (!field->field->subscribe)
    return err_new(ERR_INVALID, "'%s' cannot be subscribed to", field->field->name);
  struct graphql_lookahead lookahead = {.plans = &execution->plans, .nodes = field->nodes};
  struct graphql_call call = graphql_execution_call(execution, field, NULL, &lookahead);
  TRY(graphql_execution_access(execution, &call));
  return field->field->subscribe(&call, &subscription->source);
}

/* Either the response of a request that is over already, or NULL and a started source. */
static json_t *start(struct graphql_subscription *subscription,
                     const struct graphql_request *request) {
  struct graphql_execution *execution = &subscription->execution;
  if (!graphql_execution_prepare(execution, request)) return graphql_execution_refuse(execution);
  if (execution->operation->kind != GRAPHQL_SUBSCRIPTION)
    return graphql_execution_run(execution, NULL);
  err *e = start_source(subscription);
  if (!e) return NULL;
  graphql_errors_add_err(&execution->errors, e, &execution->operation->at, NULL);
  return graphql_execution_refuse(execution);
}

json_t *graphql_subscribe(const graphql_schema *schema, void *context,
                          const struct graphql_request *request,
                          const struct graphql_limits *limits, void (*ready)(void *ready_arg),
                          void *ready_arg, graphql_subscription **ret_subscription) {
  graphql_subscription *subscription = mem_zalloc(sizeof *subscription);
  graphql_execution_init(&subscription->execution, schema, context, limits);
  json_t *response = start(subscription, request);
  if (response) {
    graphql_subscription_free(subscription);
    return response;
  }
  subscription->source->ready = ready;
  subscription->source->ready_arg = ready_arg;
  *ret_subscription = subscription;
  return NULL;
}

/* A token may have been taken back since the subscription began. */
static fallible check_access(graphql_subscription *subscription) {
  struct graphql_execution *execution = &subscription->execution;
  const struct graphql_plan_field *field = execution->root->fields;
  struct graphql_lookahead lookahead = {.plans = &execution->plans, .nodes = field->nodes};
  struct graphql_call call = graphql_execution_call(execution, field, NULL, &lookahead);
  return graphql_execution_access(execution, &call);
}

static fallible pull(graphql_subscription *subscription, enum graphql_event *ret_event,
                     json_t **ret_response) {
  auto_json *value = NULL;
  TRY(check_access(subscription));
  TRY(subscription->source->next(subscription->source, ret_event, &value));
  if (*ret_event == GRAPHQL_EVENT_NEXT)
    *ret_response = graphql_execution_run(&subscription->execution, value ? value : json_null());
  return NULL;
}

fallible graphql_subscription_next(graphql_subscription *subscription,
                                   enum graphql_event *ret_event, json_t **ret_response) {
  enum graphql_event event = GRAPHQL_EVENT_END;
  err *e = subscription->over ? NULL : pull(subscription, &event, ret_response);
  subscription->over = e || event == GRAPHQL_EVENT_END;
  if (!e) *ret_event = event;
  return e;
}

void graphql_subscription_free(graphql_subscription *subscription) {
  if (!subscription) return;
  if (subscription->source) {
    subscription->source->ready = NULL;
    subscription->source->close(subscription->source);
  }
  graphql_execution_done(&subscription->execution);
  free(subscription);
}
