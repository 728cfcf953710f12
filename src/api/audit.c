/* The audit log: written around every mutation, and read. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/account.h"
#include "store/audit.h"
#include "store/project.h"

enum { TEXT_MAX = 200, PAYLOAD_MAX = 64 * 1024 /* two paths of the longest, escaped */ };

/* ---- what is recorded of arguments ---- */

/* Texts by these names are recorded; all others are only named: what is no secret today may hold one
 * tomorrow (a repository's URL, a command). */
static bool may_be_told(const char *name) {
  static const char *const names[] = {"id", "name", "role", "email", "branch", "domain", "status",
                                      "defaultEnvironmentName", "action"};
  for (size_t i = 0; i < ARRAY_LEN(names); i++)
    if (str_eq(name, names[i])) return true;
  return str_ends(name, "Id");
}

static json_t *told(const char *name, json_t *value);

/* The members of an input; of any other object (variables, free JSON) only their names. */
static json_t *told_object(json_t *object, bool is_input) {
  json_t *o = json_object();
  const char *name;
  json_t *value;
  json_object_foreach(object, name, value)
    json_object_set_new(o, name, is_input ? told(name, value) : json_string("…"));
  return o;
}

static json_t *told(const char *name, json_t *value) {
  if (json_is_object(value)) return told_object(value, str_eq(name, "input"));
  if (json_is_array(value)) return json_string("…");
  if (!json_is_string(value)) return json_incref(value);
  bool short_enough = json_string_length(value) <= TEXT_MAX;
  return may_be_told(name) && short_enough ? json_incref(value) : json_string("…");
}

/* As text; the caller owns it. */
static char *payload_text(const json_t *payload) {
  char *text = json_to_text(payload);
  if (strlen(text) <= PAYLOAD_MAX) return text;
  free(text);
  return str_dup("{\"arguments\":\"too large to be recorded\"}");
}

/* ---- writing ---- */

static void set_actor(struct audit_log *row, const struct caller *caller) {
  id_copy(row->actor_user_id, caller->user_id);
  id_copy(row->actor_token_id, caller->token_id);
  row->address = *caller->address ? str_dup(caller->address) : NULL;
  row->agent = *caller->agent ? str_dup(caller->agent) : NULL;
}

static void set_place(struct audit_log *row, const struct place *place) {
  id_copy(row->workspace_id, place->workspace_id);
  id_copy(row->project_id, place->project_id);
  id_copy(row->environment_id, place->environment_id);
}

static err *begin(struct graphql_call *call, json_t *payload, struct audit_log *row) {
  struct place place;
  TRY(access_place(call, &place));
  row->event_type = str_dup(call->field);
  row->payload = payload_text(payload);
  set_actor(row, &asking_of(call)->caller);
  set_place(row, &place);
  return audit_append(db_of(call), row);
}

/* What came of it.  The mutation is over: a failure to say so is no failure of it. */
static void complete(struct graphql_call *call, struct audit_log *row, json_t *payload, const err *e,
                     const json_t *value) {
  const char *made = json_get_text(value, "id"), *of = json_get_text(value, "workspaceId");
  row->outcome = !e ? AUDIT_DONE : err_code_of(e) == ERR_DENIED ? AUDIT_DENIED : AUDIT_FAILED;
  row->problem = e ? str_dup(err_message(e)) : NULL;
  if (!*row->workspace_id) id_copy(row->workspace_id, asking_of(call)->api->concerned_workspace_id);
  if (!*row->workspace_id) id_copy(row->workspace_id, of);
  if (made) json_set_text(payload, "resultId", made);
  free(row->payload);
  row->payload = payload_text(payload);
  err *problem = audit_complete(db_of(call), row);
  if (problem) log_error("api", "the outcome of %s was not recorded: %s", row->event_type, err_message(problem));
  err_free(problem);
}

/* What makes room on a full disk cannot wait until there is some for its row; tramd's log has it then. */
static err *without_row(struct graphql_call *call, graphql_resolver *resolve, err *why, json_t **ret_value) {
  if (!str_eq(call->field, "tramwayDiskLook")) return why;
  log_warn("api", "%s by user '%s' is not in the audit log: %s", call->field, asking_of(call)->caller.user_id,
           err_message(why));
  err_free(why);
  return resolve(call, ret_value);
}

err *audit_mutation(struct graphql_call *call, graphql_resolver *resolve, json_t **ret_value) {
  auto_audit_log row = {0};
  auto_json *payload = json_pack("{s:o}", "arguments", told_object(call->args, true));
  asking_of(call)->api->concerned_workspace_id[0] = '\0';
  err *e = begin(call, payload, &row);
  if (e) return without_row(call, resolve, e, ret_value);
  e = resolve(call, ret_value);
  complete(call, &row, payload, e, e ? NULL : *ret_value);
  return e;
}

void audit_concerns(const struct graphql_call *call, const char *workspace_id) {
  id_copy(asking_of(call)->api->concerned_workspace_id, workspace_id);
}

err *audit_accepted(api *a, const struct caller *caller, const char *event_type, const char *environment_id,
                    json_t *detail) {
  auto_json *payload = detail ? detail : json_object();
  auto_environment environment = {0};
  auto_project project = {0};
  auto_audit_log row = {.event_type = str_dup(event_type), .outcome = AUDIT_ACCEPTED, .payload = payload_text(payload)};
  if (environment_id) TRY(environment_get(a->parts.db, environment_id, &environment));
  const char *project_id = environment_id ? environment.project_id : json_get_text(payload, "projectId");
  if (project_id) TRY(project_get(a->parts.db, project_id, &project));
  set_actor(&row, caller);
  id_copy(row.environment_id, environment.id);
  id_copy(row.project_id, project.id);
  id_copy(row.workspace_id, project.workspace_id);
  return audit_append(a->parts.db, &row);
}

