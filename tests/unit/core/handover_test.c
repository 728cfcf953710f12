/* A service with a volume: never two deployments have it (the fake engine ends the program when they do),
 * and one that does not get to live with it gives it back, at whatever moment, also when tramd ends right
 * after. */
#include "core/internal.h"
#include "core/volume.h"
#include "phases.h"
#include "store/release.h"
#include "store/volume.h"

static struct volume volume;
static struct volume_instance data;
static char made[ID_SIZE];

/* What the deployment's instance has mounted, and where. */
static const char *volume_of(const char *id) {
  const struct fake_instance *i = fake_find(en, id, 0);
  return i ? i->volume_id : NULL;
}
static const char *place_of(const char *id) {
  const struct fake_instance *i = fake_find(en, id, 0);
  return i ? i->mount_path : NULL;
}

static void open_with_volume(void) {
  bool found = false;
  town_open();
  struct core_volume_request request = {.project_id = project.id, .environment_id = instance.environment_id,
                                        .service_id = service.id, .mount_path = "/data", .user_id = ""};
  CHECK_OK(core_volume_create(town, &request, &volume));
  CHECK_OK(volume_instance_find(town_db, volume.id, instance.environment_id, &found, &data));
  CHECK(found);
  deploy_live(old);
  CHECK_TEXT(volume_of(old), data.id);
  CHECK_TEXT(place_of(old), "/data");
}

static void close_with_volume(void) {
  en->volumes.fail = NULL;
  volume_done(&volume);
  volume_instance_done(&data);
  town_close();
}

/* ---- the moments ---- */

static void hold_drain(void) {
  gate->sessions = 1;
}
static bool old_drains(void) {
  return status_of(old) == DEPLOYMENT_SLEEPING && gate->asked > 1;
}
static void hold_stop(void) {
  en->hold_removals = true;
}
static bool old_is_stopped(void) {
  return status_of(old) == DEPLOYMENT_SLEEPING && !list_empty(&en->removals);
}

static const struct phase own[] = {{"the old one drains", hold_drain, old_drains},
                                   {"the old one is stopped", hold_stop, old_is_stopped}};

static const struct phase *moment_at(size_t i) {
  return i < ARRAY_LEN(own) ? &own[i] : i - ARRAY_LEN(own) < ARRAY_LEN(phases) ? &phases[i - ARRAY_LEN(own)] : NULL;
}

/* ---- the actions ---- */

static err *do_nothing(void) {
  return NULL;
}
static err *do_cancel(void) {
  return core_cancel(town, new);
}
static err *do_newer(void) {
  return core_deploy_instance(town, &instance, "", made);
}
static err *do_remove_old(void) {
  return core_remove(town, old, false);
}
static err *do_fail_mounting(void) {
  en->fail_apply = "no";
  return core_cancel(town, new);
}

static const struct {
  const char *name;
  err *(*act)(void);
  const char *status; /* of `new`, in the end */
  char serves;        /* 'o' old, 'n' new, 'm' the one that was made */
} actions[] = {
    {"nothing", do_nothing, "SUCCESS", 'n'},
    {"cancel", do_cancel, "REMOVED", 'o'},
    {"a newer one", do_newer, "REMOVED", 'm'},
    {"remove the old one", do_remove_old, "SUCCESS", 'n'},
    {"cancel, and the engine refuses for a while", do_fail_mounting, "REMOVED", 'o'},
};

static bool is_settled(void) {
  return core_is_quiet(town) && !map_len(town->runs) && !map_len(town->retiring) && !map_len(town->scaling) &&
         !map_len(town->settling) &&
         list_empty(&town->handovers) && list_empty(&en->removals) && list_empty(&gate->tellings) &&
         json_equal(gate->wanted, gate->live);
}

static void try_moment(const struct phase *m, size_t action, bool restart) {
  printf("# %s: %s%s\n", m->name, actions[action].name, restart ? ", and tramd ends" : "");
  open_with_volume();
  m->hold();
  change_settings();
  deploy(new);
  WAIT(m->reached());
  CHECK_OK(actions[action].act());
  if (restart) town_restart();
  turns(3);
  en->fail_apply = NULL;
  release_all();
  TAP_WAIT_FOR(is_settled(), TOWN_DEADLINE_MS, turn());
  CHECK_TEXT(deployment_status_name(status_of(new)), actions[action].status);
  const char *server = actions[action].serves == 'o' ? old : actions[action].serves == 'n' ? new : made;
  CHECK_STATUS(server, SUCCESS);
  CHECK_TEXT(served_by(), server);
  CHECK_TEXT(volume_of(server), data.id);
  CHECK_INT(fake_count(en, NULL), m->hold == hold_queue ? 3 : 1);
  close_with_volume();
}

