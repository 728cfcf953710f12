/* Workspaces, their members, and invitations. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/account.h"
#include "store/project.h"

RESOLVER(user_workspaces) {
  const struct caller *caller = &asking_of(call)->caller;
  auto_workspace_list list = {0};
  TRY(workspace_list_by_user(db_of(call), parent_text(call, "id"), &list));
  *ret_value = json_array();
  for (size_t i = 0; i < list.len; i++)
    if (!*caller->workspace_id || str_eq(caller->workspace_id, list.items[i].id))
      json_array_append_new(*ret_value, workspace_json(&list.items[i]));
  return NULL;
}

RESOLVER(query_workspace) {
  auto_workspace workspace = {0};
  TRY(workspace_get(db_of(call), arg_text(call, "workspaceId"), &workspace));
  *ret_value = workspace_json(&workspace);
  return NULL;
}

RESOLVER(empty_list) {
  (void)call;
  *ret_value = json_array();
  return NULL;
}

static json_t *member_json(const struct user *user, const char *role) {
  return json_pack("{s:s, s:s?, s:s, s:s}", "id", user->id, "name", user->name, "email", user->email,
                   "role", role);
}

static err *members_of(const struct graphql_call *call, const char *workspace_id, bool of_project,
                       json_t **ret_value) {
  auto_workspace_member_list members = {0};
  TRY(workspace_member_list(db_of(call), workspace_id, &members));
  auto_json *list = json_array();
  for (size_t i = 0; i < members.len; i++) {
    auto_user user = {0};
    TRY(user_get(db_of(call), members.items[i].user_id, &user));
    enum workspace_role role = members.items[i].role;
    if (of_project && role == WORKSPACE_DEPLOYER) role = WORKSPACE_VIEWER; /* Railway's ProjectRole has no other word */
    json_array_append_new(list, member_json(&user, workspace_role_name(role)));
  }
  *ret_value = json_incref(list);
  return NULL;
}

RESOLVER(workspace_members) {
  return members_of(call, parent_text(call, "id"), false, ret_value);
}

RESOLVER(project_members) {
  return members_of(call, parent_text(call, "workspaceId"), true, ret_value);
}

RESOLVER(query_project_members) {
  auto_project project = {0};
  TRY(project_get(db_of(call), arg_text(call, "projectId"), &project));
  return members_of(call, project.workspace_id, true, ret_value);
}

RESOLVER(workspace_project_count) {
  auto_project_list list = {0};
  TRY(project_list_by_workspace(db_of(call), parent_text(call, "id"), NULL, &list));
  *ret_value = json_integer((json_int_t)list.len);
  return NULL;
}

/* ---- making, renaming, deleting ---- */

err *workspace_add_member(db *d, const char *workspace_id, const char *user_id, enum workspace_role role) {
  struct workspace_member member = {.role = role, .created_us = clock_now_us()};
  id_copy(member.workspace_id, workspace_id);
  id_copy(member.user_id, user_id);
  return workspace_member_set(d, &member);
}

RESOLVER(mutation_workspace_create) {
  const struct caller *caller = &asking_of(call)->caller;
  auto_workspace workspace = {.name = str_dup(input_text(call, "name"))};
  auto_db_transaction t = {0};
  if (*caller->workspace_id) return err_new(ERR_DENIED, "Not Authorized: a workspace token reaches its own workspace only");
  TRY(name_check("workspace name", workspace.name, PROJECT_NAME_MAX));
  TRY(db_begin(db_of(call), &t));
  TRY(workspace_insert(db_of(call), &workspace));
  TRY(workspace_add_member(db_of(call), workspace.id, caller->user_id, WORKSPACE_ADMIN));
  TRY(db_commit(&t));
  audit_concerns(call, workspace.id);
  *ret_value = workspace_json(&workspace);
  return NULL;
}

RESOLVER(mutation_workspace_update) {
  const char *name = input_text(call, "name");
  if (name) {
    TRY(name_check("workspace name", name, PROJECT_NAME_MAX));
    TRY(workspace_rename(db_of(call), arg_text(call, "id"), name, clock_now_us()));
  }
  *ret_value = json_true();
  return NULL;
}

