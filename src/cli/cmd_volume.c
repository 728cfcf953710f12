/* volume: list, add, update, attach, detach, delete, restore. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/names.h"
#include "cli/prompt.h"
#include "cli/queries.h"
#include "cli/volume.h"

enum { SIZE_MB_MAX = 20 * 1000 * 1000 };

static err *finish(struct cli *cli, const struct args *args, json_t *answer, const char *line) {
  if (args_has(args, "json"))
    out_json(&cli->out, answer);
  else
    out_done(&cli->out, "%s", line);
  json_decref(answer);
  return NULL;
}

/* ---- list ---- */

static const char *service_name(const struct scope *scope, const char *id) {
  const json_t *service = id ? scope_node(json_object_get(scope->project, "services"), id) : NULL;
  return service ? json_get_text(service, "name") : "(detached)";
}

static char *size_text(const json_t *v) {
  char used[FORMAT_SIZE], all[FORMAT_SIZE];
  const json_t *current = json_object_get(v, "currentSizeMB");
  format_bytes((int64_t)(json_number_value(current) * 1e6), used);
  format_bytes(json_get_int(v, "sizeMB", 0) * 1000000, all);
  return str_format("%s of %s", used, all);
}

static err *print_list(struct cli *cli, const struct scope *scope, const json_t *list) {
  auto_table table;
  table_init(&table, 5);
  table_add(&table, "VOLUME", "SERVICE", "MOUNTED AT", "USED", "STATE", NULL);
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *v = json_array_get(list, i);
    auto_free char *size = size_text(v), *state = format_words(json_get_text(v, "state"));
    table_add(&table, json_get_text(v, "volumeName"), service_name(scope, json_get_text(v, "serviceId")),
              json_get_text(v, "mountPath"), size, state, NULL);
  }
  out_table(&cli->out, &table);
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *v = json_array_get(list, i);
    const char *problem = json_get_text(v, "problem");
    auto_free char *clean = problem ? format_printable(problem) : NULL;
    if (clean) out_line(&cli->out, "\n%s: %s", json_get_text(v, "volumeName"), clean);
  }
  return NULL;
}

static err *fetch_deleted(struct cli *cli, const struct scope *scope, json_t **ret_list) {
  auto_json *data = NULL;
  TRY(cli_query(cli, query_volumes_deleted,
                json_pack("{s:s}", "workspaceId", json_get_text(scope->project, "workspaceId")), &data));
  *ret_list = json_incref(json_object_get(data, "volumeInstancesDeleted"));
  return NULL;
}

static err *print_deleted(struct cli *cli, const json_t *list) {
  auto_table table;
  table_init(&table, 5);
  table_add(&table, "VOLUME", "WAS", "USED", "KEPT UNTIL", "ID", NULL);
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *v = json_array_get(list, i);
    auto_free char *size = size_text(v);
    char until[FORMAT_SIZE];
    format_local_time(json_get_text(v, "destroyedAt"), until);
    table_add(&table, json_get_text(v, "volumeName"), json_get_text(v, "origin"), size, until, json_get_text(v, "id"), NULL);
  }
  out_table(&cli->out, &table);
  return NULL;
}

static err *run_list(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *list = NULL;
  bool deleted = args_has(args, "deleted");
  TRY(scope_find(cli, args, SCOPE_ENVIRONMENT, &scope));
  if (deleted)
    TRY(fetch_deleted(cli, &scope, &list));
  else
    TRY(volume_fetch(cli, &scope, &list));
  if (args_has(args, "json"))
    out_json(&cli->out, list);
  else if (json_array_size(list))
    return deleted ? print_deleted(cli, list) : print_list(cli, &scope, list);
  else if (deleted)
    out_line(&cli->out, "Nothing was deleted lately");
  else
    out_line(&cli->out, "No volumes in %s: `%s volume add -m PATH` makes one", scope.environment_name, cli->program);
  return NULL;
}

/* ---- add ---- */

