/* workspace, invite. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/queries.h"
#include "cli/sign_in.h"
#include "cli/workspace.h"

static err *run_list(struct cli *cli, const struct args *args) {
  auto_json *data = NULL;
  auto_table table;
  size_t i;
  const json_t *row;
  TRY(cli_need_token(cli));
  TRY(cli_query(cli, query_workspaces, NULL, &data));
  const json_t *workspaces = json_object_get(json_object_get(data, "me"), "workspaces");
  if (args_has(args, "json")) {
    out_json(&cli->out, workspaces);
    return NULL;
  }
  table_init(&table, 2);
  table_add(&table, "WORKSPACE", "ID", NULL);
  json_array_foreach(workspaces, i, row) table_add(&table, json_get_text(row, "name"), json_get_text(row, "id"), NULL);
  out_table(&cli->out, &table);
  return NULL;
}

static err *run_create(struct cli *cli, const struct args *args) {
  auto_json *data = NULL;
  TRY(cli_need_token(cli));
  TRY(cli_query(cli, mutation_workspace_create, json_pack("{s:{s:s}}", "input", "name", args_word(args, 0)), &data));
  const json_t *workspace = json_object_get(data, "workspaceCreate");
  if (args_has(args, "json"))
    out_json(&cli->out, workspace);
  else
    out_line(&cli->out, "Created the workspace %s", json_get_text(workspace, "name"));
  return NULL;
}

static err *run_rename(struct cli *cli, const struct args *args) {
  auto_json *workspace = NULL, *data = NULL;
  TRY(workspace_pick(cli, args, &workspace));
  TRY(cli_query(cli, mutation_workspace_update,
                json_pack("{s:s, s:{s:s}}", "id", json_get_text(workspace, "id"), "input", "name", args_word(args, 0)),
                &data));
  out_line(&cli->out, "Renamed %s to %s", json_get_text(workspace, "name"), args_word(args, 0));
  return NULL;
}

/* A verb that names a workspace, asks, and does one thing to it. */
static err *end_with(struct cli *cli, const struct args *args, const char *query, const char *asks, const char *says) {
  auto_json *workspace = NULL, *data = NULL;
  TRY(workspace_pick(cli, args, &workspace));
  const char *name = json_get_text(workspace, "name");
  auto_free char *question = str_format("%s the workspace %s?", asks, name);
  TRY(cli_confirm(cli, args, question));
  TRY(cli_query(cli, query, json_pack("{s:s}", "id", json_get_text(workspace, "id")), &data));
  out_line(&cli->out, "%s %s", says, name);
  return NULL;
}

static err *run_delete(struct cli *cli, const struct args *args) {
  return end_with(cli, args, mutation_workspace_delete, "Delete", "Deleted");
}

static err *run_leave(struct cli *cli, const struct args *args) {
  return end_with(cli, args, mutation_workspace_leave, "Leave", "Left");
}

/* ---- members ---- */

static err *fetch_members(struct cli *cli, const char *workspace_id, json_t **ret_members) {
  auto_json *data = NULL;
  TRY(cli_query(cli, query_workspace_members, json_pack("{s:s}", "workspaceId", workspace_id), &data));
  *ret_members = json_incref(json_object_get(json_object_get(data, "workspace"), "members"));
  return NULL;
}

static err *run_members(struct cli *cli, const struct args *args) {
  auto_json *workspace = NULL, *members = NULL;
  auto_table table;
  size_t i;
  const json_t *row;
  TRY(workspace_pick(cli, args, &workspace));
  TRY(fetch_members(cli, json_get_text(workspace, "id"), &members));
  if (args_has(args, "json")) {
    out_json(&cli->out, members);
    return NULL;
  }
  table_init(&table, 3);
  table_add(&table, "MEMBER", "NAME", "ROLE", NULL);
  json_array_foreach(members, i, row) {
    const char *name = json_get_text(row, "name");
    table_add(&table, json_get_text(row, "email"), name ? name : "", json_get_text(row, "role"), NULL);
  }
  out_table(&cli->out, &table);
  return NULL;
}

static err *find_member(struct cli *cli, const struct args *args, json_t **ret_workspace, json_t **ret_member) {
  auto_json *workspace = NULL, *members = NULL;
  size_t i;
  json_t *row;
  const char *word = args_word(args, 0);
  TRY(workspace_pick(cli, args, &workspace));
  TRY(fetch_members(cli, json_get_text(workspace, "id"), &members));
  json_array_foreach(members, i, row) {
    if (!str_ieq(json_get_text(row, "email"), word) && !str_eq(json_get_text(row, "id"), word)) continue;
    *ret_workspace = json_incref(workspace);
    *ret_member = json_incref(row);
    return NULL;
  }
  return err_new(ERR_NOT_FOUND, "%s has no member \"%s\": `%s workspace members` lists them",
                 json_get_text(workspace, "name"), word, cli->program);
}

