/* database upgrade */
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/database.h"
#include "cli/format.h"
#include "cli/queries.h"
#include "cli/scope.h"

enum { POLL_MS = 500 };

struct upgrading {
  struct cli *cli;
  struct scope scope;
  struct database_meant database;
  bool quiet, is_rehearsal;
  char *said; /* the status that was last told */
};

static void upgrading_done(struct upgrading *r) {
  scope_done(&r->scope);
  free(r->said);
}

static json_t *place_of(const struct upgrading *r) {
  return json_pack("{s:s, s:s}", "environmentId", r->scope.environment_id, "serviceId", r->database.id);
}

static void say_status(struct upgrading *r, const char *status) {
  static const char *const words[][2] = {
      {"COPYING", "A service beside it copies everything"},
      {"COMPARING", "The copy answers, and is compared"},
      {"SWAPPING", "The copy's volume and the new version take its place"},
      {"RETURNING", "The former version and volume take its place"},
  };
  if (r->quiet || str_eq(status, r->said)) return;
  for (size_t i = 0; i < ARRAY_LEN(words); i++)
    if (str_eq(words[i][0], status)) out_line(&r->cli->out, "%s", words[i][1]);
  str_replace_owned(&r->said, status);
}

/* Until it is over. */
static err *follow(struct upgrading *r, json_t **ret_state) {
  for (;;) {
    auto_json *data = NULL;
    TRY(cli_query(r->cli, query_database_upgrade, place_of(r), &data));
    json_t *state = json_object_get(data, "databaseUpgradeState");
    const char *status = json_get_text(state, "status");
    json_decref(*ret_state);
    *ret_state = json_incref(state);
    if (!status || str_eq(status, "DONE") || str_eq(status, "FAILED") || str_eq(status, "RETURNED")) return NULL;
    say_status(r, status);
    nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
  }
}

static void say_list(struct upgrading *r, const json_t *list) {
  for (size_t i = 0; i < json_array_size(list); i++)
    out_line(&r->cli->out, "  %s", json_string_value(json_array_get(list, i)));
}

static void say_report(struct upgrading *r, const json_t *report) {
  char size[FORMAT_SIZE];
  if (!report || json_is_null(report)) return;
  format_bytes((int64_t)json_number_value(json_object_get(report, "bytes")), size);
  out_line(&r->cli->out, "Postgres %s to %s: %s, %lld tables with %.0f rows, copied in %lld s",
           json_get_text(report, "fromVersion"), json_get_text(report, "toVersion"), size,
           (long long)json_get_int(report, "tables", 0), json_number_value(json_object_get(report, "rows")),
           (long long)json_get_int(report, "copySeconds", 0));
  say_list(r, json_object_get(report, "problems"));
  say_list(r, json_object_get(report, "differences"));
}

static err *say_end(struct upgrading *r, const json_t *state) {
  const char *good = out_style(&r->cli->out, STYLE_GREEN), *reset = out_reset(&r->cli->out);
  if (r->quiet)
    out_json(&r->cli->out, state);
  else
    say_report(r, json_object_get(state, "report"));
  if (str_eq(json_get_text(state, "status"), "FAILED"))
    return err_new(ERR_CONFLICT, "%s is as it was: %s", r->database.name, json_get_text(state, "problem"));
  if (!r->quiet && r->is_rehearsal)
    out_line(&r->cli->out, "%s✓%s Rehearsed: all of %s arrived, and the copy is removed again", good, reset, r->database.name);
  else if (!r->quiet)
    out_line(&r->cli->out, "%s✓%s %s runs %s. Its former volume is detached; `%s database upgrade --back` returns to it", good,
             reset, r->database.name, json_get_text(state, "image"), r->cli->program);
  return NULL;
}

static err *upgrade(struct upgrading *r, const struct args *args) {
  auto_json *data = NULL, *state = NULL;
  const char *version = args_text(args, "to");
  if (!version) return err_new(ERR_INVALID, "Say which version: --to 17");
  r->is_rehearsal = args_has(args, "rehearse");
  auto_free char *question = str_format("Upgrade %s to Postgres %s? Nobody can write to it until that is done", r->database.name,
                                        version);
  if (!r->is_rehearsal) TRY(cli_confirm(r->cli, args, question));
  json_t *input = place_of(r);
  json_object_set_new(input, "version", json_string(version));
  TRY(cli_query(r->cli, r->is_rehearsal ? mutation_database_rehearse : mutation_database_upgrade,
                json_pack("{s:o}", "input", input), &data));
  TRY(follow(r, &state));
  return say_end(r, state);
}

static err *go_back(struct upgrading *r, const struct args *args) {
  auto_json *data = NULL, *state = NULL;
  auto_free char *question = str_format("Take %s back to its former version? What was written since the upgrade stays behind",
                                        r->database.name);
  TRY(cli_confirm(r->cli, args, question));
  TRY(cli_query(r->cli, mutation_database_upgrade_back, place_of(r), &data));
  TRY(follow(r, &state));
  if (r->quiet) out_json(&r->cli->out, state);
  if (!str_eq(json_get_text(state, "status"), "RETURNED"))
    return err_new(ERR_CONFLICT, "%s stays with the newer version: %s", r->database.name, json_get_text(state, "problem"));
  if (!r->quiet)
    out_line(&r->cli->out, "%s✓%s %s runs %s again; the other volume is detached", out_style(&r->cli->out, STYLE_GREEN),
             out_reset(&r->cli->out), r->database.name, json_get_text(state, "formerImage"));
  return NULL;
}

static err *cancel(struct upgrading *r) {
  auto_json *data = NULL, *state = NULL;
  TRY(cli_query(r->cli, mutation_database_upgrade_cancel, place_of(r), &data));
  TRY(follow(r, &state));
  if (r->quiet)
    out_json(&r->cli->out, state);
  else
    out_line(&r->cli->out, "%s is as it was", r->database.name);
  return NULL;
}

static err *run(struct cli *cli, const struct args *args) {
  __attribute__((cleanup(upgrading_done))) struct upgrading r = {.cli = cli, .quiet = args_has(args, "json")};
  TRY(scope_find(cli, args, SCOPE_ENVIRONMENT, &r.scope));
  TRY(database_find(cli, args, &r.scope, &r.database));
  return args_has(args, "cancel") ? cancel(&r) : args_has(args, "back") ? go_back(&r, args) : upgrade(&r, args);
}

/* clang-format off */
static const struct flag flags[] = {
  { "database|d", "DATABASE", "the database's service (default: the only one)" },
  { "to",         "VERSION",  "the major version: 17" },
  { "rehearse",   NULL,       "copy and compare while it serves, report, and remove the copy again" },
  { "back",       NULL,       "the version and the volume from before the upgrade" },
  { "cancel",     NULL,       "end the one that is under way: the database is as it was" },
  FLAG_YES, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
/* clang-format on */
const struct command database_upgrade = {
    .name = "upgrade",
    .usage = "",
    .summary = "Take a Postgres to a newer major version, or rehearse that",
    .details = "A service beside it copies everything over the private network, and what is there is compared. A rehearsal only "
               "reads the live one. An upgrade ends writing first, and then gives the service the new version and the copy's "
               "volume; until then the live one is untouched, and a failure leaves it serving. This command only watches: tramd goes "
               "on without it.",
    .examples = "database upgrade --to 17 --rehearse\ndatabase upgrade --database Postgres --to 17 --yes\ndatabase upgrade --back",
    .flags = flags,
    .run = run,
};
