/* bucket: list, create, delete, restore, info, credentials, rename. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/changes.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/names.h"
#include "cli/queries.h"
#include "cli/scope.h"

/* ---- those of the environment ---- */

static err *fetch(struct cli *cli, const struct scope *scope, json_t **ret_instances) {
  auto_json *data = NULL;
  TRY(cli_query(cli, query_bucket_instances, json_pack("{s:s}", "environmentId", scope->environment_id), &data));
  *ret_instances = json_incref(json_object_get(data, "bucketInstances"));
  return NULL;
}

static bool is_deleted(const json_t *bucket) {
  return json_get_text(bucket, "deletedAt") != NULL;
}

static bool is_named(const json_t *bucket, const char *name) {
  return str_ieq(json_get_text(bucket, "name"), name) || str_eq(json_get_text(bucket, "bucketId"), name) ||
         str_eq(json_get_text(bucket, "bucketName"), name);
}

static err *none(struct cli *cli, const struct scope *scope, const json_t *list, const char *name, bool deleted) {
  auto_strv names = STRV_EMPTY;
  size_t i;
  json_t *bucket;
  json_array_foreach((json_t *)list, i, bucket)
    if (is_deleted(bucket) == deleted) strv_add(&names, json_get_text(bucket, "name"));
  if (names.len) return names_not_found(deleted ? "Deleted bucket" : "Bucket", name, &names);
  if (deleted) return err_new(ERR_NOT_FOUND, "no bucket was deleted lately in %s", scope->environment_name);
  return err_new(ERR_NOT_FOUND, "%s has no bucket: `%s bucket create` makes one", scope->environment_name, cli->program);
}

/* The one of that name, or without a name the only one; of those that are deleted, or of those that are not. */
static err *choose(struct cli *cli, const struct scope *scope, const char *name, bool deleted, json_t **ret_bucket) {
  auto_json *list = NULL;
  size_t i;
  json_t *bucket, *found = NULL;
  TRY(fetch(cli, scope, &list));
  json_array_foreach(list, i, bucket) {
    if (is_deleted(bucket) != deleted || (name && !is_named(bucket, name))) continue;
    if (found) return err_new(ERR_INVALID, "%s has several buckets: name one with --bucket", scope->environment_name);
    found = bucket;
  }
  if (!found) return none(cli, scope, list, name, deleted);
  *ret_bucket = json_incref(found);
  return NULL;
}

static err *choose_flagged(struct cli *cli, const struct args *args, struct scope *ret_scope, json_t **ret_bucket) {
  TRY(scope_find(cli, args, SCOPE_ENVIRONMENT, ret_scope));
  return choose(cli, ret_scope, args_text(args, "bucket"), false, ret_bucket);
}

/* {bucketId, environmentId} of it, for the caller to add to. */
static json_t *place(const struct scope *scope, const json_t *bucket) {
  return json_pack("{s:s, s:s}", "bucketId", json_get_text(bucket, "bucketId"), "environmentId", scope->environment_id);
}

static void finish(struct cli *cli, const struct args *args, const json_t *answer, const char *line) {
  if (args_has(args, "json"))
    out_json(&cli->out, answer);
  else
    out_done(&cli->out, "%s", line);
}

/* ---- the verbs ---- */

static void add_row(struct table *table, const json_t *bucket) {
  char until[FORMAT_SIZE] = "";
  if (is_deleted(bucket)) format_local_time(json_get_text(bucket, "destroyedAt"), until);
  table_add(table, json_get_text(bucket, "name"), json_get_text(bucket, "bucketName"), until, NULL);
}

static err *run_list(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *list = NULL, *shown = json_array();
  auto_table table;
  bool deleted = args_has(args, "deleted");
  size_t i;
  json_t *bucket;
  table_init(&table, 3);
  table_add(&table, "BUCKET", "S3 NAME", deleted ? "KEPT UNTIL" : "", NULL);
  TRY(scope_find(cli, args, SCOPE_ENVIRONMENT, &scope));
  TRY(fetch(cli, &scope, &list));
  json_array_foreach(list, i, bucket) {
    if (is_deleted(bucket) != deleted) continue;
    json_array_append(shown, bucket);
    add_row(&table, bucket);
  }
  if (args_has(args, "json"))
    out_json(&cli->out, shown);
  else if (json_array_size(shown))
    out_table(&cli->out, &table);
  else if (deleted)
    out_line(&cli->out, "No bucket was deleted lately");
  else
    out_line(&cli->out, "No buckets in %s: `%s bucket create` makes one", scope.environment_name, cli->program);
  return NULL;
}

/* {id: part} as a part of what is staged. */
static err *stage(struct cli *cli, const struct args *args, const struct scope *scope, const char *id, const json_t *part) {
  auto_json *data = NULL;
  TRY(cli_query(cli, mutation_stage_changes,
                json_pack("{s:s, s:{s:{s:O}}, s:b}", "environmentId", scope->environment_id, "input", "buckets", id, part,
                          "merge", true),
                &data));
  return changes_tell_staged(cli, args, scope, json_object_get(data, "environmentStageChanges"));
}

