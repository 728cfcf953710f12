/* Backups of volumes: how they are taken, what happens when a part of it fails, where they are restored to, and when
 * they go. */
#include "core/backup.h"

#include "base/clock.h"
#include "core/backup_private.h"
#include "core/staged.h"
#include "core/volume.h"
#include "fake_restic.h"
#include "store/backup.h"
#include "store/database_upgrade.h"
#include "store/event.h"
#include "store/volume.h"
#include "town.h"

static restic *res;
static struct volume_instance vol;

static void begin(void) {
  auto_volume made = {0};
  char deployment_id[ID_SIZE];
  bool found = false;
  town_open();
  res = fake_restic_new(town_loop);
  town_restic = res;
  town_restart();
  struct core_volume_request request = {.project_id = project.id, .environment_id = instance.environment_id,
                                        .service_id = service.id, .mount_path = "/data", .size_bytes = 1 << 30};
  CHECK_OK(core_volume_create(town, &request, &made));
  CHECK_OK(volume_instance_find(town_db, made.id, instance.environment_id, &found, &vol));
  deploy_live(deployment_id);
}

static void finish(void) {
  town_close();
  fake_restic_free(res);
  town_restic = NULL;
  volume_instance_done(&vol);
}

static void restart(void) {
  town_stop();
  res->stopped = false;
  town_start();
}

/* Static: its state, and the problem behind it. */
static const char *state_of(const char *id) {
  static char text[300];
  auto_backup b = {0};
  CHECK_OK(backup_get(town_db, id, &b));
  snprintf(text, sizeof text, "%s%s%s", backup_state_name(b.state), b.problem ? ": " : "", b.problem ? b.problem : "");
  return text;
}

static void create(char id[ID_SIZE]) {
  CHECK_OK(core_backup_create(town, vol.id, "by hand", user.id, id));
}

static void create_ready(char id[ID_SIZE]) {
  create(id);
  WAIT(!str_eq(state_of(id), "TAKING"));
  CHECK_TEXT(state_of(id), "READY");
}

static bool was_done(const char *format, const char *a, const char *b) {
  auto_free char *text = str_format("%s %s%s", format, a, b);
  return strv_has(&res->done, text);
}

static void check_nothing_held(void) {
  struct fake_volume *v = fake_volume_find(&en->volumes, vol.id);
  WAIT(!strv_has(&v->snapshots, "backup") && !en->volumes.paused.len);
}

static int events(const char *action) {
  auto_event_list list = {0};
  struct event_filter filter = {.project_id = project.id};
  int count = 0;
  CHECK_OK(event_list(town_db, &filter, NULL, &list));
  for (size_t i = 0; i < list.len; i++)
    if (str_eq(list.items[i].object, "backup") && str_eq(list.items[i].action, action)) count += list.items[i].count;
  return count;
}

static void create_failing(void) {
  char id[ID_SIZE];
  create(id);
  WAIT(!str_eq(state_of(id), "TAKING"));
  CHECK_HAS(state_of(id), "FAILED");
}

/* As if it had been a day ago that somebody was told. */
static void a_day_passes(void) {
  auto_backup_repository known = {0};
  bool found = false;
  CHECK_OK(backup_repository_find(town_db, vol.id, &found, &known));
  known.alerted_us -= 86400LL * 1000000;
  CHECK_OK(backup_repository_set(town_db, &known));
}

static const char *problem(void) {
  static char text[300];
  auto_backup_repository known = {0};
  bool found = false;
  CHECK_OK(backup_repository_find(town_db, vol.id, &found, &known));
  snprintf(text, sizeof text, "%s", known.problem ? known.problem : "");
  return text;
}

TEST(its_owner_is_told_when_it_begins_daily_and_when_it_works_again) {
  char id[ID_SIZE];
  begin();
  res->fail = "the repository cannot be reached";
  for (int i = 0; i < 3; i++) create_failing();
  CHECK_INT(events("failed"), 1);
  restart();
  create_failing();
  CHECK_INT(events("failed"), 1);
  a_day_passes();
  create_failing();
  CHECK_INT(events("failed"), 2);
  CHECK_INT(events("recovered"), 0);
  res->fail = NULL;
  create_ready(id);
  CHECK_INT(events("recovered"), 1);
  create_ready(id);
  CHECK_INT(events("recovered"), 1);
  CHECK_TEXT(problem(), "");
  res->fail = "again";
  create_failing();
  CHECK_INT(events("failed"), 3);
  finish();
}