/* "5000", in megabytes, or "5GB", "512MB". */
err *volume_read_size(const struct args *args, json_t *input) {
  const char *text = args_text(args, "size");
  long long size = 0;
  if (!text) return NULL;
  auto_free char *number = str_dup(text);
  size_t len = strlen(number);
  bool gb = len > 2 && str_ieq(number + len - 2, "gb"), mb = len > 2 && str_ieq(number + len - 2, "mb");
  if (gb || mb) number[len - 2] = '\0';
  if (!str_to_int(number, 1, SIZE_MB_MAX, &size))
    return err_new(ERR_INVALID, "--size '%s' is no size: say megabytes (5000) or 5GB", text);
  json_object_set_new(input, "sizeMB", json_integer(gb ? size * 1000 : size));
  return NULL;
}

static err *run_add(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *data = NULL, *input = NULL;
  auto_free char *path = str_dup(args_text(args, "mount-path"));
  TRY(scope_find(cli, args, SCOPE_SERVICE, &scope));
  if (!path) TRY(prompt_text(&cli->out, "Where shall it be mounted?", "/data", "--mount-path", &path));
  input = json_pack("{s:s, s:s, s:s, s:s, s:s*}", "projectId", scope.project_id, "environmentId", scope.environment_id,
                    "serviceId", scope.service_id, "mountPath", path, "name", args_text(args, "name"));
  TRY(volume_read_size(args, input));
  TRY(cli_query(cli, mutation_volume_create, json_pack("{s:O}", "input", input), &data));
  const json_t *v = json_object_get(data, "volumeCreate");
  TRY(volume_settle(cli, &scope, json_get_text(v, "id")));
  auto_free char *line = str_format("Volume \"%s\" created for service %s in environment %s at mount path \"%s\"",
                                    json_get_text(v, "name"), scope.service_name, scope.environment_name, path);
  return finish(cli, args, json_incref((json_t *)v), line);
}

/* ---- update, attach, detach ---- */

static err *update(struct cli *cli, const struct scope *scope, const json_t *v, json_t *input) {
  auto_json *data = NULL;
  return cli_query(cli, mutation_volume_instance_update,
                   json_pack("{s:s, s:s, s:o}", "volumeId", json_get_text(v, "volumeId"), "environmentId",
                             scope->environment_id, "input", input),
                   &data);
}

static err *rename_volume(struct cli *cli, const json_t *v, const char *name) {
  auto_json *data = NULL;
  return cli_query(cli, mutation_volume_update,
                   json_pack("{s:s, s:{s:s}}", "volumeId", json_get_text(v, "volumeId"), "input", "name", name), &data);
}

static err *run_update(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *v = NULL, *input = json_object();
  const char *path = args_text(args, "mount-path"), *name = args_text(args, "name");
  if (path) json_set_text(input, "mountPath", path);
  TRY(volume_read_size(args, input));
  if (!json_object_size(input) && !name)
    return err_new(ERR_INVALID, "what should change? Give --mount-path PATH, --name NAME or --size MB");
  TRY(volume_find(cli, args, &scope, &v));
  if (name) TRY(rename_volume(cli, v, name));
  if (json_object_size(input)) TRY(update(cli, &scope, v, json_incref(input)));
  if (args_has(args, "size")) TRY(volume_settle(cli, &scope, json_get_text(v, "volumeId")));
  if (name) json_set_text(input, "name", name);
  auto_free char *line = str_format("Volume \"%s\" updated", name ? name : json_get_text(v, "volumeName"));
  return finish(cli, args, json_incref(input), line);
}