static err *run_create(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *data = NULL;
  const char *region = args_text(args, "region");
  bool stages = args_has(args, "stage");
  TRY(scope_find(cli, args, SCOPE_ENVIRONMENT, &scope));
  json_t *input = json_pack("{s:s, s:s*, s:s*, s:s*}", "projectId", scope.project_id, "environmentId",
                            stages ? NULL : scope.environment_id, "name", args_word(args, 0), "region", region);
  TRY(cli_query(cli, mutation_bucket_create, json_pack("{s:o}", "input", input), &data));
  const json_t *made = json_object_get(data, "bucketCreate");
  const char *name = json_get_text(made, "name");
  auto_json *part = json_pack("{s:b, s:s*}", "isCreated", true, "region", region);
  if (stages) return stage(cli, args, &scope, json_get_text(made, "id"), part);
  auto_free char *line = str_format("Bucket \"%s\" created in %s: services refer to it by ${{%s.BUCKET}} and so on", name,
                                    scope.environment_name, name);
  finish(cli, args, made, line);
  return NULL;
}

static err *run_delete(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *bucket = NULL, *data = NULL, *part = json_pack("{s:b}", "isDeleted", true);
  TRY(choose_flagged(cli, args, &scope, &bucket));
  const char *name = json_get_text(bucket, "name");
  if (args_has(args, "stage")) return stage(cli, args, &scope, json_get_text(bucket, "bucketId"), part);
  auto_free char *question = str_format("Delete the bucket %s in %s? Its key ends at once.", name, scope.environment_name);
  auto_free char *line = str_format("Bucket \"%s\" deleted; for 48 hours `%s bucket restore %s` brings it back", name,
                                    cli->program, name);
  TRY(cli_confirm(cli, args, question));
  TRY(cli_query(cli, mutation_bucket_delete, place(&scope, bucket), &data));
  auto_json *answer = json_pack("{s:s, s:s}", "bucketId", json_get_text(bucket, "bucketId"), "deleted", name);
  finish(cli, args, answer, line);
  return NULL;
}

static err *run_restore(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *bucket = NULL, *data = NULL;
  TRY(scope_find(cli, args, SCOPE_ENVIRONMENT, &scope));
  TRY(choose(cli, &scope, args_word(args, 0), true, &bucket));
  TRY(cli_query(cli, mutation_bucket_restore, place(&scope, bucket), &data));
  auto_free char *line = str_format("Bucket \"%s\" restored, with a new key: deploy what refers to it", json_get_text(bucket, "name"));
  finish(cli, args, json_object_get(data, "bucketRestore"), line);
  return NULL;
}

static err *run_rename(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *bucket = NULL, *data = NULL;
  const char *name = args_text(args, "name");
  if (!name) return err_new(ERR_INVALID, "what shall it be called? Give --name NAME");
  TRY(choose_flagged(cli, args, &scope, &bucket));
  TRY(cli_query(cli, mutation_bucket_update,
                json_pack("{s:s, s:{s:s}}", "id", json_get_text(bucket, "bucketId"), "input", "name", name), &data));
  auto_free char *line = str_format("Bucket \"%s\" is called \"%s\" now", json_get_text(bucket, "name"), name);
  finish(cli, args, json_object_get(data, "bucketUpdate"), line);
  return NULL;
}

static err *run_info(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *bucket = NULL, *data = NULL;
  char size[FORMAT_SIZE];
  TRY(choose_flagged(cli, args, &scope, &bucket));
  TRY(cli_query(cli, query_bucket_details, place(&scope, bucket), &data));
  json_t *details = json_object_get(data, "bucketInstanceDetails");
  const json_t *service = scope_node(json_object_get(scope.project, "services"), json_get_text(bucket, "serviceId"));
  if (args_has(args, "json")) {
    json_object_update(bucket, details);
    out_json(&cli->out, bucket);
    return NULL;
  }
  format_bytes(json_get_int(details, "sizeBytes", 0), size);
  out_line(&cli->out, "Name     %s\nS3 name  %s\nService  %s\nObjects  %lld\nSize     %s", json_get_text(bucket, "name"),
           json_get_text(bucket, "bucketName"), service ? json_get_text(service, "name") : "(deleted)",
           (long long)json_get_int(details, "objectCount", 0), size);
  return NULL;
}

static err *get_credentials(struct cli *cli, const struct args *args, json_t **ret_credentials) {
  auto_scope scope = {0};
  auto_json *bucket = NULL, *data = NULL;
  bool resets = args_has(args, "reset");
  TRY(choose_flagged(cli, args, &scope, &bucket));
  json_t *variables = place(&scope, bucket);
  json_set_text(variables, "projectId", scope.project_id);
  if (resets) {
    auto_free char *question = str_format("Give %s a new key? The one that it has ends at once.", json_get_text(bucket, "name"));
    err *refused = cli_confirm(cli, args, question);
    if (refused) json_decref(variables);
    TRY(refused);
    json_object_set_new(variables, "redeployDependents", json_boolean(args_has(args, "redeploy-dependents")));
  }
  TRY(cli_query(cli, resets ? mutation_bucket_credentials_reset : query_bucket_credentials, variables, &data));
  const json_t *all = json_object_get(data, "bucketS3Credentials");
  *ret_credentials = json_incref(resets ? json_object_get(data, "bucketCredentialsReset") : json_array_get(all, 0));
  return NULL;
}

