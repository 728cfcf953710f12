/* backup list, create, restore, lock, delete, schedule. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/backup.h"
#include "cli/names.h"
#include "cli/queries.h"

enum { POLL_MS = 300, ID_SHOWN = 8 };
#define DEADLINE_MS (12LL * 3600 * 1000)

/* ---- which volume ---- */

static json_t *match(const json_t *volumes, const char *named, const char *service_id) {
  size_t i;
  json_t *v;
  json_array_foreach(volumes, i, v) {
    bool by_name = named && (str_ieq(json_get_text(v, "volumeName"), named) || str_eq(json_get_text(v, "volumeId"), named) ||
                             str_eq(json_get_text(v, "volumeInstanceId"), named));
    if (by_name || (!named && service_id && str_eq(json_get_text(v, "serviceId"), service_id))) return v;
  }
  return NULL;
}

static err *not_found(const struct scope *scope, const json_t *volumes, const char *named) {
  auto_strv names = STRV_EMPTY;
  size_t i;
  json_t *v;
  json_array_foreach(volumes, i, v) strv_add(&names, json_get_text(v, "volumeName"));
  auto_free char *all = strv_join(&names, ", ");
  if (!names.len) return err_new(ERR_NOT_FOUND, "there is no volume in %s", scope->environment_name);
  if (named) return names_not_found("Volume", named, &names);
  if (scope->service_name)
    return err_new(ERR_NOT_FOUND, "the service '%s' has no volume: name another one with --service, or a volume with --volume (%s)",
                   scope->service_name, all);
  return err_new(ERR_INVALID, "which volume? --service or --volume says; there are: %s", all);
}

static err *fetch_volumes(struct cli *cli, const struct scope *scope, json_t **ret_volumes) {
  auto_json *data = NULL;
  TRY(cli_query(cli, query_backup_volumes, json_pack("{s:s}", "environmentId", scope->environment_id), &data));
  *ret_volumes = json_incref(json_object_get(data, "tramwayBackupVolumes"));
  return NULL;
}

/* Volumes that its service had before, from which a moment can still be restored. */
static json_t *former_volumes(const json_t *volumes, const char *service_id) {
  json_t *former = json_array();
  size_t i;
  json_t *v;
  json_array_foreach(volumes, i, v) {
    bool its = service_id && str_eq(json_get_text(v, "formerServiceId"), service_id);
    if (its && json_get_text(v, "restorableFrom")) json_array_append(former, v);
  }
  return former;
}

void backup_print_former(struct cli *cli, const json_t *volume) {
  size_t i;
  json_t *v;
  json_array_foreach(json_object_get(volume, "former"), i, v)
    out_line(&cli->out, "Before that, from the volume %s: any second from %.19sZ to %.19sZ", json_get_text(v, "volumeName"),
             json_get_text(v, "restorableFrom"), json_get_text(v, "restorableTo"));
}

err *backup_find_volume(struct cli *cli, const struct args *args, struct scope *ret_scope, json_t **ret_volume) {
  auto_json *volumes = NULL;
  const char *named = args_text(args, "volume");
  TRY(scope_find(cli, args, SCOPE_SERVICE_IF_ANY, ret_scope));
  TRY(fetch_volumes(cli, ret_scope, &volumes));
  json_t *v = match(volumes, named, ret_scope->service_id);
  bool open = !named && !args_has(args, "service"); /* the folder's service need not be the one that is meant */
  if (!v && open && json_array_size(volumes) == 1) v = json_array_get(volumes, 0);
  if (!v) return not_found(ret_scope, volumes, named);
  *ret_volume = json_copy(v);
  json_object_set_new(*ret_volume, "former", former_volumes(volumes, json_get_text(v, "serviceId")));
  return NULL;
}

static const char *id_of(const json_t *volume) {
  return json_get_text(volume, "volumeInstanceId");
}

/* ---- which backup ---- */

static bool is_ready(const json_t *b) {
  return str_eq(json_get_text(b, "state"), "READY");
}

