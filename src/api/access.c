/* The one place that decides who may call what: a field's @access(role, of, by) against the caller.
 *
 * A root field names its subject by arguments; what the caller's role in the workspace that owns the
 * subject allows must cover what the field needs.  Every other id among the arguments must be of
 * something that the caller may at least look at.  Fields of objects were reached through a root field
 * that was checked, so what asks for no more than looking is open there; what asks for more is checked
 * against the object.  Who has no role at all is told NOT_FOUND, so that ids of others cannot be probed. */
#include <string.h>
#include <strings.h>

#include "api/internal.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/account.h"
#include "store/backup.h"
#include "store/bucket.h"
#include "store/deployment.h"
#include "store/domain.h"
#include "store/tcp_proxy.h"
#include "store/environment_patch.h"
#include "store/project.h"
#include "store/service.h"
#include "store/volume.h"
#include "store/webhook.h"

enum role { ROLE_NONE, ROLE_VIEWER, ROLE_DEPLOYER, ROLE_MEMBER, ROLE_ADMIN };

/* What a field needs, and which roles give it. */
enum need { NEED_LOOK = 1, NEED_LOGS = 2, NEED_PUSH = 4, NEED_CHANGE = 8, NEED_ADMIN = 16 };

/* clang-format off */
static const unsigned gives[] = {
  [ROLE_NONE]     = 0,
  [ROLE_VIEWER]   = NEED_LOOK | NEED_LOGS,
  [ROLE_DEPLOYER] = NEED_LOOK | NEED_PUSH,
  [ROLE_MEMBER]   = NEED_LOOK | NEED_LOGS | NEED_PUSH | NEED_CHANGE,
  [ROLE_ADMIN]    = NEED_LOOK | NEED_LOGS | NEED_PUSH | NEED_CHANGE | NEED_ADMIN,
};

static const struct grant {
  const char *word; /* in the schema */
  enum need need;
  const char *told; /* who has it */
} grants[] = {
  { "WORKSPACE_VIEWER",   NEED_LOOK,   "viewer" },
  { "WORKSPACE_LOGS",     NEED_LOGS,   "viewer (a deployer reads no logs)" },
  { "WORKSPACE_DEPLOYER", NEED_PUSH,   "deployer" },
  { "WORKSPACE_MEMBER",   NEED_CHANGE, "member" },
  { "WORKSPACE_ADMIN",    NEED_ADMIN,  "admin" },
};
/* clang-format on */

static const struct grant *grant_named(const char *word) {
  for (size_t i = 0; i < ARRAY_LEN(grants); i++)
    if (str_eq(grants[i].word, word)) return &grants[i];
  return NULL;
}

/* For the parts that name a role of the model. */
static const struct grant *grant_of(enum workspace_role role) {
  static const char *const words[] = {[WORKSPACE_ADMIN] = "WORKSPACE_ADMIN",
                                      [WORKSPACE_MEMBER] = "WORKSPACE_MEMBER",
                                      [WORKSPACE_DEPLOYER] = "WORKSPACE_DEPLOYER",
                                      [WORKSPACE_VIEWER] = "WORKSPACE_VIEWER"};
  return grant_named(words[role]);
}

/* ---- from a subject to its place ---- */

static err *place_project(db *d, const char *id, struct place *p) {
  auto_project project = {0};
  TRY(project_get(d, id, &project));
  id_copy(p->project_id, project.id);
  id_copy(p->workspace_id, project.workspace_id);
  return NULL;
}

static err *place_environment(db *d, const char *id, struct place *p) {
  auto_environment environment = {0};
  TRY(environment_get(d, id, &environment));
  id_copy(p->environment_id, environment.id);
  return place_project(d, environment.project_id, p);
}

static err *place_service(db *d, const char *id, struct place *p) {
  auto_service service = {0};
  TRY(service_get(d, id, &service));
  return place_project(d, service.project_id, p);
}

static err *place_deployment(db *d, const char *id, struct place *p) {
  auto_deployment deployment = {0};
  TRY(deployment_get(d, id, &deployment));
  return place_environment(d, deployment.environment_id, p);
}