static void push_log(void) {
  backup_wal_push(town->backups, &vol, NULL, NULL);
  WAIT(!map_has(town->backups->pushing, vol.id));
}

TEST(log_that_does_not_get_into_the_repository_is_told_when_it_lasts) {
  begin();
  en->volumes.fail = "the volume cannot be read";
  push_log(), push_log();
  CHECK_INT(events("failed"), 0);
  CHECK_TEXT(problem(), "");
  backup_note_time(town->backups->log_failing, vol.id, clock_monotonic_ms() - 600 * 1000);
  push_log(), push_log();
  CHECK_INT(events("failed"), 1);
  CHECK_HAS(problem(), "its log: the volume cannot be read");
  en->volumes.fail = NULL;
  push_log();
  CHECK_INT(events("recovered"), 1);
  CHECK_TEXT(problem(), "");
  finish();
}

static void measure(void) {
  backup_measure(town->backups, vol.id);
  WAIT(!backups_have_task(town->backups, vol.id));
}

TEST(a_quota_that_is_reached_is_told_once_and_stops_only_those_by_hand) {
  char id[ID_SIZE];
  begin();
  create_ready(id);
  WAIT(!backups_have_task(town->backups, vol.id));
  town->options.backup_quota_bytes = 1000000; /* the fake's repositories have 5 MB */
  measure();
  CHECK_INT(events("quota"), 0); /* as large as it was */
  auto_backup_repository known = {0};
  bool found = false;
  CHECK_OK(backup_repository_find(town_db, vol.id, &found, &known));
  known.bytes = 0;
  CHECK_OK(backup_repository_set(town_db, &known));
  measure(), measure();
  CHECK_INT(events("quota"), 1);
  CHECK_ERR(core_backup_create(town, vol.id, NULL, user.id, id), ERR_LIMIT, "backup.quota");
  CHECK_OK(backup_take_start(town->backups, &vol, BACKUP_DAILY, NULL, NULL, id));
  WAIT(str_eq(state_of(id), "READY"));
  finish();
}

TEST(the_service_stands_still_for_the_snapshot_only) {
  char id[ID_SIZE];
  auto_backup b = {0};
  begin();
  create_ready(id);
  check_nothing_held();
  CHECK_INT(en->volumes.pauses, 1);
  auto_free char *taken = str_format("backup %s %s@backup", vol.id, vol.id);
  CHECK(strv_has(&res->done, taken));
  CHECK_OK(backup_get(town_db, id, &b));
  CHECK_TEXT(b.checksum, "00000001");
  CHECK_INT(b.size_bytes, 1000);
  CHECK_INT(b.expires_us, 0);
  CHECK(res->password && strlen(res->password) == 64);
  finish();
}

TEST(what_fails_is_told_and_leaves_nothing) {
  char id[ID_SIZE];
  begin();
  res->fail = "the repository cannot be reached";
  create(id);
  WAIT(!str_eq(state_of(id), "TAKING"));
  CHECK_TEXT(state_of(id), "FAILED: the repository cannot be reached");
  check_nothing_held();
  CHECK_INT(events("failed"), 1);
  res->fail = NULL;
  create_ready(id);
  finish();
}

TEST(a_volume_without_a_file_is_no_alarm_unless_it_had_some) {
  char id[ID_SIZE];
  begin();
  res->fail = "restic: " RESTIC_NOTHING;
  create(id);
  WAIT(!str_eq(state_of(id), "TAKING"));
  CHECK_HAS(state_of(id), "FAILED");
  check_nothing_held();
  CHECK_INT(events("failed"), 0);
  res->fail = NULL;
  create_ready(id);
  CHECK_INT(events("recovered"), 0);
  res->fail = "restic: " RESTIC_NOTHING;
  create(id);
  WAIT(!str_eq(state_of(id), "TAKING"));
  CHECK_INT(events("failed"), 1);
  res->fail = NULL;
  finish();
}

TEST(one_at_a_time) {
  char id[ID_SIZE], second[ID_SIZE];
  begin();
  res->hold = true;
  create(id);
  CHECK_ERR(core_backup_create(town, vol.id, NULL, user.id, second), ERR_BUSY, "being taken");
  CHECK_ERR(core_backup_delete(town, vol.id, id), ERR_CONFLICT, "being taken");
  CHECK_ERR(core_backup_restore(town, vol.id, id, user.id, second), ERR_CONFLICT, "not one that can be restored");
  finish();
}