/* The newest that can be restored, of those with that name or, without one, of all. */
static json_t *newest_ready(const json_t *list, const char *name) {
  json_t *b, *newest = NULL;
  size_t i;
  json_array_foreach((json_t *)list, i, b) {
    if (!is_ready(b) || (name && !str_ieq(json_get_text(b, "name"), name))) continue;
    if (!newest || strcmp(json_get_text(b, "takenAt"), json_get_text(newest, "takenAt")) > 0) newest = b;
  }
  return newest;
}

err *backup_choose(const json_t *list, const char *word, json_t **ret_backup) {
  json_t *found = newest_ready(list, str_ieq(word, "latest") ? NULL : word);
  if (!found && str_ieq(word, "latest"))
    return err_new(ERR_NOT_FOUND, "there is no backup yet: `tram backup create` takes one");
  if (!found) TRY(names_row_of(list, "backup", "tram backup list", word, &found));
  *ret_backup = found;
  return NULL;
}

static err *fetch_backups(struct cli *cli, const json_t *volume, json_t **ret_list) {
  auto_json *data = NULL;
  TRY(cli_query(cli, query_backups, json_pack("{s:s}", "volumeInstanceId", id_of(volume)), &data));
  *ret_list = json_incref(json_object_get(data, "volumeInstanceBackupList"));
  return NULL;
}

/* The volume that a verb is about, and those of its backups that its words name. */
static err *choose_backups(struct cli *cli, const struct args *args, json_t **ret_volume, json_t **ret_chosen) {
  auto_scope scope = {0};
  auto_json *volume = NULL, *list = NULL, *chosen = json_array();
  TRY(backup_find_volume(cli, args, &scope, &volume));
  TRY(fetch_backups(cli, volume, &list));
  for (size_t i = 0; i < args->word_count; i++) {
    json_t *b;
    TRY(backup_choose(list, args_word(args, i), &b));
    json_array_append(chosen, b);
  }
  *ret_volume = json_incref(volume);
  *ret_chosen = json_incref(chosen);
  return NULL;
}

/* {volumeInstanceId, volumeInstanceBackupId} */
static json_t *place_of(const json_t *volume, const json_t *b) {
  return json_pack("{s:s, s:s}", "volumeInstanceId", id_of(volume), "volumeInstanceBackupId", json_get_text(b, "id"));
}

/* ---- waiting ---- */

err *backup_wait(struct cli *cli, const struct args *args, const json_t *workflow, const char *doing, bool *ret_waited) {
  const char *id = json_get_text(workflow, "workflowId");
  int64_t end_ms = clock_monotonic_ms() + DEADLINE_MS;
  *ret_waited = !args_has(args, "no-wait");
  while (*ret_waited) {
    auto_json *data = NULL;
    TRY(cli_query(cli, query_workflow_status, json_pack("{s:s}", "workflowId", id), &data));
    const json_t *state = json_object_get(data, "workflowStatus");
    const char *status = json_get_text(state, "status"), *error = json_get_text(state, "error");
    if (str_eq(status, "Complete")) break;
    if (!str_eq(status, "Running")) return err_new(ERR_IO, "%s", error ? error : "it is not known to the server any more");
    if (clock_monotonic_ms() > end_ms) return err_new(ERR_BUSY, "it is not done after 12 hours; `%s events` tells", cli->program);
    out_moving(&cli->out, "%s…", doing);
    nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
  }
  out_moving_end(&cli->out);
  return NULL;
}

/* ---- list ---- */

static char *utc(const char *timestamp) {
  return timestamp ? str_format("%.10s %.5s", timestamp, timestamp + 11) : str_dup("");
}

static char *drill_text(const json_t *b) {
  const char *problem = json_get_text(b, "drillProblem"), *when = json_get_text(b, "drilledAt");
  if (!when) return str_dup("not tried");
  auto_free char *at = utc(when);
  char took[FORMAT_SIZE];
  format_duration(json_get_int(b, "drillMs", 0), took);
  auto_free char *clean = problem ? format_printable(problem) : NULL;
  return clean ? str_format("FAILED %s: %.80s", at, clean) : str_format("restored %s in %s", at, took);
}

