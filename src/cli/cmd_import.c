/* import and export. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/dotenv.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/secret.h"
#include "cli/changes.h"
#include "cli/commands.h"
#include "core/compose.h"
#include "cli/queries.h"
#include "cli/railway_config.h"
#include "cli/scope.h"

#define FILE_SIZE_MAX (4 << 20)

/* ---- reading ---- */

/* The file, and what lies beside it. */
struct place {
  const char *path;
  char *folder;
  json_t *dotenv;
};

static void place_done(struct place *place) {
  free(place->folder);
  json_decref(place->dotenv);
}
#define auto_place __attribute__((cleanup(place_done))) struct place

static const char *look_up(void *arg, const char *name) {
  const struct place *place = arg;
  const char *value = getenv(name);
  return value && str_is_utf8(value, strlen(value)) ? value : json_get_text(place->dotenv, name);
}

/* The file may be a stranger's: what it names must lie beside it, or below. */
static err *resolve(const struct place *place, const char *path, char **ret_path) {
  char folder[PATH_MAX], full[PATH_MAX];
  auto_free char *joined = *path == '/' ? str_dup(path) : path_join(place->folder, path);
  if (!realpath(place->folder, folder) || !realpath(joined, full)) return err_errno(errno, "'%s'", path);
  size_t len = strlen(folder);
  if (strncmp(full, folder, len) != 0 || (full[len] != '/' && !str_eq(folder, "/")))
    return err_new(ERR_DENIED, "'%s' is outside of the compose file's folder", path);
  *ret_path = str_dup(full);
  return NULL;
}

static err *read_variables(void *arg, const char *path, json_t **ret_variables) {
  const struct place *place = arg;
  auto_free char *full = NULL;
  auto_str text = STR_EMPTY;
  TRY(resolve(place, path, &full));
  TRY(file_read(full, FILE_SIZE_MAX, &text));
  return dotenv_parse(str_text(&text), text.len, path, ret_variables);
}

static err *find_place(const char *path, struct place *ret_place) {
  const char *slash = strrchr(path, '/');
  *ret_place = (struct place){.path = path, .folder = slash ? str_ndup(path, (size_t)(slash - path) + 1) : str_dup(".")};
  err *e = read_variables(ret_place, ".env", &ret_place->dotenv);
  if (e && err_code_of(e) != ERR_NOT_FOUND) return e;
  err_ignore(e);
  return NULL;
}

static err *read_compose(struct place *place, const struct str *text, struct import_plan *ret_plan) {
  auto_yml *root = NULL;
  struct compose_input input = {.file = place->path, .get_env = look_up, .read_env = read_variables, .arg = place};
  TRY(yml_parse(str_text(text), text->len, place->path, &root));
  return compose_read(root, &input, ret_plan);
}

static err *read_names(const char *path, json_t **ret_names) {
  auto_str text = STR_EMPTY;
  auto_json *status = NULL;
  if (!path) return NULL;
  TRY(file_read(path, FILE_SIZE_MAX, &text));
  TRY(json_parse(str_text(&text), text.len, path, &status));
  *ret_names = railway_names_read(status);
  return NULL;
}

static err *read_railway(const struct place *place, const struct args *args, const struct str *text,
                         struct import_plan *ret_plan) {
  auto_json *document = NULL, *names = NULL;
  TRY(json_parse(str_text(text), text->len, place->path, &document));
  TRY(read_names(args_text(args, "names"), &names));
  return err_wrap(railway_config_read(document, names, ret_plan), "%s", place->path);
}

static err *choose_file(const struct args *args, const char **ret_path) {
  static const char *const usual[] = {"compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"};
  *ret_path = args_word(args, 0);
  for (size_t i = 0; i < ARRAY_LEN(usual) && !*ret_path; i++)
    if (file_exists(usual[i])) *ret_path = usual[i];
  return *ret_path ? NULL : err_new(ERR_INVALID, "name the FILE: there is no compose.yaml here");
}

