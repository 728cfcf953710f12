/* database, and what `add -d` does. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/database.h"
#include "cli/queries.h"
#include "cli/scope.h"
#include "cli/volume.h"
#include "model/database.h"

/* ---- add -d ---- */

/* The id of the service that --link names; NULL without it. */
static err *find_linked(const struct scope *scope, const char *name, const char **ret_id) {
  *ret_id = NULL;
  if (!name) return NULL;
  json_t *found;
  TRY(scope_named(json_object_get(scope->project, "services"), "Service", name, &found));
  *ret_id = json_get_text(found, "id");
  return NULL;
}

static void print_added(struct cli *cli, const json_t *added, const char *linked) {
  const char *name = json_get_text(added, "name"), *reference = json_get_text(added, "urlReference");
  out_done(&cli->out, "Added %s (%s); it is being deployed", name, json_get_text(added, "image"));
  if (str_eq(json_get_text(added, "kind"), "MONGO"))
    out_line(&cli->out, "  Debian has no package of MongoDB: where no registry answers the deployment fails and says so");
  if (linked)
    out_line(&cli->out, "  %s has its URL as %s", linked, reference);
  else
    out_line(&cli->out, "  `%s database link SERVICE --database %s%s%s` gives a service its URL: %s", cli->program,
             strchr(name, ' ') ? "'" : "", name, strchr(name, ' ') ? "'" : "", reference);
}

static err *add_one(struct cli *cli, const struct args *args, const struct scope *scope, const char *code,
                    json_t **ret_added) {
  auto_json *data = NULL;
  const char *linked = NULL;
  TRY(find_linked(scope, args_text(args, "link"), &linked));
  auto_json *input = json_pack("{s:s, s:s, s:s*, s:s*, s:s*, s:s*}", "environmentId", scope->environment_id, "code", code,
                               "name", args_text(args, "name"), "image", args_text(args, "image"), "linkServiceId", linked,
                               "linkVariable", args_text(args, "variable"));
  TRY(volume_read_size(args, input));
  TRY(cli_query(cli, mutation_database_add, json_pack("{s:O}", "input", input), &data));
  *ret_added = json_incref(json_object_get(data, "databaseAdd"));
  return NULL;
}

err *database_add(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *all = json_array();
  size_t cursor = 0, count = 0;
  const char *code;
  while (args_next(args, "database", &cursor)) count++;
  if (count > 1 && (args_has(args, "name") || args_has(args, "image")))
    return err_new(ERR_INVALID, "--name and --image go with one --database");
  TRY(scope_find(cli, args, SCOPE_ENVIRONMENT, &scope));
  for (cursor = 0; (code = args_next(args, "database", &cursor));) {
    auto_json *added = NULL;
    TRY(add_one(cli, args, &scope, code, &added));
    json_array_append(all, added);
    if (!args_has(args, "json")) print_added(cli, added, args_text(args, "link"));
  }
  if (args_has(args, "json")) out_json(&cli->out, count == 1 ? json_array_get(all, 0) : all);
  return NULL;
}

/* ---- which database is meant ---- */

/* The only database of the environment. */
static err *find_only(const json_t *instances, const char **ret_service_id) {
  const json_t *node;
  *ret_service_id = NULL;
  for (size_t i = 0; (node = scope_node_at(instances, i)); i++) {
    const char *image = json_get_text(json_object_get(node, "source"), "image");
    if (database_kind_of_image(image) == DATABASE_NONE) continue;
    if (*ret_service_id) return err_new(ERR_INVALID, "the environment has several databases: name one with --database");
    *ret_service_id = json_get_text(node, "serviceId");
  }
  return *ret_service_id ? NULL : err_new(ERR_NOT_FOUND, "the environment has no database: `add -d postgres` makes one");
}

err *database_find(struct cli *cli, const struct args *args, struct scope *scope, struct database_meant *ret_meant) {
  const char *name = args_text(args, "database"), *id;
  const json_t *services = json_object_get(scope->project, "services");
  auto_json *instances = NULL;
  json_t *found = NULL;
  if (name) TRY(scope_named(services, "Service", name, &found));
  if (!found) {
    TRY(scope_fetch_instances(cli, scope->project_id, scope->environment_id, &instances));
    TRY(find_only(instances, &id));
    found = scope_node(services, id);
  }
  ret_meant->id = json_get_text(found, "id");
  ret_meant->name = json_get_text(found, "name");
  return ret_meant->id ? NULL : err_new(ERR_NOT_FOUND, "the database's service is not in the project any more");
}

/* ---- link ---- */

static err *run_link(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *data = NULL;
  struct database_meant database;
  const char *user = NULL;
  TRY(scope_find(cli, args, args_word(args, 0) ? SCOPE_ENVIRONMENT : SCOPE_SERVICE, &scope));
  TRY(find_linked(&scope, args_word(args, 0), &user));
  if (!user) user = scope.service_id;
  TRY(database_find(cli, args, &scope, &database));
  json_t *input = json_pack("{s:s, s:s, s:s, s:s*, s:b}", "environmentId", scope.environment_id, "databaseServiceId",
                            database.id, "serviceId", user, "variable", args_text(args, "variable"), "overwrite",
                            args_has(args, "overwrite"));
  TRY(cli_query(cli, mutation_database_link, json_pack("{s:o}", "input", input), &data));
  const char *variable = json_get_text(data, "databaseLink");
  auto_json *answer = json_pack("{s:s, s:s, s:s}", "serviceId", user, "databaseServiceId", database.id, "variable", variable);
  if (args_has(args, "json"))
    out_json(&cli->out, answer);
  else
    out_line(&cli->out, "%s is set to the URL of %s", variable, database.name);
  return NULL;
}

/* clang-format off */
static const struct flag link_flags[] = {
  FLAG_DATABASE,
  { "variable",   "NAME",     "set this variable (default: DATABASE_URL, MYSQL_URL, REDIS_URL or MONGO_URL)" },
  { "overwrite",  NULL,       "also when the variable says something else" },
  FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
/* clang-format on */
static const struct command database_link = {
    .name = "link",
    .usage = "[SERVICE]",
    .summary = "Give a service the database's URL as a variable",
    .details = "The variable is a reference, so it follows the database's password. Without SERVICE the linked one is meant.",
    .examples = "database link api\ndatabase link api --database Redis --variable CACHE_URL",
    .flags = link_flags,
    .max_words = 1,
    .run = run_link,
};
static const struct flag no_flags[] = {FLAG_END};
static const struct command *const database_subcommands[] = {&database_link, &database_rotate_password, &database_upgrade, &database_tables, &database_rows,
                                                           &database_keys, &database_key, &database_stats, NULL};
const struct command command_database = {
    .name = "database",
    .aliases = "databases|db",
    .usage = "",
    .summary = "Link services to databases, and look into them",
    .examples = "database link api\ndatabase tables\ndatabase rows tickets\ndatabase stats --database Redis",
    .flags = no_flags,
    .subcommands = database_subcommands,
};