char *backup_describe(const json_t *b) {
  char size[FORMAT_SIZE];
  const char *taken = json_get_text(b, "takenAt"), *name = json_get_text(b, "name");
  auto_free char *at = utc(taken ? taken : json_get_text(b, "createdAt"));
  auto_free char *called = format_printable(name ? name : json_get_text(b, "kind"));
  format_bytes(json_get_int(b, "referencedMB", 0) * 1000000, size);
  return str_format("the backup of %s UTC (%s, %s)", at, called, size);
}

static void add_row(const json_t *b, struct table *table) {
  char size[FORMAT_SIZE], added[FORMAT_SIZE];
  const char *state = json_get_text(b, "state"), *problem = json_get_text(b, "problem");
  bool ready = is_ready(b);
  auto_free char *id = str_format("%.*s", ID_SHOWN, json_get_text(b, "id"));
  format_bytes(json_get_int(b, "referencedMB", 0) * 1000000, size);
  format_bytes(json_get_int(b, "usedMB", 0) * 1000000, added);
  auto_free char *taken = utc(json_get_text(b, ready ? "takenAt" : "createdAt"));
  auto_free char *expires = json_is_true(json_object_get(b, "isLocked")) ? str_dup("locked") : utc(json_get_text(b, "expiresAt"));
  auto_free char *drill = ready ? drill_text(b) : str_format("%s%s%.80s", state, problem ? ": " : "", problem ? problem : "");
  auto_free char *name = format_printable(json_get_text(b, "name") ? json_get_text(b, "name") : "");
  table_add(table, id, taken, json_get_text(b, "kind"), name, ready ? size : "", ready ? added : "", expires,
            drill, NULL);
}

static void print_volume(struct cli *cli, const json_t *volume) {
  char bytes[FORMAT_SIZE];
  auto_strv kinds = STRV_EMPTY;
  size_t i;
  json_t *kind;
  json_array_foreach(json_object_get(volume, "schedules"), i, kind) strv_add(&kinds, json_string_value(kind));
  auto_free char *schedules = strv_join(&kinds, ", ");
  format_bytes(json_get_int(volume, "repositoryMB", 0) * 1000000, bytes);
  out_line(&cli->out, "\nSchedule: %s; %s in %s", kinds.len ? schedules : "none", bytes, json_get_text(volume, "location"));
  const char *from = json_get_text(volume, "restorableFrom"), *to = json_get_text(volume, "restorableTo");
  if (from)
    out_line(&cli->out, "Any second from %.19sZ to %.19sZ: `%s postgres pitr restore -v %s --at TIME`", from, to, cli->program,
             json_get_text(volume, "volumeName"));
  backup_print_former(cli, volume);
  const char *problem = json_get_text(volume, "problem");
  auto_free char *clean = problem ? format_printable(problem) : NULL;
  if (clean) out_line(&cli->out, "Problem: %s", clean);
}

err *backup_run_list(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *volume = NULL, *list = NULL;
  auto_table table = {0};
  size_t i;
  json_t *b;
  TRY(backup_find_volume(cli, args, &scope, &volume));
  TRY(fetch_backups(cli, volume, &list));
  if (args_has(args, "json")) {
    auto_json *answer = json_pack("{s:O, s:O}", "volume", volume, "backups", list);
    out_json(&cli->out, answer);
    return NULL;
  }
  table_init(&table, 8);
  table_add(&table, "BACKUP", "TAKEN (UTC)", "KIND", "NAME", "SIZE", "NEW", "EXPIRES", "TRIED", NULL);
  json_array_foreach(list, i, b) add_row(b, &table);
  if (json_array_size(list))
    out_table(&cli->out, &table);
  else
    out_line(&cli->out, "No backup of %s yet: the first is taken within minutes, or now by `%s backup create`",
             json_get_text(volume, "volumeName"), cli->program);
  print_volume(cli, volume);
  return NULL;
}

/* ---- create, restore, lock, delete ---- */

