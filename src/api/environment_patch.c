/* The configuration of an environment as a document, and patches of it. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/compose.h"
#include "core/environment_patch.h"
#include "core/environment_sync.h"
#include "core/staged.h"
#include "store/account.h"
#include "store/environment_patch.h"
#include "store/project.h"

static bool values_wanted(const struct graphql_call *call) {
  return json_is_true(json_object_get(call->args, "decryptVariables"));
}

/* ---- Environment ---- */

RESOLVER(environment_config) {
  auto_environment_state state = {0};
  TRY(environment_state_load(core_of(call), parent_text(call, "id"), &state));
  *ret_value = environment_config_told(state.config, NULL, values_wanted(call));
  return NULL;
}

RESOLVER(environment_config_tag) {
  auto_environment_state state = {0};
  char etag[SHA256_HEX_SIZE];
  TRY(environment_state_load(core_of(call), parent_text(call, "id"), &state));
  core_config_etag(core_of(call), state.config, NULL, etag);
  *ret_value = json_string(etag);
  return NULL;
}

/* Null when what is staged does not fit any more. */
RESOLVER(environment_changes_count) {
  auto_environment_patch staged = {0};
  auto_json *changes = NULL;
  TRY(core_staged(core_of(call), parent_text(call, "id"), &staged));
  err *e = *staged.id ? core_patch_changes(core_of(call), &staged, false, &changes) : NULL;
  if (e && err_code_of(e) != ERR_CONFLICT && err_code_of(e) != ERR_INVALID) return e;
  if (!e) *ret_value = json_integer((json_int_t)json_array_size(changes));
  err_free(e);
  return NULL;
}

/* ---- EnvironmentPatch: "document" is not told as it is ---- */

/* A patch that is no row (nothing staged, a preview) has the environment's id. */
static json_t *patch_json(const struct environment_patch *p) {
  json_t *o = json_object();
  json_set_text(o, "id", *p->id ? p->id : p->environment_id);
  json_set_text(o, "environmentId", p->environment_id);
  json_set_text(o, "status", environment_patch_status_name(p->status));
  json_set_text(o, "message", p->message);
  json_set_text(o, "lastAppliedError", p->last_applied_error);
  json_set_text(o, "appliedUserId", *p->applied_user_id ? p->applied_user_id : NULL);
  json_object_set_new(o, "createdAt", time_json(p->created_us ? p->created_us : clock_now_us()));
  json_object_set_new(o, "updatedAt", time_json(p->updated_us ? p->updated_us : clock_now_us()));
  json_object_set_new(o, "appliedAt", time_json(p->applied_us));
  json_set_text(o, "document", p->patch);
  if (p->changes) json_object_set(o, "recorded", p->changes);
  return o;
}

static err *document_of(const struct graphql_call *call, json_t **ret_document) {
  const char *text = parent_text(call, "document");
  if (text) return json_parse(text, strlen(text), "stored patch", ret_document);
  *ret_document = json_object();
  return NULL;
}

RESOLVER(patch_patch) {
  auto_environment_state state = {0};
  auto_json *document = NULL;
  TRY(document_of(call, &document));
  TRY(environment_state_load(core_of(call), parent_text(call, "environmentId"), &state));
  *ret_value = environment_config_told(document, state.config, values_wanted(call));
  return NULL;
}

RESOLVER(patch_changes) {
  auto_environment_patch p = {.patch = str_dup(parent_text(call, "document")),
                              .changes = json_incref(json_object_get(call->parent, "recorded"))};
  id_copy(p.environment_id, parent_text(call, "environmentId"));
  return core_patch_changes(core_of(call), &p, values_wanted(call), ret_value);
}

RESOLVER(patch_etag) {
  auto_environment_state state = {0};
  char etag[SHA256_HEX_SIZE];
  TRY(environment_state_load(core_of(call), parent_text(call, "environmentId"), &state));
  core_config_etag(core_of(call), state.config, parent_text(call, "document"), etag);
  *ret_value = json_string(etag);
  return NULL;
}