TEST(whatever_is_asked_at_whatever_moment) {
  const struct phase *m;
  for (size_t i = 0; (m = moment_at(i)); i++)
    for (size_t n = 0; n < ARRAY_LEN(actions); n++) try_moment(m, n, false);
}

TEST(and_tramd_ends_right_after) {
  const struct phase *m;
  for (size_t i = 0; (m = moment_at(i)); i++)
    for (size_t n = 0; n < ARRAY_LEN(actions); n++) try_moment(m, n, true);
}

/* ---- one that fails ---- */

TEST(one_that_fails_brings_the_old_one_back) {
  open_with_volume();
  hold_instances();
  deploy(new);
  WAIT(instances_exist());
  CHECK_STATUS(old, SLEEPING);
  CHECK_INT(fake_count(en, old), 0);
  CHECK_TEXT(volume_of(new), data.id);
  en->app = fake_runs(8080);
  fake_change(en, fake_find(en, new, 0), fake_ended(INSTANCE_CRASHED, 3));
  WAIT_STATUS(new, FAILED);
  CHECK_HAS(reason_of(new), "the deployment before it is started again");
  WAIT_STATUS(old, SUCCESS);
  WAIT(str_eq(served_by(), old));
  CHECK_TEXT(volume_of(old), data.id);
  close_with_volume();
}

static const char *runs_now(void) {
  LIST_FOREACH(i, &en->instances, struct fake_instance, link) return i->workload_id;
  return NULL;
}
static bool a_third_runs(void) {
  return runs_now() && !str_eq(runs_now(), new) && !str_eq(runs_now(), old);
}

/* What is in the trash is not mounted any more: it could not be destroyed. */
TEST(one_whose_volume_was_deleted_meanwhile_sleeps_on) {
  char third[ID_SIZE];
  open_with_volume();
  hold_instances();
  deploy(new);
  WAIT(instances_exist());
  CHECK_OK(core_volume_delete(town, volume.id, ""));
  WAIT(a_third_runs());
  id_copy(third, runs_now());
  fake_change(en, fake_find(en, third, 0), fake_ended(INSTANCE_CRASHED, 3));
  WAIT_STATUS(third, FAILED);
  turns(5);
  CHECK_STATUS(old, SLEEPING);
  town_restart();
  turns(5);
  CHECK_STATUS(old, SLEEPING);
  CHECK_INT(fake_count(en, NULL), 0);
  close_with_volume();
}

TEST(one_that_crashed_gets_another_try_when_its_successor_fails) {
  open_with_volume();
  fake_change(en, fake_find(en, old, 0), fake_ended(INSTANCE_CRASHED, 1));
  WAIT_STATUS(old, CRASHED);
  hold_instances();
  deploy(new);
  WAIT(instances_exist());
  en->app = fake_runs(8080);
  CHECK_OK(core_cancel(town, new));
  WAIT_STATUS(new, REMOVED);
  WAIT_STATUS(old, SUCCESS);
  close_with_volume();
}

TEST(what_was_completed_is_not_done_again) {
  open_with_volume();
  fake_change(en, fake_find(en, old, 0), fake_ended(INSTANCE_EXITED, 0));
  WAIT(!served_by());
  hold_instances();
  deploy(new);
  WAIT(instances_exist());
  en->app = fake_runs(8080);
  CHECK_OK(core_cancel(town, new));
  WAIT_STATUS(new, REMOVED);
  CHECK_STATUS(old, SUCCESS);
  CHECK_INT(fake_count(en, NULL), 0);
  town_restart();
  turns(5);
  CHECK_INT(fake_count(en, NULL), 0);
  close_with_volume();
}

TEST(it_cannot_be_restarted_while_another_has_its_volume) {
  open_with_volume();
  hold_instances();
  deploy(new);
  WAIT(instances_exist());
  CHECK_ERR(core_restart(town, old), ERR_CONFLICT, "another has its volume");
  release_all();
  WAIT_STATUS(new, SUCCESS);
  close_with_volume();
}

TEST(a_volume_that_cannot_be_made_fails_the_deployment) {
  open_with_volume();
  en->volumes.fail = "the disk has no room";
  deploy(new);
  WAIT_STATUS(new, FAILED);
  CHECK_HAS(reason_of(new), "the disk has no room");
  en->volumes.fail = NULL;
  WAIT_STATUS(old, SUCCESS);
  WAIT(str_eq(served_by(), old));
  close_with_volume();
}