static err *run_attach(struct cli *cli, const struct args *args) {
  auto_scope scope = {0}, with_service = {0};
  auto_json *v = NULL;
  if (!args_has(args, "volume")) return err_new(ERR_INVALID, "which volume? Give --volume VOLUME");
  TRY(scope_find(cli, args, SCOPE_SERVICE, &with_service));
  TRY(volume_find(cli, args, &scope, &v));
  TRY(update(cli, &scope, v, json_pack("{s:s}", "serviceId", with_service.service_id)));
  auto_free char *line = str_format("Volume \"%s\" attached to service %s at mount path \"%s\"", json_get_text(v, "volumeName"),
                                    with_service.service_name, json_get_text(v, "mountPath"));
  return finish(cli, args, json_pack("{s:s, s:s}", "attached", json_get_text(v, "volumeName"), "serviceId",
                                     with_service.service_id), line);
}

static err *run_detach(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *v = NULL;
  TRY(volume_find(cli, args, &scope, &v));
  const char *name = json_get_text(v, "volumeName"), *from = service_name(&scope, json_get_text(v, "serviceId"));
  auto_free char *question = str_format("Detach the volume %s from %s?", name, from);
  if (!json_get_text(v, "serviceId")) return err_new(ERR_CONFLICT, "the volume %s is attached to no service", name);
  TRY(cli_confirm(cli, args, question));
  TRY(update(cli, &scope, v, json_pack("{s:n}", "serviceId")));
  auto_free char *line = str_format("Volume \"%s\" detached from service %s", name, from);
  return finish(cli, args, json_pack("{s:s}", "detached", name), line);
}

/* ---- delete, restore ---- */

static err *run_delete(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *v = NULL, *data = NULL;
  bool everywhere = args_has(args, "all-environments");
  TRY(volume_find(cli, args, &scope, &v));
  const char *name = json_get_text(v, "volumeName");
  auto_free char *question = str_format("Delete the volume %s in %s?", name, everywhere ? "every environment" : scope.environment_name);
  TRY(cli_confirm(cli, args, question));
  TRY(everywhere ? cli_query(cli, mutation_volume_delete, json_pack("{s:s}", "id", json_get_text(v, "volumeId")), &data)
                 : cli_query(cli, mutation_volume_instance_delete, json_pack("{s:s}", "id", json_get_text(v, "id")), &data));
  auto_free char *line = str_format("Volume \"%s\" deleted; `%s volume restore %s` brings it back within 48 h", name,
                                    cli->program, name);
  return finish(cli, args, json_pack("{s:s, s:s}", "deleted", name, "id", json_get_text(v, "id")), line);
}

/* The newest in the trash with that name; of this project first. */
static const json_t *find_deleted(const json_t *list, const char *name, const char *project) {
  const json_t *found = NULL;
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *v = json_array_get(list, i);
    auto_free char *prefix = str_format("%s / ", project);
    bool fits = str_eq(json_get_text(v, "id"), name) || str_ieq(json_get_text(v, "volumeName"), name);
    bool here = json_get_text(v, "origin") && str_starts(json_get_text(v, "origin"), prefix);
    if (fits && here) return v;
    if (fits && !found) found = v;
  }
  return found;
}

static err *not_in_trash(const json_t *list, const char *name) {
  auto_strv names = STRV_EMPTY;
  for (size_t i = 0; i < json_array_size(list); i++) strv_add(&names, json_get_text(json_array_get(list, i), "volumeName"));
  if (!names.len) return err_new(ERR_NOT_FOUND, "the trash is empty");
  return err_wrap(names_not_found("Volume", name, &names), "in the trash");
}

static err *run_restore(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *list = NULL, *data = NULL;
  TRY(scope_find(cli, args, SCOPE_ENVIRONMENT, &scope));
  TRY(fetch_deleted(cli, &scope, &list));
  const json_t *v = find_deleted(list, args_word(args, 0), scope.project_name);
  if (!v) return not_in_trash(list, args_word(args, 0));
  const char *to = args_has(args, "environment") ? scope.environment_id : NULL;
  TRY(cli_query(cli, mutation_volume_restore,
                json_pack("{s:s, s:s?}", "id", json_get_text(v, "id"), "environmentId", to), &data));
  const json_t *restored = json_object_get(data, "volumeInstanceRestore");
  auto_free char *line = str_format("Volume \"%s\" restored%s", json_get_text(restored, "volumeName"),
                                    json_get_text(restored, "serviceId") ? " and attached" : ", detached");
  return finish(cli, args, json_incref((json_t *)restored), line);
}