static err *read_plan(const struct args *args, struct place *place, struct import_plan *ret_plan) {
  const char *path;
  auto_str text = STR_EMPTY;
  TRY(choose_file(args, &path));
  TRY(find_place(path, place));
  TRY(file_read(path, FILE_SIZE_MAX, &text));
  const char *start = str_text(&text);
  start += strspn(start, " \t\r\n");
  return *start == '{' ? read_railway(place, args, &text, ret_plan) : read_compose(place, &text, ret_plan);
}

/* ---- import ---- */

static json_t *list_of(const struct strv *texts) {
  json_t *list = json_array();
  for (size_t i = 0; i < texts->len; i++) json_array_append_new(list, json_string(texts->items[i]));
  return list;
}

static void show_plan(struct cli *cli, const struct scope *scope, const struct import_plan *plan, const json_t *changes) {
  auto_free char *sum = changes_sum(changes);
  out_line(&cli->out, "Plan for %s in %s:", scope->environment_name, scope->project_name);
  changes_print(&cli->out, changes);
  for (size_t i = 0; i < plan->notes.len; i++) {
    auto_free char *note = format_printable(plan->notes.items[i]);
    out_line(&cli->out, "%s!%s %s", out_style(&cli->out, STYLE_YELLOW), out_reset(&cli->out), note);
  }
  out_line(&cli->out, "%s", sum);
}

static void show_end(struct cli *cli, const struct args *args, const struct scope *scope, const struct import_plan *plan) {
  if (args_has(args, "stage"))
    out_line(&cli->out, "Staged in %s: `%s environment commit` applies it", scope->environment_name, cli->program);
  else
    out_line(&cli->out, "Imported into %s%s", scope->environment_name,
             args_has(args, "skip-deploys") ? ", not deployed" : "; `tram status` shows how it goes");
  for (size_t i = 0; i < plan->uploads.len; i++)
    out_line(&cli->out, "Its code is still missing: `%s %s`", cli->program, plan->uploads.items[i]);
}

static err *apply(struct cli *cli, const struct args *args, const struct scope *scope, const struct import_plan *plan,
                  const json_t *etag, json_t **ret_data) {
  if (args_has(args, "stage"))
    return cli_query(cli, mutation_stage_changes,
                     json_pack("{s:s, s:O, s:b}", "environmentId", scope->environment_id, "input", plan->patch, "merge", true),
                     ret_data);
  const char *message = args_text(args, "message");
  return cli_query(cli, mutation_commit_patch,
                   json_pack("{s:s, s:O, s:s, s:b, s:O}", "environmentId", scope->environment_id, "patch", plan->patch,
                             "message", message ? message : "Imported", "skipDeploys", args_has(args, "skip-deploys"),
                             "etag", etag),
                   ret_data);
}

/* A custom domain belongs to one service of the installation. */
static void drop_domains(struct import_plan *plan) {
  const char *name;
  json_t *service;
  json_object_foreach(json_object_get(plan->patch, "services"), name, service)
    json_object_del(json_object_get(service, "networking"), "customDomains");
}