/* "member" → "MEMBER"; the caller owns it. */
static char *upper(const char *word) {
  char *text = str_dup(word);
  for (char *p = text; *p; p++)
    if (*p >= 'a' && *p <= 'z') *p = (char)(*p - 32);
  return text;
}

static err *run_role(struct cli *cli, const struct args *args) {
  auto_json *workspace = NULL, *member = NULL, *data = NULL;
  auto_free char *role = upper(args_word(args, 1));
  TRY(find_member(cli, args, &workspace, &member));
  TRY(cli_query(cli, mutation_workspace_permission_change,
                json_pack("{s:{s:s, s:s, s:s}}", "input", "workspaceId", json_get_text(workspace, "id"), "userId",
                          json_get_text(member, "id"), "role", role),
                &data));
  out_line(&cli->out, "%s is %s in %s now", json_get_text(member, "email"), role, json_get_text(workspace, "name"));
  return NULL;
}

static err *run_remove(struct cli *cli, const struct args *args) {
  auto_json *workspace = NULL, *member = NULL, *data = NULL;
  TRY(find_member(cli, args, &workspace, &member));
  auto_free char *question = str_format("Remove %s from %s?", json_get_text(member, "email"), json_get_text(workspace, "name"));
  TRY(cli_confirm(cli, args, question));
  TRY(cli_query(cli, mutation_workspace_user_remove,
                json_pack("{s:s, s:{s:s}}", "workspaceId", json_get_text(workspace, "id"), "input", "userId",
                          json_get_text(member, "id")),
                &data));
  out_line(&cli->out, "Removed %s", json_get_text(member, "email"));
  return NULL;
}

/* clang-format off */
static const struct flag list_flags[] = { FLAG_JSON, FLAG_END };
static const struct flag one_flags[] = { FLAG_WORKSPACE, FLAG_END };
static const struct flag members_flags[] = { FLAG_WORKSPACE, FLAG_JSON, FLAG_END };
static const struct flag end_flags[] = { FLAG_WORKSPACE, FLAG_YES, FLAG_2FA_CODE, FLAG_END };
static const struct command
workspace_list = { .name = "list", .aliases = "ls", .usage = "", .summary = "List your workspaces", .flags = list_flags, .run = run_list },
workspace_create = { .name = "create", .aliases = "new", .usage = "NAME", .summary = "Make a workspace", .flags = list_flags,
                     .min_words = 1, .max_words = 1, .run = run_create },
workspace_rename = { .name = "rename", .usage = "NAME", .summary = "Rename a workspace", .flags = one_flags,
                     .min_words = 1, .max_words = 1, .run = run_rename },
workspace_members = { .name = "members", .usage = "", .summary = "List who is in a workspace", .flags = members_flags, .run = run_members },
workspace_role = { .name = "role", .usage = "EMAIL ROLE", .summary = "Make a member admin, member, deployer or viewer",
                   .flags = one_flags, .min_words = 2, .max_words = 2, .run = run_role },
workspace_remove = { .name = "remove", .aliases = "rm", .usage = "EMAIL", .summary = "Take a member out of a workspace",
                     .flags = end_flags, .min_words = 1, .max_words = 1, .run = run_remove },
workspace_leave = { .name = "leave", .usage = "", .summary = "Leave a workspace", .flags = end_flags, .run = run_leave },
workspace_delete = { .name = "delete", .usage = "", .summary = "Delete a workspace that has no projects", .flags = end_flags, .run = run_delete };
/* clang-format on */
static const struct command *const workspace_subcommands[] = {
    &workspace_list, &workspace_create, &workspace_rename, &workspace_members,
    &workspace_role, &workspace_remove, &workspace_leave,  &workspace_delete, NULL};
const struct command command_workspace = {
    .name = "workspace",
    .aliases = "workspaces",
    .usage = "",
    .summary = "Workspaces, and who may do what in them",
    .flags = list_flags,
    .subcommands = workspace_subcommands,
    .run = run_list,
};

/* ---- invitations ---- */