/* ---- reading ---- */

static json_t *context_json(const struct audit_log *row) {
  json_t *o = json_object();
  json_set_text(o, "actorUserId", *row->actor_user_id ? row->actor_user_id : NULL);
  json_set_text(o, "actorTokenId", *row->actor_token_id ? row->actor_token_id : NULL);
  json_set_text(o, "address", row->address);
  json_set_text(o, "userAgent", row->agent);
  json_set_text(o, "outcome", audit_outcome_name(row->outcome));
  json_set_text(o, "problem", row->problem);
  json_set_text(o, "hash", row->hash);
  return o;
}

static json_t *audit_json(const struct audit_log *row) {
  json_t *payload = row->payload ? json_loads(row->payload, 0, NULL) : NULL;
  json_t *o = json_object();
  json_set_text(o, "id", row->id);
  json_set_text(o, "eventType", row->event_type);
  json_object_set_new(o, "context", context_json(row));
  json_object_set_new(o, "payload", payload ? payload : json_null());
  json_object_set_new(o, "createdAt", time_json(row->created_us));
  json_set_text(o, "workspaceId", *row->workspace_id ? row->workspace_id : NULL);
  json_set_text(o, "projectId", *row->project_id ? row->project_id : NULL);
  json_set_text(o, "environmentId", *row->environment_id ? row->environment_id : NULL);
  return o;
}

static err *read_time(const json_t *filter, const char *name, int64_t *ret_us) {
  const char *text = json_get_text(filter, name);
  if (!text || clock_parse(text, ret_us)) return NULL;
  return err_new(ERR_INVALID, "%s: '%.64s' is no time", name, text);
}

static err *is_operator(const struct graphql_call *call, bool *ret_operator) {
  const struct caller *caller = &asking_of(call)->caller;
  auto_user user = {0};
  if (!*caller->workspace_id) TRY(user_get(db_of(call), caller->user_id, &user));
  *ret_operator = user.is_admin;
  return NULL;
}

static err *read_filter(const struct graphql_call *call, struct audit_filter *filter) {
  const json_t *input = json_object_get(call->args, "filter"), *types = json_object_get(input, "eventTypes");
  filter->workspace_id = arg_text(call, "workspaceId");
  filter->project_id = json_get_text(input, "projectId");
  filter->environment_id = json_get_text(input, "environmentId");
  filter->event_types = json_is_array(types) ? types : NULL;
  TRY(read_time(input, "startDate", &filter->from_us));
  TRY(read_time(input, "endDate", &filter->until_us));
  return is_operator(call, &filter->and_of_none);
}

RESOLVER(query_audit_logs) {
  struct audit_filter filter = {0};
  struct page page = {.after = arg_text(call, "after"), .first = json_get_int(call->args, "first", RELAY_FIRST_MAX)};
  auto_audit_log_list list = {0};
  if (page.first < 1 || page.first > RELAY_FIRST_MAX)
    return err_new(ERR_INVALID, "'first' must be 1 to %d", RELAY_FIRST_MAX);
  TRY(read_filter(call, &filter));
  TRY(audit_list(db_of(call), &filter, &page, &list));
  json_t *nodes = json_array();
  for (size_t i = 0; i < list.len; i++) json_array_append_new(nodes, audit_json(&list.items[i]));
  auto_json *rest = json_object(); /* `after` and `first` were the database's part */
  if (json_object_get(call->args, "last")) json_object_set(rest, "last", json_object_get(call->args, "last"));
  return relay_connection(nodes, rest, list.has_more, ret_value);
}

RESOLVER(query_audit_log) {
  auto_audit_log row = {0};
  err *e = audit_get(db_of(call), arg_text(call, "id"), &row);
  if (e && err_code_of(e) != ERR_NOT_FOUND) return e;
  err_ignore(e); /* one that is not there is told as one that is somebody else's */
  if (!str_eq(row.workspace_id, arg_text(call, "workspaceId"))) return err_new(ERR_NOT_FOUND, "audit log not found");
  *ret_value = audit_json(&row);
  return NULL;
}

RESOLVER(query_audit_verify) {
  auto_audit_verdict v = {0};
  const char *after = arg_text(call, "after");
  long long from = 0;
  if (after && !str_to_int(after, 0, INT64_MAX, &from))
    return err_new(ERR_INVALID, "'after' is what an answer gave as next");
  TRY(audit_verify(db_of(call), from, AUDIT_VERIFY_MAX, &v));
  auto_free char *next = v.next ? str_format("%lld", (long long)v.next) : NULL;
  *ret_value = json_pack("{s:I, s:s?, s:s, s:s?, s:s?}", "rows", (json_int_t)v.rows, "next", next, "head", v.head,
                         "brokenId", *v.broken_id ? v.broken_id : NULL, "problem", v.problem);
  return NULL;
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query", "auditLogs",          query_audit_logs,   NULL },
  { "Query", "auditLog",           query_audit_log,    NULL },
  { "Query", "tramwayAuditVerify", query_audit_verify, NULL },
};
/* clang-format on */
const struct bindings bindings_audit = {rows, ARRAY_LEN(rows)};