static err *place_tcp_proxy(db *d, const char *id, struct place *p) {
  auto_tcp_proxy proxy = {0};
  TRY(tcp_proxy_get(d, id, &proxy));
  return place_environment(d, proxy.environment_id, p);
}

static err *place_domain(db *d, const char *id, struct place *p) {
  auto_domain domain = {0};
  TRY(domain_get(d, id, &domain));
  return place_environment(d, domain.environment_id, p);
}

static err *place_project_token(db *d, const char *id, struct place *p) {
  auto_project_token token = {0};
  TRY(project_token_get(d, id, &token));
  return place_project(d, token.project_id, p);
}

static err *place_environment_patch(db *d, const char *id, struct place *p) {
  auto_environment_patch patch = {0};
  TRY(environment_patch_get(d, id, &patch));
  return place_environment(d, patch.environment_id, p);
}

static err *place_invitation(db *d, const char *id, struct place *p) {
  auto_invitation invitation = {0};
  TRY(invitation_get(d, id, &invitation));
  id_copy(p->workspace_id, invitation.workspace_id);
  return NULL;
}

/* A deployment trigger is a service instance that deploys from a repository, and has its id. */
static err *place_trigger(db *d, const char *id, struct place *p) {
  auto_service_instance instance = {0};
  TRY(service_instance_get(d, id, &instance));
  return place_environment(d, instance.environment_id, p);
}

static err *place_webhook(db *d, const char *id, struct place *p) {
  auto_webhook hook = {0};
  TRY(webhook_get(d, id, &hook));
  return place_project(d, hook.project_id, p);
}

/* In the trash it may have outlived its project and environment: then it is its workspace's. */
static err *place_if_there(db *d, err *(*place)(db *d, const char *id, struct place *p), const char *id,
                           const char *workspace_id, struct place *p) {
  err *gone = place(d, id, p);
  if (!gone || err_code_of(gone) != ERR_NOT_FOUND) return gone;
  err_free(gone);
  *p = (struct place){0};
  id_copy(p->workspace_id, workspace_id);
  return NULL;
}

static err *place_bucket(db *d, const char *id, struct place *p) {
  auto_bucket b = {0};
  TRY(bucket_get(d, id, &b));
  return place_project(d, b.project_id, p);
}

static err *place_volume(db *d, const char *id, struct place *p) {
  auto_volume v = {0};
  TRY(volume_get(d, id, &v));
  return place_if_there(d, place_project, v.project_id, v.workspace_id, p);
}

static err *place_volume_instance(db *d, const char *id, struct place *p) {
  auto_volume_instance v = {0};
  TRY(volume_instance_get(d, id, &v));
  return place_if_there(d, place_environment, v.environment_id, v.workspace_id, p);
}

/* What takes a while, and was begun by a mutation: a template's patch, a backup, a restore. */
static err *place_workflow(db *d, const char *id, struct place *p) {
  auto_backup b = {0};
  auto_backup_restore r = {0};
  bool found = false;
  TRY(backup_find(d, id, &found, &b));
  if (found) return place_environment(d, b.environment_id, p);
  TRY(backup_restore_find(d, id, &found, &r));
  return found ? place_volume_instance(d, r.volume_instance_id, p) : place_environment_patch(d, id, p);
}

static err *place_workspace(db *d, const char *id, struct place *p) {
  auto_workspace workspace = {0};
  TRY(workspace_get(d, id, &workspace));
  id_copy(p->workspace_id, workspace.id);
  return NULL;
}

/* clang-format off */
static const struct subject {
  const char *name, *what;
  err *(*place)(db *d, const char *id, struct place *p);
} subjects[] = {
  { "WORKSPACE",      "Workspace",     place_workspace },
  { "PROJECT",        "Project",       place_project },
  { "ENVIRONMENT",    "Environment",   place_environment },
  { "SERVICE",        "Service",       place_service },
  { "DEPLOYMENT",     "Deployment",    place_deployment },
  { "SERVICE_DOMAIN", "Domain",        place_domain },
  { "TCP_PROXY",      "TCP proxy",     place_tcp_proxy },
  { "PROJECT_TOKEN",  "Project token", place_project_token },
  { "ENVIRONMENT_PATCH", "EnvironmentPatch", place_environment_patch },
  { "INVITATION",     "Invitation",    place_invitation },
  { "DEPLOYMENT_TRIGGER", "Deployment trigger", place_trigger },
  { "WEBHOOK",        "Webhook",       place_webhook },
  { "BUCKET",         "Bucket",        place_bucket },
  { "VOLUME",         "Volume",        place_volume },
  { "VOLUME_INSTANCE", "VolumeInstance", place_volume_instance },
  { "WORKFLOW",       "Workflow",      place_workflow },
};
/* clang-format on */