static err *run_import(struct cli *cli, const struct args *args) {
  auto_place place = {0};
  auto_import_plan plan = {0};
  auto_scope scope = {0};
  auto_json *preview = NULL, *data = NULL;
  TRY(read_plan(args, &place, &plan));
  if (args_has(args, "without-domains")) drop_domains(&plan);
  TRY(scope_find(cli, args, SCOPE_ENVIRONMENT, &scope));
  TRY(cli_query(cli, query_patch_preview,
                json_pack("{s:s, s:O}", "environmentId", scope.environment_id, "patch", plan.patch), &preview));
  const json_t *changes = json_object_get(json_object_get(preview, "environmentPatchPreview"), "changes");
  const json_t *etag = json_object_get(json_object_get(preview, "environment"), "configEtag");
  bool json = args_has(args, "json"), dry = args_has(args, "dry-run") || !json_array_size(changes);
  if (!json) show_plan(cli, &scope, &plan, changes);
  auto_free char *question = str_format("Apply it to %s?", scope.environment_name);
  if (!dry) TRY(cli_confirm(cli, args, question));
  if (!dry) TRY(apply(cli, args, &scope, &plan, etag, &data));
  auto_json *answer = json_pack("{s:O, s:o, s:o, s:b}", "changes", changes, "notes", list_of(&plan.notes), "uploads",
                                list_of(&plan.uploads), "applied", !dry);
  if (json)
    out_json(&cli->out, answer);
  else if (!dry)
    show_end(cli, args, &scope, &plan);
  return NULL;
}

/* ---- export ---- */

/* Where a value is not told, null stands for it. */
static void mark_missing(json_t *variables) {
  const char *name;
  json_t *entry;
  json_object_foreach(variables, name, entry)
    if (!json_object_get(entry, "value")) json_object_set_new(entry, "value", json_null());
}

static err *run_export(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *data = NULL;
  const char *path = args_text(args, "output"), *id;
  json_t *service;
  TRY(scope_find(cli, args, SCOPE_ENVIRONMENT, &scope));
  TRY(cli_query(cli, query_environment_config,
                json_pack("{s:s, s:b}", "id", scope.environment_id, "values", args_has(args, "with-secrets")), &data));
  json_t *config = json_object_get(json_object_get(data, "environment"), "config");
  json_object_foreach(json_object_get(config, "services"), id, service) mark_missing(json_object_get(service, "variables"));
  mark_missing(json_object_get(config, "sharedVariables"));
  if (!path) {
    out_json(&cli->out, config);
    return NULL;
  }
  auto_free char *text = json_to_pretty_text(config);
  err *e = file_write(path, text, strlen(text), 0600);
  secret_wipe(text, strlen(text));
  TRY(e);
  err_line(&cli->out, "Exported %s of %s to %s%s", scope.environment_name, scope.project_name, path,
           args_has(args, "with-secrets") ? ", with the values of variables: keep it safe" : "");
  return NULL;
}

/* clang-format off */
static const struct flag import_flags[] = {
  { "dry-run", NULL,         "show the plan only" },
  { "stage",   NULL,         "stage it only: `environment commit` applies it" },
  { "names",   "FILE",       "what `railway status --json` printed: the names of the services" },
  { "without-domains", NULL, "leave custom domains out: another service here has them" },
  { "message|m", "TEXT",     "why; kept in the history" },
  { "skip-deploys", NULL,    "do not deploy" },
  FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_YES, FLAG_JSON, FLAG_END,
};
static const struct flag export_flags[] = {
  { "with-secrets", NULL,   "with the values of variables; those of sealed ones never" },
  { "output|o",     "FILE", "write it there, readable for you alone, and not to standard output" },
  FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_END,
};
/* clang-format on */

const struct command command_import = {
    .name = "import",
    .usage = "[FILE]",
    .summary = "Make the services of a docker-compose file or of a Railway project here",
    .details = "Shows a plan first and asks. A FILE of JSON is an EnvironmentConfig: what `railway environment config\n"
               "--json` or `tram export` printed. Any other is a docker-compose file; without FILE it is looked for\n"
               "in this folder. All of it is applied as one patch, or nothing. docs/import.md says what becomes of\n"
               "each key.",
    .examples = "import docker-compose.yml --dry-run\nimport railway.json --names status.json --yes",
    .flags = import_flags,
    .max_words = 1,
    .run = run_import,
};
const struct command command_export = {
    .name = "export",
    .usage = "",
    .summary = "Print the environment's configuration as a file that `import` takes",
    .examples = "export -o staging.json --environment staging",
    .flags = export_flags,
    .run = run_export,
};