/* As variables that S3's own programs read. */
static err *run_credentials(struct cli *cli, const struct args *args) {
  static const char *const names[][2] = {
      {"AWS_ENDPOINT_URL", "endpoint"},           {"AWS_ACCESS_KEY_ID", "accessKeyId"},
      {"AWS_SECRET_ACCESS_KEY", "secretAccessKey"}, {"AWS_S3_BUCKET_NAME", "bucketName"},
      {"AWS_DEFAULT_REGION", "region"},           {"AWS_S3_URL_STYLE", "urlStyle"}};
  auto_json *credentials = NULL;
  TRY(get_credentials(cli, args, &credentials));
  if (args_has(args, "json")) {
    out_json(&cli->out, credentials);
    return NULL;
  }
  for (size_t i = 0; i < ARRAY_LEN(names); i++)
    out_line(&cli->out, "%s=%s", names[i][0], json_get_text(credentials, names[i][1]));
  return NULL;
}

/* clang-format off */
#define FLAG_BUCKET { "bucket|b", "BUCKET", "bucket, by name or id (default: the only one)" }
static const struct flag list_flags[] = {
  { "deleted", NULL, "those that were deleted and can be restored" },
  FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
#define FLAG_STAGE { "stage", NULL, "stage it only: `environment commit` applies it" }
static const struct flag create_flags[] = {
  { "region|r", "REGION", "accepted: there is one region, which sjc, iad, ams and sin stand for" },
  FLAG_STAGE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
static const struct flag restore_flags[] = { FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END };
static const struct flag info_flags[] = { FLAG_BUCKET, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END };
static const struct flag delete_flags[] = { FLAG_BUCKET, FLAG_STAGE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_YES, FLAG_JSON, FLAG_END };
static const struct flag rename_flags[] = {
  { "name|n", "NAME", "its new name, by which references know it" },
  FLAG_BUCKET, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
static const struct flag credentials_flags[] = {
  { "reset", NULL, "give it a new key; the one that it has ends at once" },
  { "redeploy-dependents", NULL, "with --reset: deploy the services again that refer to it" },
  FLAG_BUCKET, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_YES, FLAG_JSON, FLAG_END,
};
/* clang-format on */
static const struct command bucket_list = {
    .name = "list", .aliases = "ls", .usage = "", .summary = "List the buckets of an environment",
    .flags = list_flags, .run = run_list,
};
static const struct command bucket_create = {
    .name = "create", .aliases = "add|new", .usage = "[NAME]", .summary = "Make a bucket in an environment",
    .examples = "bucket create uploads\nbucket create uploads --stage", .flags = create_flags, .max_words = 1, .run = run_create,
};
static const struct command bucket_delete = {
    .name = "delete", .aliases = "rm|remove", .usage = "", .summary = "Delete a bucket; for 48 hours it can be restored",
    .examples = "bucket delete -b uploads --yes", .flags = delete_flags, .run = run_delete,
};
static const struct command bucket_restore = {
    .name = "restore", .aliases = "undelete", .usage = "BUCKET", .summary = "Bring a deleted bucket back, with a new key",
    .flags = restore_flags, .min_words = 1, .max_words = 1, .run = run_restore,
};
static const struct command bucket_info = {
    .name = "info", .usage = "", .summary = "Show how much is in a bucket", .flags = info_flags, .run = run_info,
};
static const struct command bucket_credentials = {
    .name = "credentials", .usage = "", .summary = "Print what a bucket is reached by, or give it a new key",
    .examples = "bucket credentials -b uploads\nbucket credentials -b uploads --reset --redeploy-dependents --yes",
    .flags = credentials_flags, .run = run_credentials,
};
static const struct command bucket_rename = {
    .name = "rename", .usage = "", .summary = "Rename a bucket", .examples = "bucket rename -b uploads -n images",
    .flags = rename_flags, .run = run_rename,
};
static const struct command *const subcommands[] = {&bucket_list, &bucket_create,      &bucket_delete, &bucket_restore,
                                                    &bucket_info, &bucket_credentials, &bucket_rename, NULL};
const struct command command_bucket = {
    .name = "bucket",
    .aliases = "buckets",
    .usage = "",
    .summary = "S3 storage for an environment: list, create, credentials, delete",
    .details = "The first bucket of an environment makes its storage service, with a volume. A service refers to a\n"
               "bucket by its name: ${{uploads.BUCKET}}, ACCESS_KEY_ID, SECRET_ACCESS_KEY, REGION, ENDPOINT.",
    .flags = list_flags,
    .subcommands = subcommands,
    .run = run_list,
};