static const struct subject *subject_named(const char *name) {
  for (size_t i = 0; i < ARRAY_LEN(subjects); i++)
    if (str_eq(subjects[i].name, name)) return &subjects[i];
  return NULL;
}

/* ---- the caller's role in a place ---- */

static err *user_role(db *d, const struct caller *caller, const struct place *p, enum role *ret_role) {
  static const enum role roles[] = {[WORKSPACE_ADMIN] = ROLE_ADMIN, [WORKSPACE_MEMBER] = ROLE_MEMBER,
                                    [WORKSPACE_DEPLOYER] = ROLE_DEPLOYER, [WORKSPACE_VIEWER] = ROLE_VIEWER};
  auto_workspace_member member = {0};
  bool found = false;
  *ret_role = ROLE_NONE;
  if (*caller->workspace_id && !str_eq(caller->workspace_id, p->workspace_id)) return NULL;
  TRY(workspace_member_find(d, p->workspace_id, caller->user_id, &found, &member));
  if (found) *ret_role = roles[member.role];
  return NULL;
}

/* A project token deploys to its own environment and looks at its own project. */
static enum role project_token_role(const struct caller *caller, const struct place *p) {
  if (!*p->project_id || !str_eq(caller->project_id, p->project_id)) return ROLE_NONE;
  if (!*p->environment_id) return ROLE_VIEWER;
  return str_eq(caller->environment_id, p->environment_id) ? ROLE_MEMBER : ROLE_NONE;
}

static err *role_in(db *d, const struct caller *caller, const struct place *p, enum role *ret_role) {
  *ret_role = ROLE_NONE;
  if (caller->kind == CALLER_USER) return user_role(d, caller, p, ret_role);
  if (caller->kind == CALLER_PROJECT) *ret_role = project_token_role(caller, p);
  return NULL;
}

static err *sign_in_first(void) {
  return err_new(ERR_DENIED, "Not Authorized: sign in with `tram login`, or send a token");
}

static err *check_subject(db *d, const struct caller *caller, const struct subject *subject,
                          const char *id, const struct grant *grant) {
  struct place place = {0};
  enum role role = ROLE_NONE;
  err *e = subject->place(d, id, &place);
  if (!e) e = role_in(d, caller, &place, &role);
  if (e && err_code_of(e) != ERR_NOT_FOUND) return e;
  err_ignore(e);
  if (role == ROLE_NONE) return err_new(ERR_NOT_FOUND, "%s not found", subject->what);
  if (!(gives[role] & grant->need))
    return err_new(ERR_DENIED, "Not Authorized: this needs the role %s in the workspace", grant->told);
  return NULL;
}

/* ---- a field's @access ---- */

/* The value at "a.b" in `args`; NULL when something on the way is absent. */
static const json_t *argument_at(const json_t *args, const char *path) {
  auto_strv parts = STRV_EMPTY;
  strv_split(&parts, path, '.');
  for (size_t i = 0; i < parts.len; i++) args = json_object_get(args, parts.items[i]);
  return args;
}

/* What an argument's name says its value is the id of: "sourceEnvironmentId" an environment,
 * "enabledServiceIds" services. */
static const struct subject *subject_of_argument(const char *name) {
  static const struct {
    const char *suffix, *subject;
  } rows[] = {{"environmentId", "ENVIRONMENT"}, {"serviceId", "SERVICE"},       {"projectId", "PROJECT"},
              {"workspaceId", "WORKSPACE"},     {"deploymentId", "DEPLOYMENT"}, {"serviceDomainId", "SERVICE_DOMAIN"},
              {"volumeId", "VOLUME"},           {"volumeInstanceId", "VOLUME_INSTANCE"},
              {"bucketId", "BUCKET"}};
  size_t len = strlen(name) - str_ends(name, "Ids");
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    size_t suffix = strlen(rows[i].suffix);
    if (len >= suffix && strncasecmp(name + len - suffix, rows[i].suffix, suffix) == 0)
      return subject_named(rows[i].subject);
  }
  return NULL;
}

