/* database rotate-password */
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/database.h"
#include "cli/queries.h"
#include "cli/scope.h"
#include "cli/workspace.h"

enum { POLL_MS = 500 };

struct rotating {
  struct cli *cli;
  const struct scope *scope;
  struct database_meant database;
  bool quiet;
  char *said; /* what the waiting was last told to be for */
};

static json_t *place_of(const struct rotating *r) {
  return json_pack("{s:s, s:s}", "environmentId", r->scope->environment_id, "serviceId", r->database.id);
}

static char *names_of(const json_t *list) {
  struct str text = STR_EMPTY;
  for (size_t i = 0; i < json_array_size(list); i++)
    str_addf(&text, "%s%s", i ? ", " : "", json_string_value(json_array_get(list, i)));
  return str_take(&text);
}

static void say_waiting(struct rotating *r, const json_t *state) {
  auto_free char *names = names_of(json_object_get(state, "waitsFor"));
  if (str_empty(names) || str_eq(names, r->said)) return;
  if (!r->quiet) out_line(&r->cli->out, "Both passwords are good; these still run with the old one: %s", names);
  str_replace_owned(&r->said, names);
}

/* *ret_over: nothing more will come of it, unless somebody waits for the end of the time to keep it. */
static err *look(struct rotating *r, json_t **ret_state, bool *ret_over) {
  auto_json *data = NULL;
  TRY(cli_query(r->cli, query_password_rotation, place_of(r), &data));
  json_t *state = json_object_get(data, "databasePasswordRotation");
  const char *status = json_get_text(state, "status");
  if (str_eq(status, "FAILED")) return err_new(ERR_CONFLICT, "the password stays as it is: %s", json_get_text(state, "problem"));
  bool is_kept = json_get_text(state, "keepOldUntil") && !json_array_size(json_object_get(state, "waitsFor"));
  *ret_over = str_eq(status, "DONE") || (str_eq(status, "WAITING") && is_kept);
  json_decref(*ret_state);
  *ret_state = json_incref(state);
  if (str_eq(status, "WAITING")) say_waiting(r, state);
  return NULL;
}

static err *follow(struct rotating *r, json_t **ret_state) {
  bool over = false;
  TRY(look(r, ret_state, &over));
  while (!over) {
    nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
    TRY(look(r, ret_state, &over));
  }
  return NULL;
}

static void say_end(const struct rotating *r, const json_t *state, bool detached) {
  const char *until = json_get_text(state, "keepOldUntil");
  if (detached)
    out_line(&r->cli->out, "The password of %s is being changed", r->database.name);
  else if (str_eq(json_get_text(state, "status"), "DONE"))
    out_done(&r->cli->out, "%s has a new password, and the old one is no longer good", r->database.name);
  else
    out_done(&r->cli->out, "%s has a new password; the old one is good until %s", r->database.name, until);
}

static err *begin(struct rotating *r, const struct args *args) {
  auto_json *data = NULL;
  int64_t keep_s = 0;
  const char *keep = args_text(args, "keep-old");
  if (keep) TRY(duration_parse("--keep-old", keep, &keep_s));
  json_t *input = place_of(r);
  json_object_set_new(input, "keepOldSeconds", json_integer(keep_s));
  return cli_query(r->cli, mutation_password_rotate, json_pack("{s:o}", "input", input), &data);
}

static err *end_now(struct rotating *r) {
  auto_json *data = NULL;
  return cli_query(r->cli, mutation_password_rotation_end, place_of(r), &data);
}

static err *run(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *state = NULL;
  struct rotating r = {.cli = cli, .scope = &scope, .quiet = args_has(args, "json")};
  bool over = false;
  TRY(scope_find(cli, args, SCOPE_ENVIRONMENT, &scope));
  TRY(database_find(cli, args, &scope, &r.database));
  TRY(args_has(args, "end-now") ? end_now(&r) : begin(&r, args));
  err *e = args_has(args, "detach") ? look(&r, &state, &over) : follow(&r, &state);
  if (!e && args_has(args, "json"))
    out_json(&cli->out, state);
  else if (!e)
    say_end(&r, state, args_has(args, "detach"));
  free(r.said);
  return e;
}

/* clang-format off */
static const struct flag flags[] = {
  FLAG_DATABASE,
  { "keep-old",   "TIME",     "the old one stays good for 12h, 7d … at least, for clients outside" },
  { "end-now",    NULL,       "lock the old one of a change that is under way, whoever uses it" },
  { "detach",     NULL,       "do not wait for the end" },
  FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
/* clang-format on */
const struct command database_rotate_password = {
    .name = "rotate-password",
    .usage = "",
    .summary = "Give a database a new password, without locking anybody out",
    .details = "The services that use it are deployed again with the new one; the database is not. The old one is good until "
               "none of them runs with it: one whose new deployment fails is waited for.",
    .examples = "database rotate-password\ndatabase rotate-password --database Postgres --keep-old 12h",
    .flags = flags,
    .run = run,
};
