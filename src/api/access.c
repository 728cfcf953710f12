/* The one place that decides who may call what: a field's @access(role, of, by) against the caller.
 *
 * A root field names its subject by arguments; the caller's role in the workspace that owns the
 * subject must be enough.  Fields of objects were reached through a root field that was checked, so
 * what asks for no more than looking is open there; what asks for more is checked against the object.
 * Who has no role at all is told NOT_FOUND, so that ids of others cannot be probed. */
#include <string.h>

#include "api/internal.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/account.h"
#include "store/deployment.h"
#include "store/domain.h"
#include "store/environment_patch.h"
#include "store/project.h"
#include "store/service.h"

enum role { ROLE_NONE, ROLE_VIEWER, ROLE_MEMBER, ROLE_ADMIN };

/* What a subject belongs to; ids that do not apply are "". */
struct place {
  char workspace_id[ID_SIZE], project_id[ID_SIZE], environment_id[ID_SIZE];
};

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
  { "PROJECT_TOKEN",  "Project token", place_project_token },
  { "ENVIRONMENT_PATCH", "EnvironmentPatch", place_environment_patch },
};
/* clang-format on */

static const struct subject *subject_named(const char *name) {
  for (size_t i = 0; i < ARRAY_LEN(subjects); i++)
    if (str_eq(subjects[i].name, name)) return &subjects[i];
  return NULL;
}

/* ---- the caller's role in a place ---- */

static err *user_role(db *d, const struct caller *caller, const struct place *p, enum role *ret_role) {
  auto_workspace_member member = {0};
  bool found = false;
  *ret_role = ROLE_NONE;
  if (*caller->workspace_id && !str_eq(caller->workspace_id, p->workspace_id)) return NULL;
  TRY(workspace_member_find(d, p->workspace_id, caller->user_id, &found, &member));
  if (!found) return NULL;
  *ret_role = member.role == WORKSPACE_ADMIN    ? ROLE_ADMIN
              : member.role == WORKSPACE_MEMBER ? ROLE_MEMBER
                                                : ROLE_VIEWER;
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
                          const char *id, enum role least) {
  struct place place = {0};
  enum role role = ROLE_NONE;
  err *e = subject->place(d, id, &place);
  if (!e) e = role_in(d, caller, &place, &role);
  if (e && err_code_of(e) != ERR_NOT_FOUND) return e;
  err_ignore(e);
  if (role == ROLE_NONE) return err_new(ERR_NOT_FOUND, "%s not found", subject->what);
  if (role < least)
    return err_new(ERR_DENIED, "Not Authorized: this needs the role %s in the workspace",
                   least == ROLE_ADMIN ? "admin" : "member");
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

/* Every id that the scope names must be one the caller may use: an environment of theirs does not
 * open somebody else's service. */
static err *check_scope(const struct asking *asking, const json_t *scope, enum role least) {
  static const struct {
    const char *argument, *subject;
  } rows[] = {{"environmentId", "ENVIRONMENT"}, {"serviceId", "SERVICE"}, {"projectId", "PROJECT"}};
  bool named = false;
  bool has_environment = json_get_text(scope, "environmentId") != NULL;
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    const char *id = json_get_text(scope, rows[i].argument);
    if (!id) continue;
    named = true;
    /* The environment decides what may be done; the others must only be within reach. */
    enum role needed = has_environment && i > 0 ? ROLE_VIEWER : least;
    TRY(check_subject(asking->api->parts.db, &asking->caller, subject_named(rows[i].subject), id, needed));
  }
  if (!named) return err_new(ERR_INVALID, "name an environmentId, serviceId or projectId");
  return NULL;
}

static err *check_root(const struct asking *asking, const struct graphql_call *call, enum role least) {
  const char *of = json_get_text(call->access, "of"), *by = json_get_text(call->access, "by");
  if (str_eq(of, "SCOPE"))
    return check_scope(asking, by ? argument_at(call->args, by) : call->args, least);
  const struct subject *subject = subject_named(of);
  if (!subject || !by)
    return err_new(ERR_CORRUPT, "%s.%s: its @access names no subject", call->type, call->field);
  const char *id = json_string_value(argument_at(call->args, by));
  if (id) return check_subject(asking->api->parts.db, &asking->caller, subject, id, least);
  return asking->caller.kind == CALLER_USER ? NULL : sign_in_first(); /* what is the caller's own */
}