RESOLVER(patch_environment) {
  auto_environment environment = {0};
  TRY(environment_get(db_of(call), parent_text(call, "environmentId"), &environment));
  *ret_value = environment_json(&environment);
  return NULL;
}

RESOLVER(patch_applied_by) {
  auto_user user = {0};
  const char *id = parent_text(call, "appliedUserId");
  if (!id) return NULL;
  TRY(user_get(db_of(call), id, &user));
  *ret_value = json_pack("{s:s, s:s, s:s?}", "id", user.id, "email", user.email, "name", user.name);
  return NULL;
}

/* ---- queries ---- */

RESOLVER(query_patch) {
  auto_environment_patch p = {0};
  TRY(environment_patch_get(db_of(call), arg_text(call, "id"), &p));
  *ret_value = patch_json(&p);
  return NULL;
}

RESOLVER(query_patches) {
  auto_environment_patch_list list = {0};
  TRY(environment_patch_list(db_of(call), arg_text(call, "environmentId"), NULL, &list));
  json_t *nodes = json_array();
  for (size_t i = 0; i < list.len; i++) json_array_append_new(nodes, patch_json(&list.items[i]));
  return relay_connection(nodes, call->args, false, ret_value);
}

RESOLVER(query_staged) {
  auto_environment_patch p = {0};
  TRY(core_staged(core_of(call), arg_text(call, "environmentId"), &p));
  *ret_value = patch_json(&p);
  return NULL;
}

/* ---- what is staged, and again whenever that changes ---- */

struct staged_source {
  struct graphql_source source;
  core *core;
  char environment_id[ID_SIZE];
  core_watch *watch;
  bool changed;
};

static err *staged_source_next(struct graphql_source *source, enum graphql_event *ret_event, json_t **ret_value) {
  struct staged_source *s = CONTAINER_OF(source, struct staged_source, source);
  auto_environment_patch p = {0};
  *ret_event = GRAPHQL_EVENT_WAIT;
  if (!s->changed) return NULL;
  s->changed = false;
  TRY(core_staged(s->core, s->environment_id, &p));
  *ret_event = GRAPHQL_EVENT_NEXT;
  *ret_value = patch_json(&p);
  return NULL;
}

static void staged_source_close(struct graphql_source *source) {
  struct staged_source *s = CONTAINER_OF(source, struct staged_source, source);
  core_watch_stop(s->watch);
  free(s);
}

static void staged_source_changed(void *arg, const char *environment_id) {
  (void)environment_id;
  struct staged_source *s = arg;
  s->changed = true;
  graphql_source_ready(&s->source);
}

static err *subscribe_staged(struct graphql_call *call, struct graphql_source **ret_source) {
  struct staged_source *s = mem_zalloc(sizeof *s);
  s->source.next = staged_source_next;
  s->source.close = staged_source_close;
  s->core = core_of(call);
  s->changed = true;
  id_copy(s->environment_id, arg_text(call, "environmentId"));
  s->watch = core_watch_start(s->core, s->environment_id, staged_source_changed, s);
  *ret_source = &s->source;
  return NULL;
}

RESOLVER(query_preview) {
  auto_environment_patch p = {0};
  TRY(core_patch_preview(core_of(call), arg_text(call, "environmentId"), json_object_get(call->args, "patch"), &p));
  *ret_value = patch_json(&p);
  return NULL;
}

/* ---- mutations ---- */

RESOLVER(mutation_stage) {
  auto_environment_patch p = {0};
  TRY(core_stage(core_of(call), arg_text(call, "environmentId"), input_of(call),
                 json_is_true(json_object_get(call->args, "merge")), asking_of(call)->caller.user_id, &p));
  *ret_value = patch_json(&p);
  return NULL;
}

RESOLVER(mutation_discard) {
  auto_environment_patch p = {0};
  const json_t *paths = json_object_get(call->args, "paths");
  TRY(core_unstage(core_of(call), arg_text(call, "environmentId"), json_is_array(paths) ? paths : NULL, &p));
  *ret_value = patch_json(&p);
  return NULL;
}