static void begin_backup_of_new_volume(const struct project *in) {
  auto_environment_list environments = {0};
  auto_volume made = {0};
  auto_volume_instance v = {0};
  bool found = false;
  char id[ID_SIZE];
  CHECK_OK(environment_list_by_project(town_db, in->id, NULL, &environments));
  struct core_volume_request request = {.project_id = in->id, .environment_id = environments.items[0].id,
                                        .mount_path = "/data", .size_bytes = 1 << 30};
  CHECK_OK(core_volume_create(town, &request, &made));
  CHECK_OK(volume_instance_find(town_db, made.id, environments.items[0].id, &found, &v));
  WAIT(fake_volume_find(&en->volumes, v.id) != NULL);
  CHECK_OK(core_backup_create(town, v.id, NULL, user.id, id));
}

TEST(a_workspace_whose_backups_do_not_end_leaves_others_a_turn) {
  auto_workspace neighbour = {.name = str_dup("Neighbour's")};
  auto_project theirs = {0};
  begin();
  res->hold = true;
  for (int i = 0; i < BACKUP_TASKS_MAX + 1; i++) begin_backup_of_new_volume(&project);
  WAIT(res->done.len == BACKUP_TASKS_MAX - 1);
  turns(20);
  CHECK_INT(res->done.len, BACKUP_TASKS_MAX - 1);
  CHECK_OK(workspace_insert(town_db, &neighbour));
  CHECK_OK(core_project_create(town, neighbour.id, "next door", NULL, &theirs));
  begin_backup_of_new_volume(&theirs);
  WAIT(res->done.len == BACKUP_TASKS_MAX);
  finish();
}

TEST(tramd_ends_while_one_is_taken) {
  char id[ID_SIZE];
  begin();
  res->hold = true;
  create(id);
  WAIT(res->done.len);
  restart();
  CHECK_TEXT(state_of(id), "FAILED: tramd ended while it was being taken");
  check_nothing_held();
  res->hold = false;
  create_ready(id);
  finish();
}

TEST(whatever_statement_fails_nothing_stays_held) {
  char id[ID_SIZE];
  begin();
  for (int n = 1; n <= 40; n += 3) {
    db_fail_after(town_db, n);
    err *e = core_backup_create(town, vol.id, NULL, user.id, id);
    for (int i = 0; i < 30; i++) turn();
    db_fail_after(town_db, 0);
    err_ignore(e);
    check_nothing_held();
    restart(); /* what could not be recorded as failed is now */
  }
  create_ready(id);
  finish();
}

TEST(deleting_locking_and_expiring) {
  char first[ID_SIZE], second[ID_SIZE], third[ID_SIZE];
  auto_backup b = {0};
  begin();
  create_ready(first), create_ready(second), create_ready(third);
  CHECK_OK(core_backup_delete(town, vol.id, first));
  WAIT(str_eq(state_of(first), "DELETED"));
  CHECK(was_done("forget", vol.id, " 00000001"));
  CHECK_ERR(core_backup_find(town, vol.id, first, &b), ERR_NOT_FOUND, "does not exist");
  CHECK_ERR(core_backup_find(town, service.id, second, &b), ERR_NOT_FOUND, "does not exist");
  CHECK_OK(core_backup_lock(town, vol.id, second));
  const char *const ids[] = {second, third};
  for (int i = 0; i < 2; i++) {
    auto_backup row = {0};
    CHECK_OK(backup_get(town_db, ids[i], &row));
    row.expires_us = 1;
    CHECK_OK(backup_update(town_db, &row));
  }
  CHECK_ERR(core_backup_delete(town, vol.id, first), ERR_NOT_FOUND, "does not exist");
  char fourth[ID_SIZE], fifth[ID_SIZE];
  create_ready(fourth), create_ready(fifth);
  CHECK_OK(core_backup_delete(town, vol.id, fourth)); /* looks at the others, too */
  WAIT(str_eq(state_of(fourth), "DELETED"));
  CHECK_TEXT(state_of(third), "READY"); /* nobody knows yet whether the clock is right */
  town->backups->clock_ahead_us = clock_now_us() - clock_monotonic_ms() * 1000;
  town->backups->steady_since_ms = clock_monotonic_ms() - 2 * 3600 * 1000;
  backup_tidy(town->backups, vol.id);
  WAIT(str_eq(state_of(third), "DELETED"));
  CHECK_TEXT(state_of(second), "READY");
  CHECK_TEXT(state_of(fifth), "READY");
  finish();
}