RESOLVER(mutation_workspace_delete) {
  TRY(workspace_delete(db_of(call), arg_text(call, "id")));
  *ret_value = json_true();
  return NULL;
}

/* ---- members ---- */

/* Fails when what is about to be taken from this member would leave the workspace without an admin. */
static err *keep_an_admin(db *d, const char *workspace_id, const char *user_id) {
  auto_workspace_member member = {0};
  bool found = false;
  int64_t admins = 0;
  TRY(workspace_member_find(d, workspace_id, user_id, &found, &member));
  if (!found) return err_new(ERR_NOT_FOUND, "the workspace has no such member");
  TRY(workspace_admin_count(d, workspace_id, &admins));
  if (member.role != WORKSPACE_ADMIN || admins > 1) return NULL;
  return err_new(ERR_CONFLICT, "this is the workspace's only admin: make somebody else one first");
}

static err *remove_member(db *d, const char *workspace_id, const char *user_id) {
  TRY(keep_an_admin(d, workspace_id, user_id));
  return workspace_member_delete(d, workspace_id, user_id);
}

RESOLVER(mutation_workspace_permission_change) {
  const char *workspace_id = input_text(call, "workspaceId"), *user_id = input_text(call, "userId");
  enum workspace_role role;
  TRY(workspace_role_parse(input_text(call, "role"), &role));
  if (role != WORKSPACE_ADMIN) {
    TRY(keep_an_admin(db_of(call), workspace_id, user_id));
  } else {
    auto_workspace_member member = {0};
    bool found = false;
    TRY(workspace_member_find(db_of(call), workspace_id, user_id, &found, &member));
    if (!found) return err_new(ERR_NOT_FOUND, "the workspace has no such member");
  }
  TRY(workspace_add_member(db_of(call), workspace_id, user_id, role));
  *ret_value = json_true();
  return NULL;
}

RESOLVER(mutation_workspace_user_remove) {
  TRY(remove_member(db_of(call), arg_text(call, "workspaceId"), input_text(call, "userId")));
  *ret_value = json_true();
  return NULL;
}

RESOLVER(mutation_workspace_leave) {
  TRY(remove_member(db_of(call), arg_text(call, "id"), asking_of(call)->caller.user_id));
  *ret_value = json_true();
  return NULL;
}

/* ---- invitations ---- */

enum { INVITATION_LIFE_S = 7 * 24 * 3600, INVITATION_LIFE_MAX_S = 30 * 24 * 3600, CODE_BYTES = 24 };

static err *find_invitation(db *d, const char *code, struct invitation *ret_invitation) {
  char hash[SHA256_HEX_SIZE];
  bool found = false, member_found = false;
  auto_workspace_member creator = {0};
  secret_sha256_hex(code, strlen(code), hash);
  TRY(invitation_find_by_hash(d, hash, clock_now_us(), &found, ret_invitation));
  if (found)
    TRY(workspace_member_find(d, ret_invitation->workspace_id, ret_invitation->creator_user_id, &member_found, &creator));
  if (found && member_found && creator.role == WORKSPACE_ADMIN) return NULL;
  return err_new(ERR_NOT_FOUND, "the invitation is unknown, was used already or has expired: ask for a new one");
}

err *invitation_check_code(db *d, const char *code) {
  auto_invitation invitation = {0};
  return find_invitation(d, code, &invitation);
}

err *invitation_use(db *d, const char *code, const char *user_id, struct workspace *ret_workspace) {
  auto_invitation invitation = {0};
  auto_workspace_member member = {0};
  bool found = false;
  TRY(find_invitation(d, code, &invitation));
  TRY(workspace_member_find(d, invitation.workspace_id, user_id, &found, &member));
  if (found) return err_new(ERR_CONFLICT, "you are a member of this workspace already");
  TRY(invitation_delete(d, invitation.id));
  TRY(workspace_add_member(d, invitation.workspace_id, user_id, invitation.role));
  return workspace_get(d, invitation.workspace_id, ret_workspace);
}