static err *is_admin(const struct graphql_call *call, bool *ret_admin) {
  const struct asking *asking = asking_of(call);
  auto_err *e = access_environment(asking->api, &asking->caller, arg_text(call, "environmentId"), WORKSPACE_ADMIN);
  *ret_admin = !e;
  return !e || err_code_of(e) == ERR_DENIED ? NULL : err_dup(e);
}

static err *commit(const struct graphql_call *call, const json_t *patch, json_t **ret_value) {
  char id[ID_SIZE];
  struct core_patch_commit request = {.environment_id = arg_text(call, "environmentId"),
                                      .patch = patch,
                                      .message = arg_text(call, "commitMessage"),
                                      .user_id = asking_of(call)->caller.user_id,
                                      .etag = arg_text(call, "baseConfigEtag"),
                                      .skip_deploys = json_is_true(json_object_get(call->args, "skipDeploys"))};
  TRY(is_admin(call, &request.is_admin));
  TRY(core_patch_commit(core_of(call), &request, id));
  *ret_value = json_string(id);
  return NULL;
}

RESOLVER(mutation_commit) {
  const json_t *patch = json_object_get(call->args, "patch");
  return commit(call, json_is_null(patch) ? NULL : patch, ret_value);
}

RESOLVER(mutation_commit_staged) {
  return commit(call, NULL, ret_value);
}

/* ---- one environment like another ---- */

/* Who may not read the other's variables may not have them handed over here. */
static err *sync_patch(const struct graphql_call *call, json_t **ret_patch) {
  const struct asking *asking = asking_of(call);
  const char *id = arg_text(call, "environmentId"), *source_id = arg_text(call, "sourceEnvironmentId");
  auto_environment here = {0}, there = {0};
  auto_environment_state from = {0}, to = {0};
  TRY(access_environment(asking->api, &asking->caller, source_id, WORKSPACE_MEMBER));
  TRY(environment_get(db_of(call), id, &here));
  TRY(environment_get(db_of(call), source_id, &there));
  if (!str_eq(here.project_id, there.project_id)) return err_new(ERR_NOT_FOUND, "Environment not found");
  TRY(environment_state_load(core_of(call), source_id, &from));
  TRY(environment_state_load(core_of(call), id, &to));
  *ret_patch = environment_sync_patch(from.config, to.config);
  return NULL;
}

static err *sync_preview(const struct graphql_call *call, json_t **ret_patch, struct environment_patch *ret_preview) {
  TRY(sync_patch(call, ret_patch));
  return core_patch_preview(core_of(call), arg_text(call, "environmentId"), *ret_patch, ret_preview);
}

RESOLVER(query_sync) {
  auto_json *patch = NULL;
  auto_environment_patch p = {0};
  TRY(sync_preview(call, &patch, &p));
  *ret_value = patch_json(&p);
  return NULL;
}

/* Either environment may have changed since somebody looked. */
RESOLVER(mutation_sync) {
  auto_json *patch = NULL;
  auto_environment_patch p = {0};
  auto_environment_state state = {0};
  char etag[SHA256_HEX_SIZE];
  const char *expected = arg_text(call, "etag");
  TRY(sync_preview(call, &patch, &p));
  TRY(environment_state_load(core_of(call), p.environment_id, &state));
  core_config_etag(core_of(call), state.config, p.patch, etag);
  if (expected && !str_eq(expected, etag))
    return err_new(ERR_CONFLICT, "the configuration was changed in the meantime: look at the changes again");
  return commit(call, patch, ret_value);
}

/* ---- docker-compose ---- */

static const char *no_variable(void *arg, const char *name) {
  (void)arg, (void)name;
  return NULL;
}

static err *no_file(void *arg, const char *path, json_t **ret_variables) {
  (void)arg, (void)path, (void)ret_variables;
  return err_new(ERR_NOT_FOUND, "the API gets the compose file alone; `tram import` reads what is beside it");
}

