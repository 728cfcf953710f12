/* audit. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/queries.h"
#include "cli/scope.h"
#include "cli/workspace.h"

/* Asks page by page; *ret_verdict is the last answer, with `rows` of all of them. */
static err *verify_all(struct cli *cli, json_t **ret_verdict) {
  auto_free char *after = NULL;
  int64_t rows = 0;
  for (;;) {
    auto_json *data = NULL;
    TRY(cli_query(cli, query_audit_verify, json_pack("{s:s?}", "after", after), &data));
    json_t *verdict = json_object_get(data, "tramwayAuditVerify");
    rows += json_get_int(verdict, "rows", 0);
    str_replace_owned(&after, json_get_text(verdict, "next"));
    if (after) continue;
    json_object_set_new(verdict, "rows", json_integer((json_int_t)rows));
    *ret_verdict = json_incref(verdict);
    return NULL;
  }
}

static err *verify(struct cli *cli, const struct args *args) {
  auto_json *verdict = NULL;
  TRY(cli_need_token(cli));
  TRY(verify_all(cli, &verdict));
  const char *problem = json_get_text(verdict, "problem"), *id = json_get_text(verdict, "brokenId");
  if (args_has(args, "json")) out_json(&cli->out, verdict);
  if (problem)
    return err_new(ERR_CORRUPT, "the audit log was tampered with: %s%s%s%s", id ? "row " : "", id ? id : "",
                   id ? ": " : "", problem);
  if (!args_has(args, "json"))
    out_line(&cli->out, "The audit log is whole: %lld rows; head %s", (long long)json_get_int(verdict, "rows", 0),
             json_get_text(verdict, "head"));
  return NULL;
}

/* What it was about, in short. */
static char *about(const json_t *row) {
  const json_t *arguments = json_object_get(json_object_get(row, "payload"), "arguments");
  const json_t *input = json_object_get(arguments, "input");
  const char *name = json_get_text(input, "name");
  if (!name) name = json_get_text(arguments, "name");
  if (!name) name = json_get_text(input, "email");
  if (!name) name = json_get_text(arguments, "id");
  return str_dup(name ? name : "");
}

static err *print_rows(struct cli *cli, const json_t *logs, const json_t *members) {
  auto_table table;
  json_t *node;
  table_init(&table, 6);
  table_add(&table, "TIME", "WHO", "FROM", "WHAT", "ABOUT", "OUTCOME", NULL);
  for (size_t i = 0; (node = scope_node_at(logs, i)); i++) {
    char time[FORMAT_SIZE];
    auto_free char *what = about(node);
    const json_t *context = json_object_get(node, "context"), *member;
    const char *user = json_get_text(context, "actorUserId"), *address = json_get_text(context, "address");
    size_t m;
    json_array_foreach(members, m, member)
      if (str_eq(json_get_text(member, "id"), user)) user = json_get_text(member, "email");
    if (!user) user = json_get_text(context, "actorTokenId") ? "project token" : "";
    format_local_time(json_get_text(node, "createdAt"), time);
    table_add(&table, time, user, address ? address : "", json_get_text(node, "eventType"), what,
              json_get_text(context, "outcome"), NULL);
  }
  out_table(&cli->out, &table);
  return NULL;
}

static err *run_audit(struct cli *cli, const struct args *args) {
  auto_json *workspace = NULL, *data = NULL, *members = NULL;
  long long lines;
  if (args_has(args, "verify")) return verify(cli, args);
  TRY(args_int(args, "lines", 1, 500, 50, &lines));
  TRY(workspace_pick(cli, args, &workspace));
  const char *id = json_get_text(workspace, "id");
  TRY(cli_query(cli, query_audit_logs, json_pack("{s:s, s:I}", "workspaceId", id, "first", (json_int_t)lines), &data));
  const json_t *logs = json_object_get(data, "auditLogs");
  if (args_has(args, "json")) {
    out_json(&cli->out, logs);
    return NULL;
  }
  TRY(cli_query(cli, query_workspace_members, json_pack("{s:s}", "workspaceId", id), &members));
  return print_rows(cli, logs, json_object_get(json_object_get(members, "workspace"), "members"));
}

/* clang-format off */
static const struct flag audit_flags[] = {
  { "verify",  NULL, "check that no row was changed, added or taken out; says where it breaks" },
  { "lines|n", "N",  "the newest N rows, 1 to 500 (default: 50)" },
  FLAG_WORKSPACE, FLAG_JSON, FLAG_END,
};
/* clang-format on */
const struct command command_audit = {
    .name = "audit",
    .usage = "",
    .summary = "Who did what in a workspace",
    .details = "--verify prints the newest row's hash. Whoever notes it elsewhere can tell later, by\n"
               "looking for it in `audit --json`, that not even the whole log was replaced.",
    .flags = audit_flags,
    .run = run_audit,
};