TEST(a_restore_goes_to_a_new_volume_and_the_swap_is_staged) {
  char id[ID_SIZE], workflow[ID_SIZE];
  auto_backup_restore r = {0};
  auto_environment_patch patch = {0};
  auto_volume_instance now = {0}, target = {0};
  enum core_workflow state = CORE_WORKFLOW_NONE;
  auto_free char *problem = NULL;
  bool found = false;
  begin();
  create_ready(id);
  CHECK_OK(core_backup_restore(town, vol.id, id, user.id, workflow));
  for (int i = 0; i < 4000 && state != CORE_WORKFLOW_DONE; i++) {
    turn();
    free(problem);
    problem = NULL;
    CHECK_OK(core_backup_workflow(town, workflow, &state, &problem));
    if (problem) TAP_FAIL("%s", problem);
  }
  CHECK_INT(state, CORE_WORKFLOW_DONE);
  CHECK_OK(backup_restore_find(town_db, workflow, &found, &r));
  auto_free char *done = str_format("restore %s 00000001 to %s", vol.id, r.target_instance_id);
  CHECK(strv_has(&res->done, done));
  CHECK_OK(volume_instance_get(town_db, vol.id, &now));
  CHECK_TEXT(now.service_id, service.id); /* untouched */
  CHECK_OK(volume_instance_get(town_db, r.target_instance_id, &target));
  CHECK_INT(target.state, VOLUME_READY);
  CHECK_TEXT(target.service_id, "");
  CHECK_OK(core_staged(town, instance.environment_id, &patch));
  CHECK_HAS(patch.patch, r.target_volume_id);
  finish();
}

TEST(a_restore_that_fails_leaves_no_volume) {
  char id[ID_SIZE], workflow[ID_SIZE];
  enum core_workflow state = CORE_WORKFLOW_RUNNING;
  auto_free char *problem = NULL;
  auto_volume_instance_list list = {0};
  begin();
  create_ready(id);
  res->fail = "it is damaged";
  CHECK_OK(core_backup_restore(town, vol.id, id, user.id, workflow));
  for (int i = 0; i < 4000 && state == CORE_WORKFLOW_RUNNING; i++) {
    turn();
    free(problem);
    problem = NULL;
    CHECK_OK(core_backup_workflow(town, workflow, &state, &problem));
  }
  CHECK_INT(state, CORE_WORKFLOW_FAILED);
  CHECK_HAS(problem, "it is damaged");
  CHECK_OK(volume_instance_list(town_db, &list));
  CHECK_INT(list.len, 1);
  finish();
}

TEST(schedules_are_all_three_until_somebody_says_otherwise) {
  auto_backup_schedule s = {0}, now = {0};
  begin();
  CHECK_OK(core_backup_schedule(town, vol.id, &s));
  CHECK(s.daily && s.weekly && s.monthly);
  CHECK_OK(core_backup_set_schedule(town, vol.id, &(struct backup_schedule){.weekly = true}));
  CHECK_OK(core_backup_schedule(town, vol.id, &now));
  CHECK(!now.daily && now.weekly && !now.monthly);
  finish();
}

TEST(a_point_in_time_needs_a_base_from_before_and_credentials_are_checked) {
  char id[ID_SIZE], workflow[ID_SIZE];
  begin();
  create_ready(id); /* not of a Postgres */
  CHECK_ERR(core_backup_pitr(town, vol.id, clock_now_us() - 1, NULL, user.id, workflow), ERR_NOT_FOUND, "no base backup");
  CHECK_ERR(core_backup_pitr(town, vol.id, clock_now_us() + 60000000, NULL, user.id, workflow), ERR_INVALID, "to come");
  CHECK_ERR(core_backup_set_credentials(town, "key", "with space"), ERR_INVALID, "printable");
  CHECK_OK(core_backup_set_credentials(town, "key", "secret"));
  CHECK_ERR(core_backup_swap(town, instance.environment_id, service.id, user.id), ERR_CONFLICT, "neither");
  finish();
}

