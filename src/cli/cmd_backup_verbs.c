/* backup drill, swap, credentials, password; the tables of `backup`, and `postgres pitr`. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/str.h"
#include "cli/backup.h"
#include "cli/commands.h"
#include "cli/moment.h"
#include "cli/prompt.h"
#include "cli/queries.h"

/* ---- drill ---- */

static const json_t *newest_drilled(const json_t *list) {
  const json_t *newest = NULL;
  size_t i;
  json_t *b;
  json_array_foreach(list, i, b) {
    const char *at = json_get_text(b, "drilledAt");
    if (at && (!newest || strcmp(at, json_get_text(newest, "drilledAt")) > 0)) newest = b;
  }
  return newest;
}

static void report(struct cli *cli, const json_t *b) {
  char took[FORMAT_SIZE], age[FORMAT_SIZE];
  auto_free char *which = backup_describe(b);
  const char *checksum = json_get_text(b, "drillChecksum");
  int64_t taken_us = 0;
  clock_parse(json_get_text(b, "takenAt"), &taken_us);
  format_duration(json_get_int(b, "drillMs", 0), took);
  format_age((clock_now_us() - taken_us) / 1000, age);
  out_done(&cli->out, "All of %s came back, in %s; it was taken %s\nchecksum %s", which, took, age, checksum ? checksum : "-");
}

static err *run_drill(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *volume = NULL, *data = NULL, *after = NULL;
  bool waited;
  TRY(backup_find_volume(cli, args, &scope, &volume));
  const char *id = json_get_text(volume, "volumeInstanceId");
  TRY(cli_query(cli, mutation_backup_drill, json_pack("{s:s}", "volumeInstanceId", id), &data));
  TRY(backup_wait(cli, args, json_object_get(data, "tramwayBackupDrill"), "Restoring the newest backup for a try", &waited));
  TRY(cli_query(cli, query_backups, json_pack("{s:s}", "volumeInstanceId", id), &after));
  const json_t *b = newest_drilled(json_object_get(after, "volumeInstanceBackupList"));
  if (args_has(args, "json"))
    out_json(&cli->out, waited ? b : json_object_get(data, "tramwayBackupDrill"));
  else if (waited && b)
    report(cli, b);
  return NULL;
}

/* ---- swap, credentials, password ---- */

static err *run_swap(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *data = NULL;
  TRY(scope_find(cli, args, SCOPE_SERVICE, &scope));
  TRY(cli_query(cli, mutation_backup_swap,
                json_pack("{s:s, s:s}", "environmentId", scope.environment_id, "serviceId", scope.service_id), &data));
  if (args_has(args, "json"))
    out_json(&cli->out, data);
  else
    out_line(&cli->out, "Staged: one volume in the place of another, which stays, detached (`%s environment staged` shows both).\n"
                        "`%s environment commit` does it; `%s backup swap` of the service then stages the way back",
             cli->program, cli->program, cli->program);
  return NULL;
}

static void wipe(char **text) {
  if (*text) secret_wipe(*text, strlen(*text));
  free(*text);
}

static err *run_credentials(struct cli *cli, const struct args *args) {
  auto_json *data = NULL;
  __attribute__((cleanup(wipe))) char *secret = NULL;
  if (args_has(args, "secret-stdin"))
    TRY(prompt_read_stdin(&secret));
  else
    TRY(prompt_secret(&cli->out, "Secret access key", "--secret-stdin", &secret));
  TRY(cli_query(cli, mutation_backup_credentials,
                json_pack("{s:s, s:s}", "accessKeyId", args_word(args, 0), "secretAccessKey", secret), &data));
  out_line(&cli->out, "Backups sign in as %s from now on", args_word(args, 0));
  return NULL;
}

static err *run_password(struct cli *cli, const struct args *args) {
  auto_json *data = NULL;
  (void)args;
  TRY(cli_query(cli, mutation_backup_password, NULL, &data));
  out_line(&cli->out, "%s", json_get_text(data, "tramwayBackupPassword"));
  err_line(&cli->out, "All backups are encrypted with it. Keep it where this machine is not: without it they are worthless.");
  return NULL;
}

/* ---- postgres pitr ---- */

/* The service that was not there before, called as restored ones are. */
static err *find_restored(struct cli *cli, const struct scope *before, char **ret_name) {
  auto_json *project = NULL;
  const json_t *node;
  TRY(scope_fetch_project(cli, before->project_id, &project));
  const json_t *now = json_object_get(project, "services"), *then = json_object_get(before->project, "services");
  for (size_t i = 0; (node = scope_node_at(now, i)); i++) {
    const char *name = json_get_text(node, "name");
    if (strstr(name, "-restored-") && !scope_node(then, json_get_text(node, "id"))) str_replace_owned(ret_name, name);
  }
  return NULL;
}