static err *run_invite(struct cli *cli, const struct args *args) {
  auto_json *workspace = NULL, *data = NULL;
  const char *given = args_text(args, "role"), *expires = args_text(args, "expires");
  auto_free char *role = upper(given ? given : "member");
  int64_t seconds = 0;
  TRY(workspace_pick(cli, args, &workspace));
  auto_json *input = json_pack("{s:s}", "role", role);
  if (expires) {
    TRY(duration_parse("--expires", expires, &seconds));
    json_object_set_new(input, "expiresInSeconds", json_integer((json_int_t)seconds));
  }
  TRY(cli_query(cli, mutation_workspace_invite_code_create,
                json_pack("{s:O, s:s}", "input", input, "workspaceId", json_get_text(workspace, "id")), &data));
  auto_free char *link = str_format("%s/invite/%s", cli->client.server, json_get_text(data, "workspaceInviteCodeCreate"));
  if (args_has(args, "json")) {
    auto_json *answer = json_pack("{s:s, s:s}", "link", link, "role", role);
    out_json(&cli->out, answer);
    return NULL;
  }
  err_line(&cli->out, "Whoever types this first becomes %s of %s:", role, json_get_text(workspace, "name"));
  out_line(&cli->out, "%s invite accept %s", cli->program, link);
  return NULL;
}

static err *run_invite_list(struct cli *cli, const struct args *args) {
  auto_json *workspace = NULL, *data = NULL;
  auto_table table;
  size_t i;
  const json_t *row;
  TRY(workspace_pick(cli, args, &workspace));
  TRY(cli_query(cli, query_workspace_invitations, json_pack("{s:s}", "workspaceId", json_get_text(workspace, "id")), &data));
  const json_t *rows = json_object_get(data, "workspaceInvitations");
  if (args_has(args, "json")) {
    out_json(&cli->out, rows);
    return NULL;
  }
  table_init(&table, 3);
  table_add(&table, "ROLE", "EXPIRES", "ID", NULL);
  json_array_foreach(rows, i, row) {
    char expires[FORMAT_SIZE];
    format_local_time(json_get_text(row, "expiresAt"), expires);
    table_add(&table, json_get_text(row, "role"), expires, json_get_text(row, "id"), NULL);
  }
  if (i)
    out_table(&cli->out, &table);
  else
    out_line(&cli->out, "No invitations are open");
  return NULL;
}

static err *run_invite_delete(struct cli *cli, const struct args *args) {
  auto_json *data = NULL;
  TRY(cli_need_token(cli));
  TRY(cli_query(cli, mutation_workspace_invitation_delete, json_pack("{s:s}", "id", args_word(args, 0)), &data));
  out_line(&cli->out, "Took the invitation back");
  return NULL;
}

static err *run_accept(struct cli *cli, const struct args *args) {
  const char *word = args_word(args, 0), *path = strstr(word, "/invite/");
  auto_json *data = NULL;
  const char *code = path ? path + strlen("/invite/") : word;
  if (path) {
    auto_free char *server = str_ndup(word, (size_t)(path - word));
    bool here = str_eq(server, cli->client.server);
    if (!here) {
      client_set_token(&cli->client, TOKEN_NONE, NULL); /* it is no business of another server */
      TRY(sign_in_change_server(cli, server));
    }
  }
  if (args_has(args, "email") || cli->client.kind != TOKEN_BEARER) return sign_in_new_account(cli, args, code);
  TRY(cli_query(cli, mutation_workspace_invite_code_use, json_pack("{s:s}", "code", code), &data));
  out_line(&cli->out, "You are in the workspace %s now", json_get_text(json_object_get(data, "workspaceInviteCodeUse"), "name"));
  return NULL;
}

/* clang-format off */
static const struct flag invite_flags[] = {
  { "role|r",  "ROLE", "admin, member, deployer or viewer (default: member)" },
  { "expires", "TIME", "when the link ends: 12h, 30d (default: 7d)" },
  FLAG_WORKSPACE, FLAG_JSON, FLAG_END,
};
static const struct flag accept_flags[] = {
  { "email",          "EMAIL", "make a new account with this address" },
  { "name",           "NAME",  "its name" },
  { "password-stdin", NULL,    "read its password from standard input" },
  FLAG_END,
};
static const struct flag no_flags[] = { FLAG_END };
static const struct command
invite_list = { .name = "list", .aliases = "ls", .usage = "", .summary = "List invitations that can still be used", .flags = members_flags, .run = run_invite_list },
invite_delete = { .name = "delete", .aliases = "rm|remove", .usage = "ID", .summary = "Take an invitation back", .flags = no_flags,
                  .min_words = 1, .max_words = 1, .run = run_invite_delete },
invite_accept = { .name = "accept", .usage = "LINK", .summary = "Join a workspace; makes an account when you are not signed in",
                  .flags = accept_flags, .min_words = 1, .max_words = 1, .run = run_accept };
/* clang-format on */
static const struct command *const invite_subcommands[] = {&invite_list, &invite_delete, &invite_accept, NULL};
const struct command command_invite = {
    .name = "invite",
    .usage = "",
    .summary = "Invite somebody into a workspace with a link",
    .examples = "invite --role deployer\ninvite accept https://tramway.example.org/invite/4f1c…",
    .flags = invite_flags,
    .subcommands = invite_subcommands,
    .run = run_invite,
};
