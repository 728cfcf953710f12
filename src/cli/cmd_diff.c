/* diff: what differs between two deployments. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/deployments.h"
#include "cli/queries.h"
#include "cli/scope.h"

#define EXIT_DIFFERENT 1 /* as of diff(1) */
#define HASH_SHOWN 12    /* characters of a digest, a snapshot, a commit */
#define VALUE_SHOWN 60

/* ---- which two ---- */

struct pair {
  char *from, *to;
};

static void pair_done(struct pair *pair) {
  free(pair->from);
  free(pair->to);
}
#define auto_pair __attribute__((cleanup(pair_done))) struct pair

static err *find_live(struct cli *cli, const struct args *args, struct pair *pair) {
  auto_scope scope = {0};
  auto_json *all = NULL;
  TRY(scope_find(cli, args, SCOPE_SERVICE, &scope));
  TRY(deployments_fetch(cli, &scope, DEPLOYMENT_SEARCH_LIMIT, &all));
  const json_t *live = deployments_live(all), *previous = deployments_previous_good(all);
  if (!live)
    return err_new(ERR_NOT_FOUND, "%s has no live deployment in %s to compare with: name two", scope.service_name,
                   scope.environment_name);
  pair->to = str_dup(json_get_text(live, "id"));
  if (pair->from) return NULL;
  if (!previous)
    return err_new(ERR_NOT_FOUND, "%s has no earlier deployment to compare the live one with", scope.service_name);
  pair->from = str_dup(json_get_text(previous, "id"));
  return NULL;
}

static err *choose(struct cli *cli, const struct args *args, struct pair *pair) {
  if (args->word_count > 0) TRY(deployments_resolve(cli, args, args_word(args, 0), &pair->from));
  if (args->word_count > 1) return deployments_resolve(cli, args, args_word(args, 1), &pair->to);
  return find_live(cli, args, pair);
}

/* ---- how it is told ---- */

/* Long hex is cut where nobody reads on; of a value its first line. */
static char *shown(const json_t *difference, const char *key) {
  const char *text = json_get_text(difference, key), *part = json_get_text(difference, "part");
  if (!text) return NULL;
  size_t len = strcspn(text, "\n"), most = VALUE_SHOWN;
  bool hash = str_eq(part, "SOURCE") && !str_eq(json_get_text(difference, "name"), "repo") &&
              !str_eq(json_get_text(difference, "name"), "branch");
  if (hash) most = str_starts(text, "sha256:") ? strlen("sha256:") + HASH_SHOWN : HASH_SHOWN;
  bool cut = !hash && (text[len] || len > most);
  auto_free char *start = str_ndup(text, len < most ? len : most);
  auto_free char *whole = str_format("%s%s", start, cut ? "…" : "");
  return format_printable(whole);
}

static char *values_of(const json_t *difference) {
  auto_free char *from = shown(difference, "from"), *to = shown(difference, "to");
  bool variable = str_eq(json_get_text(difference, "part"), "VARIABLES");
  if (json_get_bool(difference, "isSealed", false)) return str_dup("(sealed)");
  if (variable && !from && !to) return str_dup("");
  if (!str_eq(json_get_text(difference, "change"), "CHANGED")) return str_dup(from ? from : to);
  return str_format("%s → %s", from ? from : "?", to ? to : "?");
}

static void print_difference(struct table *table, const struct output *o, const json_t *difference) {
  const char *change = json_get_text(difference, "change");
  enum style style = str_eq(change, "ADDED") ? STYLE_GREEN : str_eq(change, "REMOVED") ? STYLE_RED : STYLE_YELLOW;
  const char *sign = str_eq(change, "ADDED") ? "+" : str_eq(change, "REMOVED") ? "-" : "~";
  auto_free char *name = format_printable(json_get_text(difference, "name"));
  auto_free char *marked = str_format("  %s%s%s %s", out_style(o, style), sign, out_reset(o), name);
  auto_free char *values = values_of(difference);
  table_add(table, marked, values, NULL);
}

/* The differences of one part under its name; returns how many there are. */
static size_t print_part(struct cli *cli, const json_t *differences, const char *part) {
  auto_table table;
  table_init(&table, 2);
  size_t i, count = 0;
  const json_t *difference;
  json_array_foreach(differences, i, difference) {
    if (!str_eq(json_get_text(difference, "part"), part)) continue;
    print_difference(&table, &cli->out, difference);
    count++;
  }
  if (!count) return 0;
  auto_free char *title = format_words(part);
  out_line(&cli->out, "%s%s%s", out_style(&cli->out, STYLE_BOLD), title, out_reset(&cli->out));
  out_table(&cli->out, &table);
  return count;
}

static void print_diff(struct cli *cli, const json_t *diff) {
  static const struct {
    const char *part, *one, *many;
  } parts[] = {{"SOURCE", NULL, NULL}, /* not counted: its image and its snapshot are one thing */
               {"SETTINGS", "setting", "settings"},
               {"VARIABLES", "variable", "variables"},
               {"ROUTES", "route", "routes"},
               {"VOLUMES", "volume", "volumes"}};
  const json_t *differences = json_object_get(diff, "differences");
  auto_str sum = STR_EMPTY;
  out_line(&cli->out, "%s → %s", json_get_text(diff, "fromDeploymentId"), json_get_text(diff, "toDeploymentId"));
  for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
    size_t count = print_part(cli, differences, parts[i].part);
    if (!count) continue;
    if (sum.len) str_add(&sum, ", ");
    if (parts[i].one)
      str_addf(&sum, "%zu %s", count, count == 1 ? parts[i].one : parts[i].many);
    else
      str_add(&sum, "source");
  }
  if (sum.len)
    out_line(&cli->out, "%s changed", str_text(&sum));
  else
    out_line(&cli->out, "No difference: both run the same");
}

static err *run_diff(struct cli *cli, const struct args *args) {
  auto_pair pair = {0};
  auto_json *data = NULL;
  TRY(cli_need_token(cli));
  TRY(choose(cli, args, &pair));
  TRY(cli_query(cli, query_deployment_diff,
                json_pack("{s:s, s:s, s:b}", "from", pair.from, "to", pair.to, "values", args_has(args, "values")),
                &data));
  const json_t *diff = json_object_get(data, "deploymentDiff");
  if (args_has(args, "json"))
    out_json(&cli->out, diff);
  else
    print_diff(cli, diff);
  if (!json_get_bool(diff, "same", false)) cli->exit_status = EXIT_DIFFERENT;
  return NULL;
}

/* clang-format off */
static const struct flag diff_flags[] = {
  { "values", NULL, "show the values of variables, too; sealed ones never" },
  FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
/* clang-format on */
const struct command command_diff = {
    .name = "diff",
    .usage = "[DEPLOYMENT_ID [DEPLOYMENT_ID]]",
    .summary = "Show what differs between two deployments: source, settings, variables, routes",
    .details = "With one id that deployment against the live one; with none the one before the live one\n"
               "against it. The beginning of an id is enough. What was live is compared as it was when it\n"
               "went live. The exit status is 0 when nothing differs and 1 when something does.",
    .examples = "diff  # what the last deployment changed\ndiff 3f0c 9d1e --values\n"
                "diff 3f0c --json",
    .flags = diff_flags,
    .max_words = 2,
    .run = run_diff,
};