static err *tell_restored(struct cli *cli, const struct scope *before, const char *named, const char *moment) {
  auto_free char *found = NULL;
  if (!named) TRY(find_restored(cli, before, &found));
  const char *name = named ? named : found ? found : "it";
  out_done(&cli->out, "%s has the database as it was at %.19s UTC; the live one is as it is now. Next:\n"
                      "  `%s connect %s` shows it\n"
                      "  `%s backup swap --service %s` stages it in the place of the live one\n"
                      "  `%s service delete %s` is for when it is not needed any more",
           name, moment, cli->program, name, cli->program, name, cli->program, name);
  return NULL;
}

static err *run_pitr_restore(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *volume = NULL, *data = NULL;
  char text[CLOCK_TEXT_SIZE];
  int64_t target_us;
  bool waited;
  const char *at = args_text(args, "at"), *name = args_text(args, "new-service-name");
  if (!at) return err_new(ERR_INVALID, "--at says which moment: 2026-11-21T17:30:00Z, or 15m");
  TRY(moment_parse(at, clock_now_us(), &target_us));
  TRY(backup_find_volume(cli, args, &scope, &volume));
  clock_format(target_us, text);
  auto_free char *question = str_format("Make a new service with this database as it was at %.19s UTC?", text);
  TRY(cli_confirm(cli, args, question));
  json_t *variables = json_pack("{s:s, s:s, s:s?}", "volumeInstanceId", json_get_text(volume, "volumeInstanceId"), "targetTimestamp",
                                text, "newServiceName", name);
  TRY(cli_query(cli, mutation_pitr_restore, variables, &data));
  const json_t *workflow = json_object_get(data, "volumeInstancePITRRestore");
  TRY(backup_wait(cli, args, workflow, "Restoring to a new service", &waited));
  if (args_has(args, "json"))
    out_json(&cli->out, workflow);
  else if (waited)
    return tell_restored(cli, &scope, name, text);
  else
    out_line(&cli->out, "Restoring the database as it was at %.19s UTC to a new service: `%s events` tells how it goes", text,
             cli->program);
  return NULL;
}

static err *run_pitr_status(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *volume = NULL;
  TRY(backup_find_volume(cli, args, &scope, &volume));
  const char *from = json_get_text(volume, "restorableFrom"), *to = json_get_text(volume, "restorableTo");
  if (args_has(args, "json")) {
    auto_json *answer = json_pack("{s:b, s:O}", "enabled", from != NULL, "volume", volume);
    out_json(&cli->out, answer);
    return NULL;
  }
  out_line(&cli->out, "Point-in-time recovery of %s: %s", json_get_text(volume, "volumeName"), from ? "on" : "nothing to restore from yet");
  if (from) out_line(&cli->out, "Restorable from %.19sZ to %.19sZ, to the second", from, to);
  backup_print_former(cli, volume);
  out_line(&cli->out, "Kept in %s", json_get_text(volume, "location"));
  return NULL;
}

static err *run_pitr_always(struct cli *cli, const struct args *args) {
  (void)args;
  out_line(&cli->out, "Point-in-time recovery is on for every Postgres that archives its log; `%s backup schedule set --none` ends "
                      "its base backups", cli->program);
  return NULL;
}

/* ---- the tables ---- */