/* ---- what is mounted ---- */

TEST(the_job_before_it_has_no_volume) {
  open_with_volume();
  hold_job();
  change_settings();
  deploy(new);
  WAIT(job_runs());
  CHECK_INT(strlen(job()->volume_id), 0);
  CHECK_STATUS(old, SUCCESS); /* it serves until then */
  release_all();
  WAIT_STATUS(new, SUCCESS);
  close_with_volume();
}

TEST(a_rollback_has_the_volume_where_it_was_then) {
  open_with_volume();
  struct core_volume_change change = {.mount_path = "/elsewhere"};
  CHECK_OK(core_volume_change(town, data.id, &change, ""));
  WAIT_STATUS(old, REMOVED);
  WAIT(served_by());
  CHECK_TEXT(place_of(served_by()), "/elsewhere");
  CHECK_OK(core_rollback(town, old, "", new));
  WAIT_STATUS(new, SUCCESS);
  CHECK_TEXT(place_of(new), "/data");
  auto_release then = {0}, now = {0};
  bool found = false;
  CHECK_OK(release_find(town_db, old, &found, &then));
  CHECK_OK(release_find(town_db, new, &found, &now));
  CHECK_TEXT(now.hash, then.hash);
  close_with_volume();
}

TEST(it_moves_to_another_service) {
  auto_service other = {0};
  auto_service_instance other_instance = {0};
  char other_id[ID_SIZE];
  open_with_volume();
  town_make_service("other", &other, &other_instance);
  CHECK_OK(core_deploy_instance(town, &other_instance, "", other_id));
  WAIT_STATUS(other_id, SUCCESS);
  struct core_volume_change change = {.service_id = other.id};
  CHECK_OK(core_volume_change(town, data.id, &change, ""));
  WAIT_STATUS(old, REMOVED);
  WAIT_STATUS(other_id, REMOVED);
  int with = 0;
  LIST_FOREACH(i, &en->instances, struct fake_instance, link) with += str_eq(i->volume_id, data.id);
  CHECK_INT(with, 1);
  CHECK_INT(fake_count(en, NULL), 2);
  close_with_volume();
}

TEST(variables_tell_of_it) {
  open_with_volume();
  bool name = false, path = false;
  for (size_t i = 0; i < en->env.len; i++) {
    name |= str_eq(en->env.items[i], "RAILWAY_VOLUME_NAME=api-volume");
    path |= str_eq(en->env.items[i], "RAILWAY_VOLUME_MOUNT_PATH=/data");
  }
  CHECK(name && path);
  close_with_volume();
}

TEST(settings_that_do_not_go_with_it_are_refused) {
  open_with_volume();
  instance.settings.num_replicas = 2;
  CHECK_ERR(core_set_settings(town, instance.id, &instance.settings), ERR_CONFLICT, "has one replica");
  instance.settings.num_replicas = 1;
  instance.settings.required_mount_path = str_dup("/other");
  change_settings();
  deploy(new);
  WAIT_STATUS(new, FAILED);
  CHECK_HAS(reason_of(new), "deploy.requiredMountPath asks for a volume at /other");
  CHECK_STATUS(old, SUCCESS);
  str_replace_owned(&instance.settings.required_mount_path, "/data/");
  change_settings();
  deploy(new);
  WAIT_STATUS(new, SUCCESS);
  close_with_volume();
}

/* ---- the database fails ---- */

static int statements;

static int count_statement(unsigned what, void *arg, void *statement, void *text) {
  (void)what, (void)arg, (void)statement, (void)text;
  statements++;
  return 0;
}

static bool serves_with_volume(void) {
  const char *id = served_by();
  return is_settled() && id && status_of(id) == DEPLOYMENT_SUCCESS && str_eq(volume_of(id), data.id);
}

/* The `nth` statement of a deployment (0: none) fails: whoever serves in the end has the volume. */
static void deploy_failing_at(int nth) {
  open_with_volume();
  statements = 0;
  sqlite3_trace_v2(db_handle(town_db), SQLITE_TRACE_STMT, count_statement, NULL);
  db_fail_after(town_db, nth);
  err_ignore(core_deploy_instance(town, &instance, "", new));
  turns(30);
  db_fail_after(town_db, 0);
  WAIT(serves_with_volume());
  CHECK_INT(fake_count(en, NULL), 1);
  close_with_volume();
}

TEST(the_database_may_fail_at_each_statement) {
  deploy_failing_at(0);
  int most = statements;
  printf("# %d statements\n", most);
  for (int nth = 1; nth <= most; nth += 2) deploy_failing_at(nth);
}

TEST_MAIN