static err *tell(struct cli *cli, const struct args *args, const json_t *answer, bool done, const char *text) {
  if (args_has(args, "json"))
    out_json(&cli->out, answer);
  else if (done)
    out_done(&cli->out, "%s", text);
  else
    out_line(&cli->out, "%s", text);
  return NULL;
}

/* What was taken, and how it is got back. */
static err *tell_taken(struct cli *cli, const struct args *args, const json_t *volume, const json_t *workflow) {
  auto_json *list = NULL;
  json_t *b;
  char size[FORMAT_SIZE], added[FORMAT_SIZE], took[FORMAT_SIZE];
  const char *id = json_get_text(workflow, "workflowId");
  TRY(fetch_backups(cli, volume, &list));
  TRY(names_row_of(list, "backup", "tram backup list", id, &b));
  format_bytes(json_get_int(b, "referencedMB", 0) * 1000000, size);
  format_bytes(json_get_int(b, "usedMB", 0) * 1000000, added);
  format_duration(json_get_int(b, "tookMs", 0), took);
  auto_free char *text = str_format("Backed up %s: %s, %s of it new, in %s\n"
                                    "It is kept until you delete it; `%s backup restore %.*s -v %s` brings it back",
                                    json_get_text(volume, "volumeName"), size, added, took, cli->program, ID_SHOWN, id,
                                    json_get_text(volume, "volumeName"));
  return tell(cli, args, workflow, true, text);
}

err *backup_run_create(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *volume = NULL, *data = NULL;
  bool waited;
  TRY(backup_find_volume(cli, args, &scope, &volume));
  const char *name = args_text(args, "name");
  TRY(cli_query(cli, mutation_backup_create, json_pack("{s:s, s:s?}", "volumeInstanceId", id_of(volume), "name", name), &data));
  const json_t *workflow = json_object_get(data, "volumeInstanceBackupCreate");
  TRY(backup_wait(cli, args, workflow, "Taking a backup", &waited));
  if (waited) return tell_taken(cli, args, volume, workflow);
  auto_free char *text = str_format("Taking a backup of %s: `%s backup list` tells how it goes", json_get_text(volume, "volumeName"),
                                    cli->program);
  return tell(cli, args, workflow, false, text);
}

err *backup_run_restore(struct cli *cli, const struct args *args) {
  auto_json *volume = NULL, *chosen = NULL, *data = NULL;
  bool waited;
  TRY(choose_backups(cli, args, &volume, &chosen));
  const json_t *b = json_array_get(chosen, 0);
  auto_free char *which = backup_describe(b);
  auto_free char *question = str_format("Restore %s to a new volume, and stage that it takes the place of %s?", which,
                                        json_get_text(volume, "volumeName"));
  TRY(cli_confirm(cli, args, question));
  TRY(cli_query(cli, mutation_backup_restore, place_of(volume, b), &data));
  const json_t *workflow = json_object_get(data, "volumeInstanceBackupRestore");
  TRY(backup_wait(cli, args, workflow, "Restoring to a new volume", &waited));
  auto_free char *text =
      waited ? str_format("Restored %s to a new volume. What lives is as it was; the swap is staged:\n"
                          "  `%s environment staged`   shows it\n"
                          "  `%s environment commit`   does it; the old volume stays, detached\n"
                          "  `%s environment discard`  leaves things as they are",
                          which, cli->program, cli->program, cli->program)
             : str_format("Restoring %s to a new volume: `%s events` tells how it goes", which, cli->program);
  return tell(cli, args, workflow, waited, text);
}

err *backup_run_lock(struct cli *cli, const struct args *args) {
  auto_json *volume = NULL, *chosen = NULL, *data = NULL;
  TRY(choose_backups(cli, args, &volume, &chosen));
  const json_t *b = json_array_get(chosen, 0);
  TRY(cli_query(cli, mutation_backup_lock, place_of(volume, b), &data));
  auto_json *answer = json_pack("{s:s}", "locked", json_get_text(b, "id"));
  auto_free char *which = backup_describe(b), *text = str_format("Kept until you delete it: %s", which);
  return tell(cli, args, answer, true, text);
}