static err *check_inputs(const struct asking *asking, const struct graphql_input *inputs, size_t count,
                         const json_t *values);

static err *check_value(const struct asking *asking, const struct graphql_input *input, const json_t *value) {
  const struct graphql_type *type = graphql_named_type(input->type);
  const struct subject *subject = subject_of_argument(input->name);
  size_t i;
  const json_t *item;
  json_array_foreach(value, i, item) TRY(check_value(asking, input, item));
  if (type->kind == GRAPHQL_INPUT_OBJECT) return check_inputs(asking, type->inputs, type->input_count, value);
  if (!subject || !json_is_string(value) || !json_string_length(value)) return NULL;
  return check_subject(asking->api->parts.db, &asking->caller, subject, json_string_value(value),
                       grant_of(WORKSPACE_VIEWER));
}

static err *check_inputs(const struct asking *asking, const struct graphql_input *inputs, size_t count,
                         const json_t *values) {
  for (size_t i = 0; i < count; i++) TRY(check_value(asking, &inputs[i], json_object_get(values, inputs[i].name)));
  return NULL;
}

/* An environment of the caller's does not open somebody else's service: each id that an argument or a
 * member of an input names must be within reach.  What is in free JSON is the resolver's business. */
static err *check_reach(const struct asking *asking, const struct graphql_call *call) {
  const struct graphql_type *type = graphql_schema_type(asking->api->schema, call->type);
  const struct graphql_field *field = graphql_type_field(type, call->field);
  return check_inputs(asking, field->args, field->arg_count, call->args);
}

/* The environment decides what may be done, where one is named; else each that is named must allow it.
 * That the others are within reach is seen to by check_reach. */
static err *check_scope(const struct asking *asking, const json_t *scope, const struct grant *grant) {
  static const char *const names[] = {"environmentId", "serviceId", "projectId"};
  bool named = false;
  for (size_t i = 0; i < ARRAY_LEN(names); i++) {
    const char *id = json_get_text(scope, names[i]);
    if (!id) continue;
    TRY(check_subject(asking->api->parts.db, &asking->caller, subject_of_argument(names[i]), id, grant));
    named = true;
    if (i == 0) break;
  }
  return named ? NULL : err_new(ERR_INVALID, "name an environmentId, serviceId or projectId");
}

static err *check_root(const struct asking *asking, const struct graphql_call *call, const struct grant *grant) {
  const char *of = json_get_text(call->access, "of"), *by = json_get_text(call->access, "by");
  if (str_eq(of, "SCOPE"))
    return check_scope(asking, by ? argument_at(call->args, by) : call->args, grant);
  const struct subject *subject = subject_named(of);
  if (!subject || !by)
    return err_new(ERR_CORRUPT, "%s.%s: its @access names no subject", call->type, call->field);
  const char *id = json_string_value(argument_at(call->args, by));
  if (id) return check_subject(asking->api->parts.db, &asking->caller, subject, id, grant);
  return asking->caller.kind == CALLER_USER ? NULL : sign_in_first(); /* what is the caller's own */
}

/* An object's own field that asks for more than looking. */
static err *check_object(const struct asking *asking, const struct graphql_call *call, const struct grant *grant) {
  auto_free char *name = str_dup(call->type);
  for (char *p = name; *p; p++)
    if (*p >= 'a' && *p <= 'z') *p = (char)(*p - 32);
  const struct subject *subject = subject_named(name);
  const char *id = json_get_text(call->parent, "id");
  if (!subject || !id)
    return err_new(ERR_CORRUPT, "%s.%s: nothing tells who may see it", call->type, call->field);
  return check_subject(asking->api->parts.db, &asking->caller, subject, id, grant);
}