/* clang-format off */
static const struct flag drill_flags[] = { FLAG_NO_WAIT, FLAG_VOLUME, FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END };
static const struct flag swap_flags[] = { FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END };
static const struct flag credentials_flags[] = { { "secret-stdin", NULL, "read the secret access key from standard input" }, FLAG_2FA_CODE, FLAG_END };
static const struct flag password_flags[] = { FLAG_2FA_CODE, FLAG_END };
static const struct flag restore_flags[] = {
  { "at", "TIME", "the moment: 2026-11-21T17:30:00Z, \"2026-11-21 17:30:00\" (UTC), or 15m, 2h, 1d ago" },
  { "new-service-name", "NAME", "of the new service (default: <source>-restored-<time>)" },
  FLAG_YES, FLAG_NO_WAIT, FLAG_VOLUME, FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
static const struct flag enable_flags[] = { FLAG_YES, FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END };

#define VERB(id, name_, aliases_, usage_, summary_, flags_, words_, most_, run_)                                   \
  static const struct command id = { .name = name_, .aliases = aliases_, .usage = usage_, .summary = summary_,     \
                                     .flags = flags_, .min_words = words_, .max_words = most_, .run = run_ }
VERB(backup_list, "list", "ls", "", "List the backups of a volume, and how restoring them went", backup_list_flags, 0, 0, backup_run_list);
VERB(backup_create, "create", "new|add", "", "Take a backup now, which is kept until it is deleted", backup_create_flags, 0, 0, backup_run_create);
VERB(backup_restore, "restore", NULL, "BACKUP", "Restore to a new volume, and stage the swap", backup_act_flags, 1, 1, backup_run_restore);
VERB(backup_lock, "lock", NULL, "BACKUP", "Keep a backup until it is deleted", backup_act_flags, 1, 1, backup_run_lock);
VERB(backup_delete, "delete", "rm|remove", "BACKUP…", "Delete backups", backup_act_flags, 1, 100, backup_run_delete);
VERB(backup_drill, "drill", NULL, "", "Restore the newest backup into a scratch instance, and check it", drill_flags, 0, 0, run_drill);
VERB(backup_swap, "swap", NULL, "", "Stage a restored volume in the place of the live one, or the way back", swap_flags, 0, 0, run_swap);
VERB(backup_credentials, "credentials", NULL, "ACCESS-KEY-ID", "Set what signs in at the S3 of backup.location", credentials_flags, 1, 1, run_credentials);
VERB(backup_password, "password", NULL, "", "Show what all backups are encrypted with, to keep it elsewhere", password_flags, 0, 0, run_password);
VERB(schedule_set, "set", NULL, "", "Choose when backups are taken", backup_set_flags, 0, 0, backup_run_schedule_set);
VERB(schedule_list, "list", "ls", "", "Show when backups are taken", backup_list_flags, 0, 0, backup_run_schedule);
VERB(pitr_status, "status", NULL, "", "Show from when to when a Postgres can be restored", backup_list_flags, 0, 0, run_pitr_status);
VERB(pitr_restore, "restore", NULL, "", "Make a new service with the database as it was at a moment", restore_flags, 0, 0, run_pitr_restore);
VERB(pitr_enable, "enable", NULL, "", "Say that it is on", enable_flags, 0, 0, run_pitr_always);
VERB(pitr_disable, "disable", NULL, "", "Say how it ends", enable_flags, 0, 0, run_pitr_always);
/* clang-format on */

static const struct command *const schedule_subcommands[] = {&schedule_list, &schedule_set, NULL};
static const struct command backup_schedule = {
    .name = "schedule",
    .usage = "",
    .summary = "Show or choose when backups are taken",
    .flags = backup_list_flags,
    .subcommands = schedule_subcommands,
    .run = backup_run_schedule,
};
static const struct command *const backup_subcommands[] = {
    &backup_list,  &backup_create, &backup_restore,  &backup_lock, &backup_delete,
    &backup_schedule, &backup_drill, &backup_swap, &backup_credentials, &backup_password, NULL};
const struct command command_backup = {
    .name = "backup",
    .aliases = "backups",
    .usage = "",
    .summary = "Take, restore and try backups of volumes and databases",
    .details = "Every volume is backed up each night by itself. A restore goes to a new volume; what lives is not\n"
               "touched before you commit the swap. A BACKUP is the beginning of its id, its name, or \"latest\".\n"
               "docs/backups.md has the whole of it.",
    .examples = "backup list --service Postgres\nbackup create --name \"before the migration\"\n"
                "backup restore latest --service Postgres\nbackup drill",
    .flags = backup_list_flags,
    .subcommands = backup_subcommands,
    .run = backup_run_list,
};

static const struct command *const pitr_backup_subcommands[] = {&backup_list, &backup_create, &backup_delete, &backup_lock,
                                                               &backup_restore, NULL};
static const struct command pitr_backup = {
    .name = "backup", .usage = "", .summary = "As `backup`", .flags = backup_list_flags, .subcommands = pitr_backup_subcommands};
static const struct command pitr_schedule = {
    .name = "schedule", .usage = "", .summary = "As `backup schedule`", .flags = backup_list_flags, .subcommands = schedule_subcommands,
    .run = backup_run_schedule};
static const struct command *const pitr_subcommands[] = {&pitr_status,  &pitr_restore, &pitr_backup, &pitr_schedule,
                                                        &pitr_enable, &pitr_disable, NULL};
static const struct command postgres_pitr = {
    .name = "pitr",
    .usage = "",
    .summary = "Restore a Postgres to any second of the last days",
    .examples = "postgres pitr status --service Postgres\npostgres pitr restore --service Postgres --at 15m",
    .flags = backup_list_flags,
    .subcommands = pitr_subcommands,
    .run = run_pitr_status,
};
static const struct command *const postgres_subcommands[] = {&postgres_pitr, NULL};
const struct command command_postgres = {
    .name = "postgres",
    .usage = "",
    .summary = "What only Postgres can",
    .subcommands = postgres_subcommands,
    .flags = backup_list_flags,
};