static err *delete_one(struct cli *cli, const struct args *args, const json_t *volume, const json_t *b, json_t *done) {
  auto_json *data = NULL;
  auto_free char *which = backup_describe(b);
  TRY(cli_query(cli, mutation_backup_delete, place_of(volume, b), &data));
  json_array_append(done, json_object_get(data, "volumeInstanceBackupDelete"));
  if (!args_has(args, "json")) out_line(&cli->out, "Deleting %s", which);
  return NULL;
}

err *backup_run_delete(struct cli *cli, const struct args *args) {
  auto_json *volume = NULL, *chosen = NULL, *done = json_array();
  TRY(choose_backups(cli, args, &volume, &chosen));
  size_t count = json_array_size(chosen);
  auto_free char *first = backup_describe(json_array_get(chosen, 0));
  auto_free char *question = count == 1 ? str_format("Delete %s for good?", first) : str_format("Delete %zu backups for good?", count);
  TRY(cli_confirm(cli, args, question));
  for (size_t i = 0; i < count; i++) TRY(delete_one(cli, args, volume, json_array_get(chosen, i), done));
  if (args_has(args, "json")) out_json(&cli->out, count == 1 ? json_array_get(done, 0) : done);
  return NULL;
}

/* ---- schedule ---- */

err *backup_run_schedule(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *volume = NULL, *data = NULL;
  auto_table table = {0};
  size_t i;
  json_t *s;
  TRY(backup_find_volume(cli, args, &scope, &volume));
  TRY(cli_query(cli, query_backup_schedules, json_pack("{s:s}", "volumeInstanceId", id_of(volume)), &data));
  const json_t *list = json_object_get(data, "volumeInstanceBackupScheduleList");
  if (args_has(args, "json")) {
    out_json(&cli->out, list);
    return NULL;
  }
  table_init(&table, 3);
  table_add(&table, "SCHEDULE", "CRON (UTC)", "KEPT", NULL);
  json_array_foreach(list, i, s) {
    auto_free char *kept = str_format("%lld days", (long long)(json_get_int(s, "retentionSeconds", 0) / 86400));
    table_add(&table, json_get_text(s, "name"), json_get_text(s, "cron"), kept, NULL);
  }
  if (json_array_size(list))
    out_table(&cli->out, &table);
  else
    out_line(&cli->out, "No backups are taken by themselves: `%s backup schedule set --daily`", cli->program);
  return NULL;
}

err *backup_run_schedule_set(struct cli *cli, const struct args *args) {
  static const char *const kinds[] = {"daily", "weekly", "monthly"}, *const words[] = {"DAILY", "WEEKLY", "MONTHLY"};
  auto_scope scope = {0};
  auto_json *volume = NULL, *data = NULL, *wanted = json_array();
  for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
    if (args_has(args, kinds[i])) json_array_append_new(wanted, json_string(words[i]));
  if (!json_array_size(wanted) == !args_has(args, "none"))
    return err_new(ERR_INVALID, "say --daily, --weekly, --monthly (any of them), or --none");
  TRY(backup_find_volume(cli, args, &scope, &volume));
  TRY(cli_query(cli, mutation_backup_schedule, json_pack("{s:s, s:O}", "volumeInstanceId", id_of(volume), "kinds", wanted), &data));
  return backup_run_schedule(cli, args);
}

/* clang-format off */
const struct flag backup_list_flags[] = { FLAG_VOLUME, FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END };
const struct flag backup_create_flags[] = {
  { "name|n", "NAME", "what it is for" }, FLAG_NO_WAIT,
  FLAG_VOLUME, FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
const struct flag backup_act_flags[] = {
  FLAG_YES, FLAG_NO_WAIT, FLAG_VOLUME, FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
const struct flag backup_set_flags[] = {
  { "daily", NULL, "each night, kept 6 days" }, { "weekly", NULL, "Sundays, kept a month" },
  { "monthly", NULL, "on the 1st, kept three months" }, { "none", NULL, "none of them; what there is stays" },
  FLAG_VOLUME, FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
/* clang-format on */