static err *read_compose(const char *text, struct import_plan *ret_plan) {
  static const struct compose_input input = {.file = "compose.yml", .get_env = no_variable, .read_env = no_file};
  auto_yml *root = NULL;
  TRY(yml_parse(text, strlen(text), input.file, &root));
  return compose_read(root, &input, ret_plan);
}

static json_t *texts_json(const struct strv *texts) {
  json_t *list = json_array();
  for (size_t i = 0; i < texts->len; i++) json_array_append_new(list, json_string(texts->items[i]));
  return list;
}

/* What the file asks for and the project cannot have is an answer, not an error of the request. */
static err *refuse_compose(err *e, json_t **ret_value) {
  auto_strv lines = STRV_EMPTY;
  if (err_code_of(e) == ERR_IO || err_code_of(e) == ERR_CORRUPT || err_code_of(e) == ERR_BUSY) return e;
  strv_split(&lines, err_message(e), '\n');
  err_ignore(e);
  *ret_value = json_pack("{s:o, s:n}", "errors", texts_json(&lines), "patch");
  return NULL;
}

static err *import_compose(const struct graphql_call *call, const struct import_plan *plan, json_t **ret_document) {
  const char *environment_id = arg_text(call, "environmentId");
  auto_environment_patch preview = {0}, staged = {0};
  TRY(core_patch_preview(core_of(call), environment_id, plan->patch, &preview));
  TRY(err_recode(json_parse(preview.patch, strlen(preview.patch), "patch", ret_document), ERR_CORRUPT));
  if (json_is_true(json_object_get(call->args, "skipStagingPatch"))) return NULL;
  return core_stage(core_of(call), environment_id, plan->patch, true, asking_of(call)->caller.user_id, &staged);
}

RESOLVER(mutation_compose_import) {
  auto_environment environment = {0};
  auto_import_plan plan = {0};
  auto_json *document = NULL;
  TRY(environment_get(db_of(call), arg_text(call, "environmentId"), &environment));
  if (!str_eq(environment.project_id, arg_text(call, "projectId"))) return err_new(ERR_NOT_FOUND, "Project not found");
  err *e = read_compose(arg_text(call, "yaml"), &plan);
  if (!e) e = import_compose(call, &plan, &document);
  if (e) return refuse_compose(e, ret_value);
  *ret_value = json_pack("{s:o, s:o}", "errors", texts_json(&plan.notes), "patch",
                         environment_config_told(document, NULL, false));
  return NULL;
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query",            "environmentPatch",             query_patch,               NULL },
  { "Query",            "environmentPatches",           query_patches,             NULL },
  { "Query",            "environmentPatchPreview",      query_preview,             NULL },
  { "Query",            "environmentStagedChanges",     query_staged,              NULL },
  { "Subscription",     "environmentStagedPatch",       NULL,                      subscribe_staged },
  { "Query",            "environmentSyncPreview",       query_sync,                NULL },
  { "Mutation",         "dockerComposeImport",          mutation_compose_import,   NULL },
  { "Mutation",         "environmentStageChanges",      mutation_stage,            NULL },
  { "Mutation",         "environmentDiscardChanges",    mutation_discard,          NULL },
  { "Mutation",         "environmentPatchCommit",       mutation_commit,           NULL },
  { "Mutation",         "environmentPatchCommitStaged", mutation_commit_staged,    NULL },
  { "Mutation",         "environmentSync",              mutation_sync,             NULL },
  { "Environment",      "config",                       environment_config,        NULL },
  { "Environment",      "configEtag",                   environment_config_tag,    NULL },
  { "Environment",      "unmergedChangesCount",         environment_changes_count, NULL },
  { "EnvironmentPatch", "patch",                        patch_patch,               NULL },
  { "EnvironmentPatch", "changes",                      patch_changes,             NULL },
  { "EnvironmentPatch", "etag",                         patch_etag,                NULL },
  { "EnvironmentPatch", "environment",                  patch_environment,         NULL },
  { "EnvironmentPatch", "appliedBy",                    patch_applied_by,          NULL },
};
/* clang-format on */
const struct bindings bindings_environment_patch = {rows, ARRAY_LEN(rows)};
