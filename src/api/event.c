/* Events: what happened to a project without anybody asking for it. */
#include "api/internal.h"
#include "base/mem.h"
#include "store/event.h"
#include "store/project.h"

static json_t *payload_json(const struct event *e) {
  json_t *payload = e->payload ? json_deep_copy(e->payload) : json_object();
  json_set_text(payload, "cause", e->cause);
  json_set_text(payload, "outcome", e->outcome);
  json_object_set_new(payload, "count", json_integer(e->count));
  json_object_set_new(payload, "lastAt", time_json(e->last_us));
  if (*e->service_id) json_set_text(payload, "serviceId", e->service_id);
  if (*e->deployment_id) json_set_text(payload, "deploymentId", e->deployment_id);
  return payload;
}

static json_t *event_json(const struct event *e, const char *asked_project_id) {
  json_t *o = json_object();
  json_set_text(o, "id", e->id);
  json_set_text(o, "object", e->object);
  json_set_text(o, "action", e->action);
  json_set_text(o, "severity", event_severity_name(e->severity));
  json_object_set_new(o, "createdAt", time_json(e->created_us));
  json_set_text(o, "projectId", *e->project_id ? e->project_id : NULL);
  json_set_text(o, "environmentId", *e->environment_id ? e->environment_id : NULL);
  json_set_text(o, "askedProjectId", asked_project_id); /* for Event.project: what concerns the machine has none */
  json_object_set_new(o, "payload", payload_json(e));
  return o;
}

RESOLVER(query_events) {
  const json_t *input = json_object_get(call->args, "filter");
  const json_t *object = json_object_get(input, "object"), *action = json_object_get(input, "action"),
               *service = json_object_get(input, "serviceId");
  /* A null in the input is as if it were absent. */
#define LIST(of, name) (json_is_array(json_object_get(of, name)) ? json_object_get(of, name) : NULL)
  struct event_filter filter = {.project_id = arg_text(call, "projectId"),
                                .environment_id = arg_text(call, "environmentId"),
                                .objects = LIST(object, "in"),
                                .not_objects = LIST(object, "notIn"),
                                .actions = LIST(action, "in"),
                                .not_actions = LIST(action, "notIn"),
                                .service_ids = LIST(service, "in"),
                                .not_service_ids = LIST(service, "notIn")};
#undef LIST
  /* A project token sees its own environment, whatever it asks about. */
  const struct caller *caller = &asking_of(call)->caller;
  if (caller->kind == CALLER_PROJECT) filter.environment_id = caller->environment_id;
  struct page page = {.after = arg_text(call, "after"),
                      .first = json_get_int(call->args, "first", RELAY_FIRST_MAX)};
  if (page.first < 1 || page.first > RELAY_FIRST_MAX)
    return err_new(ERR_INVALID, "'first' must be 1 to %d", RELAY_FIRST_MAX);
  auto_event_list list = {0};
  TRY(event_list(db_of(call), &filter, &page, &list));
  json_t *nodes = json_array();
  for (size_t i = 0; i < list.len; i++)
    json_array_append_new(nodes, event_json(&list.items[i], filter.project_id));
  auto_json *rest = json_object(); /* `after` and `first` were the database's part */
  if (json_object_get(call->args, "last")) json_object_set(rest, "last", json_object_get(call->args, "last"));
  return relay_connection(nodes, rest, list.has_more, ret_value);
}

RESOLVER(event_project) {
  auto_project project = {0};
  TRY(project_get(db_of(call), parent_text(call, "askedProjectId"), &project));
  *ret_value = project_json(&project);
  return NULL;
}

RESOLVER(event_environment) {
  const char *id = parent_text(call, "environmentId");
  auto_environment environment = {0};
  if (!id) return NULL;
  TRY(environment_get(db_of(call), id, &environment));
  *ret_value = environment_json(&environment);
  return NULL;
}

RESOLVER(event_activity) {
  *ret_value = json_incref(json_object_get(call->parent, "payload"));
  return NULL;
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query", "events",          query_events,      NULL },
  { "Event", "activityPayload", event_activity,    NULL },
  { "Event", "environment",     event_environment, NULL },
  { "Event", "project",         event_project,     NULL },
};
/* clang-format on */
const struct bindings bindings_event = {rows, ARRAY_LEN(rows)};