RESOLVER(mutation_invite_code_create) {
  int64_t seconds = json_get_int(input_of(call), "expiresInSeconds", INVITATION_LIFE_S);
  auto_free char *code = secret_random_hex(CODE_BYTES);
  char hash[SHA256_HEX_SIZE];
  secret_sha256_hex(code, strlen(code), hash);
  auto_invitation invitation = {.secret_hash = str_dup(hash), .expires_us = clock_now_us() + seconds * 1000000};
  if (seconds < 1 || seconds > INVITATION_LIFE_MAX_S)
    return err_new(ERR_INVALID, "expiresInSeconds: an invitation lives for 1 to %d seconds", INVITATION_LIFE_MAX_S);
  TRY(workspace_role_parse(input_text(call, "role"), &invitation.role));
  id_copy(invitation.workspace_id, arg_text(call, "workspaceId"));
  id_copy(invitation.creator_user_id, asking_of(call)->caller.user_id);
  TRY(invitation_delete_expired(db_of(call), clock_now_us()));
  TRY(invitation_insert(db_of(call), &invitation));
  *ret_value = json_string(code);
  return NULL;
}

RESOLVER(mutation_invite_code_use) {
  const struct caller *caller = &asking_of(call)->caller;
  auto_workspace workspace = {0};
  auto_db_transaction t = {0};
  if (*caller->workspace_id) return err_new(ERR_DENIED, "Not Authorized: a workspace token reaches its own workspace only");
  TRY(db_begin(db_of(call), &t));
  TRY(invitation_use(db_of(call), arg_text(call, "code"), caller->user_id, &workspace));
  TRY(db_commit(&t));
  audit_concerns(call, workspace.id);
  *ret_value = workspace_json(&workspace);
  return NULL;
}

RESOLVER(query_workspace_by_code) {
  auto_invitation invitation = {0};
  auto_workspace workspace = {0};
  TRY(find_invitation(db_of(call), arg_text(call, "code"), &invitation));
  TRY(workspace_get(db_of(call), invitation.workspace_id, &workspace));
  *ret_value = workspace_json(&workspace);
  return NULL;
}

static json_t *invitation_json(const struct invitation *i) {
  return json_pack("{s:s, s:s, s:o, s:o}", "id", i->id, "role", workspace_role_name(i->role), "createdAt",
                   time_json(i->created_us), "expiresAt", time_json(i->expires_us));
}

RESOLVER(query_workspace_invitations) {
  auto_invitation_list list = {0};
  TRY(invitation_list(db_of(call), arg_text(call, "workspaceId"), clock_now_us(), &list));
  *ret_value = json_array();
  for (size_t i = 0; i < list.len; i++) json_array_append_new(*ret_value, invitation_json(&list.items[i]));
  return NULL;
}

RESOLVER(mutation_invitation_delete) {
  TRY(invitation_delete(db_of(call), arg_text(call, "id")));
  *ret_value = json_true();
  return NULL;
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query",     "workspace",                 query_workspace,                      NULL },
  { "Query",     "workspaceByCode",           query_workspace_by_code,              NULL },
  { "Query",     "workspaceInvitations",      query_workspace_invitations,          NULL },
  { "Query",     "externalWorkspaces",        empty_list,                           NULL },
  { "Query",     "projectMembers",            query_project_members,                NULL },
  { "Mutation",  "workspaceCreate",           mutation_workspace_create,            NULL },
  { "Mutation",  "workspaceUpdate",           mutation_workspace_update,            NULL },
  { "Mutation",  "workspaceDelete",           mutation_workspace_delete,            NULL },
  { "Mutation",  "workspaceLeave",            mutation_workspace_leave,             NULL },
  { "Mutation",  "workspacePermissionChange", mutation_workspace_permission_change, NULL },
  { "Mutation",  "workspaceUserRemove",       mutation_workspace_user_remove,       NULL },
  { "Mutation",  "workspaceInviteCodeCreate", mutation_invite_code_create,          NULL },
  { "Mutation",  "workspaceInviteCodeUse",    mutation_invite_code_use,             NULL },
  { "Mutation",  "workspaceInvitationDelete", mutation_invitation_delete,           NULL },
  { "User",      "workspaces",                user_workspaces,                      NULL },
  { "Workspace", "members",                   workspace_members,                    NULL },
  { "Workspace", "projectCount",              workspace_project_count,              NULL },
  { "Project",   "members",                   project_members,                      NULL },
};
/* clang-format on */
const struct bindings bindings_workspace = {rows, ARRAY_LEN(rows)};