/* ---- the verbs ---- */

/* clang-format off */
static const struct flag list_flags[] = {
  { "deleted", NULL, "those in the trash, of the whole workspace" },
  FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
static const struct flag add_flags[] = {
  { "mount-path|m", "PATH", "where it is mounted in the service's instances" },
  { "name|n", "NAME", "its name (default: after the service)" },
  { "size", "SIZE", "megabytes, or 5GB (default: the server's, 1GB)" },
  FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
static const struct flag update_flags[] = {
  { "mount-path|m", "PATH", "mount it there; the service is deployed again" }, { "name|n", "NAME", "its new name" },
  { "size", "SIZE", "let it grow, also while it is in use: megabytes, or 5GB" },
  VOLUME_FLAGS, FLAG_JSON, FLAG_END,
};
static const struct flag attach_flags[] = { VOLUME_FLAGS, FLAG_YES, FLAG_JSON, FLAG_END };
static const struct flag delete_flags[] = {
  { "all-environments", NULL, "in every environment, not in this one alone" },
  VOLUME_FLAGS, FLAG_YES, FLAG_2FA_CODE, FLAG_JSON, FLAG_END,
};
static const struct flag restore_flags[] = {
  { "environment|e", "ENVIRONMENT", "into this environment, detached (default: to where it was)" },
  FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
/* clang-format on */
static const struct command volume_list = {
    .name = "list", .aliases = "ls", .usage = "", .summary = "List the volumes of an environment, or the trash",
    .examples = "volume list\nvolume list --deleted", .flags = list_flags, .run = run_list,
};
static const struct command volume_add = {
    .name = "add", .aliases = "create", .usage = "", .summary = "Give a service a volume",
    .examples = "volume add -m /data\nvolume add -s db -m /var/lib/postgresql/data --size 10GB",
    .flags = add_flags, .run = run_add,
};
static const struct command volume_update = {
    .name = "update", .aliases = "edit", .usage = "", .summary = "Rename a volume, mount it elsewhere, let it grow",
    .examples = "volume update -v db-volume --size 20GB\nvolume update -v db-volume -n pg -m /data",
    .flags = update_flags, .run = run_update,
};
static const struct command volume_attach = {
    .name = "attach", .usage = "", .summary = "Attach a volume to a service",
    .examples = "volume attach -v db-volume -s db", .flags = attach_flags, .run = run_attach,
};
static const struct command volume_detach = {
    .name = "detach", .usage = "", .summary = "Detach a volume from its service; its data stay",
    .examples = "volume detach -v db-volume", .flags = attach_flags, .run = run_detach,
};
static const struct command volume_delete = {
    .name = "delete", .aliases = "rm|remove", .usage = "", .summary = "Delete a volume; for 48 hours it can be restored",
    .examples = "volume delete -v db-volume --yes", .flags = delete_flags, .run = run_delete,
};
static const struct command volume_restore = {
    .name = "restore", .aliases = "undelete", .usage = "VOLUME", .summary = "Take a volume out of the trash, with its data",
    .examples = "volume restore db-volume\nvolume restore db-volume -e staging",
    .flags = restore_flags, .min_words = 1, .max_words = 1, .run = run_restore,
};
static const struct command *const subcommands[] = {&volume_list,   &volume_add,    &volume_update,
                                                    &volume_attach, &volume_detach, &volume_delete,
                                                    &volume_restore, &command_volume_files, &command_volume_browse, NULL};
const struct command command_volume = {
    .name = "volume",
    .aliases = "volumes",
    .usage = "",
    .summary = "Storage that outlives deployments: list, add, grow, attach, files, browse",
    .examples = "volume add -m /data\nvolume list",
    .flags = list_flags,
    .subcommands = subcommands,
    .run = run_list,
};