/* The id of what a root field is about: its subject's, or the narrowest of its scope. */
static const char *subject_id(const struct graphql_call *call, const struct subject **ret_subject) {
  static const char *const names[] = {"environmentId", "serviceId", "projectId"};
  const char *of = json_get_text(call->access, "of"), *by = json_get_text(call->access, "by");
  *ret_subject = subject_named(of);
  if (*ret_subject) return by ? json_string_value(argument_at(call->args, by)) : NULL;
  const json_t *scope = by ? argument_at(call->args, by) : call->args;
  for (size_t i = 0; str_eq(of, "SCOPE") && i < ARRAY_LEN(names); i++) {
    const char *id = json_get_text(scope, names[i]);
    *ret_subject = subject_of_argument(names[i]);
    if (id) return id;
  }
  return NULL;
}

err *access_place(const struct graphql_call *call, struct place *ret_place) {
  const struct subject *subject;
  const char *id = subject_id(call, &subject);
  *ret_place = (struct place){0};
  if (id) return subject->place(db_of(call), id, ret_place);
  id_copy(ret_place->workspace_id, asking_of(call)->caller.workspace_id);
  return NULL;
}

static bool is_root(const struct graphql_call *call) {
  return str_eq(call->type, "Query") || str_eq(call->type, "Mutation") ||
         str_eq(call->type, "Subscription");
}

static err *check_admin(const struct asking *asking) {
  const struct caller *caller = &asking->caller;
  auto_user user = {0};
  if (caller->kind == CALLER_USER && !*caller->workspace_id)
    TRY(user_get(asking->api->parts.db, caller->user_id, &user));
  return user.is_admin ? NULL : err_new(ERR_DENIED, "Not Authorized: this needs an admin of the installation");
}

static err *check_role(const struct asking *asking, const char *role, const struct graphql_call *call) {
  enum caller_kind kind = asking->caller.kind;
  if (str_eq(role, "USER"))
    return kind == CALLER_USER ? NULL
                               : err_new(ERR_DENIED, "Not Authorized: a project token belongs to no account");
  if (str_eq(role, "PROJECT_TOKEN"))
    return kind == CALLER_PROJECT ? NULL : err_new(ERR_DENIED, "Project Token not found: send one as Project-Access-Token");
  if (str_eq(role, "ADMIN")) return check_admin(asking);
  const struct grant *grant = grant_named(role);
  if (!grant) return err_new(ERR_DENIED, "%s.%s: nobody may call it", call->type, call->field);
  if (is_root(call)) return check_root(asking, call, grant);
  return grant->need == NEED_LOOK ? NULL : check_object(asking, call, grant);
}

err *access_check(void *context, const char *role, const struct graphql_call *call) {
  const struct asking *asking = context;
  if (str_eq(role, "ANYONE")) return NULL;
  if (asking->caller.kind == CALLER_NOBODY) return sign_in_first();
  if (asking->caller.is_long_lived && is_root(call)) TRY(auth_check_alive(asking->api, &asking->caller));
  TRY(check_role(asking, role, call));
  if (is_root(call)) TRY(check_reach(asking, call));
  return json_get_bool(call->access, "confirm", false) ? two_factor_check_session(asking->api, &asking->caller) : NULL;
}

static err *check_by_role(api *a, const struct caller *caller, const char *subject, const char *id,
                          enum workspace_role least) {
  if (caller->kind == CALLER_NOBODY) return sign_in_first();
  return check_subject(a->parts.db, caller, subject_named(subject), id, grant_of(least));
}

err *access_workspace(api *a, const struct caller *caller, const char *workspace_id,
                      enum workspace_role least) {
  return check_by_role(a, caller, "WORKSPACE", workspace_id, least);
}

err *access_environment(api *a, const struct caller *caller, const char *environment_id,
                        enum workspace_role least) {
  return check_by_role(a, caller, "ENVIRONMENT", environment_id, least);
}

err *access_project(api *a, const struct caller *caller, const char *project_id, enum workspace_role least) {
  return check_by_role(a, caller, "PROJECT", project_id, least);
}

err *access_deployment(api *a, const struct caller *caller, const char *deployment_id,
                       enum workspace_role least) {
  return check_by_role(a, caller, "DEPLOYMENT", deployment_id, least);
}