/* A volume that the service had when it was a Postgres 15, with a base backup and log up to `end_us`. */
static void add_former(int64_t end_us, struct volume_instance *ret_former) {
  auto_volume made = {0};
  bool found = false;
  struct core_volume_request request = {.project_id = project.id, .environment_id = instance.environment_id,
                                        .mount_path = "/data", .name = "former", .size_bytes = 1 << 30};
  CHECK_OK(core_volume_create(town, &request, &made));
  CHECK_OK(volume_instance_find(town_db, made.id, instance.environment_id, &found, ret_former));
  auto_backup b = {.kind = BACKUP_DAILY, .state = BACKUP_READY, .method = BACKUP_POSTGRES, .taken_us = end_us - 100000000,
                   .image = str_dup("tramway/postgres:15"), .snapshot_id = str_dup("s"), .label = str_dup("l"),
                   .wal_first = str_dup("000000010000000000000001"), .wal_last = str_dup("000000010000000000000001")};
  id_copy(b.volume_instance_id, ret_former->id);
  id_copy(b.project_id, project.id);
  id_copy(b.environment_id, instance.environment_id);
  id_copy(b.service_id, service.id);
  CHECK_OK(backup_insert(town_db, &b));
  struct backup_repository known = {.wal_us = end_us};
  id_copy(known.volume_instance_id, ret_former->id);
  CHECK_OK(backup_repository_set(town_db, &known));
}

static void become_postgres_17(void) {
  str_replace_owned(&instance.settings.source_image, "tramway/postgres:17");
  change_settings();
}

TEST(a_moment_from_before_an_upgrade_is_restored_in_the_version_of_then) {
  auto_volume_instance former = {0};
  auto_service then = {0};
  auto_service_instance made = {0};
  auto_backup_restore r = {0};
  char workflow[ID_SIZE];
  bool found = false;
  int64_t now_us = clock_now_us();
  begin();
  become_postgres_17();
  add_former(now_us - 50000000, &former);
  CHECK_ERR(core_backup_pitr(town, vol.id, now_us - 20000000, "then", user.id, workflow), ERR_NOT_FOUND, "no base backup");
  CHECK_ERR(core_backup_pitr(town, vol.id, now_us - 200000000, "then", user.id, workflow), ERR_NOT_FOUND, "no base backup");
  CHECK_OK(core_backup_pitr(town, vol.id, now_us - 60000000, "then", user.id, workflow));
  CHECK_OK(backup_restore_find(town_db, workflow, &found, &r));
  CHECK_TEXT(r.volume_instance_id, former.id);
  WAIT(!service_find_by_label(town_db, project.id, "then", &found, &then) && found);
  CHECK_OK(service_instance_find(town_db, then.id, instance.environment_id, &found, &made));
  CHECK_TEXT(made.settings.source_image, "tramway/postgres:15");
  finish();
}

static bool is_closed(const char *volume_instance_id, struct backup_repository *ret_known) {
  bool found = false;
  backup_repository_done(ret_known);
  *ret_known = (struct backup_repository){0};
  CHECK_OK(backup_repository_find(town_db, volume_instance_id, &found, ret_known));
  return found && ret_known->wal_closed_us;
}

TEST(the_log_of_a_version_that_was_left_ends_with_its_last_write) {
  auto_volume_instance former = {0};
  auto_backup_repository known = {0};
  int64_t now_us = clock_now_us();
  begin();
  become_postgres_17();
  add_former(now_us - 50000000, &former);
  auto_database_upgrade u = {.status = DATABASE_UPGRADE_DONE, .image = str_dup("tramway/postgres:17"),
                             .former_image = str_dup("tramway/postgres:15"), .frozen_us = now_us - 55000000};
  id_copy(u.environment_id, instance.environment_id);
  id_copy(u.service_id, service.id);
  id_copy(u.former_volume_id, former.id);
  CHECK_OK(database_upgrade_begin(town_db, &u));
  WAIT(fake_volume_find(&en->volumes, former.id));
  turns(3);
  backup_watch_tick(town->backups);
  WAIT(is_closed(former.id, &known));
  CHECK_INT(known.wal_us, u.frozen_us);
  finish();
}

TEST(without_restic_it_is_said_so) {
  char id[ID_SIZE];
  town_open();
  CHECK_ERR(core_backup_drill(town, service.id, user.id, id), ERR_CONFLICT, "there are no backups");
  town_close();
}

TEST_MAIN