/* An object's own field that asks for more than looking. */
static err *check_object(const struct asking *asking, const struct graphql_call *call, enum role least) {
  auto_free char *name = str_dup(call->type);
  for (char *p = name; *p; p++)
    if (*p >= 'a' && *p <= 'z') *p = (char)(*p - 32);
  const struct subject *subject = subject_named(name);
  const char *id = json_get_text(call->parent, "id");
  if (!subject || !id)
    return err_new(ERR_CORRUPT, "%s.%s: nothing tells who may see it", call->type, call->field);
  return check_subject(asking->api->parts.db, &asking->caller, subject, id, least);
}

static bool is_root(const struct graphql_call *call) {
  return str_eq(call->type, "Query") || str_eq(call->type, "Mutation") ||
         str_eq(call->type, "Subscription");
}

/* Until people can be invited, the first account is the only one and administers the installation. */
err *access_is_admin(db *d, const char *user_id, bool *ret_admin) {
  auto_workspace_list workspaces = {0};
  bool admin = false;
  TRY(workspace_list_by_user(d, user_id, &workspaces));
  for (size_t i = 0; i < workspaces.len && !admin; i++) {
    auto_workspace_member member = {0};
    bool found = false;
    TRY(workspace_member_find(d, workspaces.items[i].id, user_id, &found, &member));
    admin = found && member.role == WORKSPACE_ADMIN;
  }
  *ret_admin = admin;
  return NULL;
}

static err *check_admin(const struct asking *asking) {
  const struct caller *caller = &asking->caller;
  bool admin = false;
  if (caller->kind == CALLER_USER && !*caller->workspace_id)
    TRY(access_is_admin(asking->api->parts.db, caller->user_id, &admin));
  return admin ? NULL : err_new(ERR_DENIED, "Not Authorized: this needs an admin of the installation");
}

err *access_check(void *context, const char *role, const struct graphql_call *call) {
  const struct asking *asking = context;
  enum caller_kind kind = asking->caller.kind;
  if (str_eq(role, "ANYONE")) return NULL;
  if (kind == CALLER_NOBODY) return sign_in_first();
  if (str_eq(role, "USER"))
    return kind == CALLER_USER ? NULL
                               : err_new(ERR_DENIED, "Not Authorized: a project token belongs to no account");
  if (str_eq(role, "PROJECT_TOKEN"))
    return kind == CALLER_PROJECT ? NULL : err_new(ERR_DENIED, "Project Token not found: send one as Project-Access-Token");
  if (str_eq(role, "ADMIN")) return check_admin(asking);
  enum role least = str_eq(role, "WORKSPACE_VIEWER")   ? ROLE_VIEWER
                    : str_eq(role, "WORKSPACE_MEMBER") ? ROLE_MEMBER
                    : str_eq(role, "WORKSPACE_ADMIN")  ? ROLE_ADMIN
                                                       : ROLE_NONE;
  if (least == ROLE_NONE) return err_new(ERR_DENIED, "%s.%s: nobody may call it", call->type, call->field);
  if (is_root(call)) return check_root(asking, call, least);
  return least == ROLE_VIEWER ? NULL : check_object(asking, call, least);
}

static err *check_by_role(api *a, const struct caller *caller, const char *subject, const char *id,
                          enum workspace_role least) {
  if (caller->kind == CALLER_NOBODY) return sign_in_first();
  enum role role = least == WORKSPACE_ADMIN ? ROLE_ADMIN : least == WORKSPACE_MEMBER ? ROLE_MEMBER : ROLE_VIEWER;
  return check_subject(a->parts.db, caller, subject_named(subject), id, role);
}

err *access_environment(api *a, const struct caller *caller, const char *environment_id,
                        enum workspace_role least) {
  return check_by_role(a, caller, "ENVIRONMENT", environment_id, least);
}

err *access_deployment(api *a, const struct caller *caller, const char *deployment_id,
                       enum workspace_role least) {
  return check_by_role(a, caller, "DEPLOYMENT", deployment_id, least);
}
