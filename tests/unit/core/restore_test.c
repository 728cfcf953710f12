/* Restores and swaps, at every moment and through the end of tramd: whatever happens, what lives keeps its data, never
 * two have a volume mounted (the fake engine ends the program when they do), and nothing half done is left. */
#include "core/backup.h"
#include "core/backup_private.h"
#include "core/staged.h"
#include "core/volume.h"
#include "fake_restic.h"
#include "phases.h"
#include "store/backup.h"
#include "store/event.h"
#include "store/volume.h"

static restic *res;
static struct volume volume;           /* of `service` */
static struct volume_instance data;    /* likewise */
static struct service rescued;         /* what a point-in-time restore made */
static struct volume_instance restored; /* and its volume */
static char rescuer[ID_SIZE];          /* its deployment */

static void make_volume(const char *service_id, struct volume *ret_volume, struct volume_instance *ret_instance) {
  bool found = false;
  struct core_volume_request request = {.project_id = project.id, .environment_id = instance.environment_id,
                                        .service_id = service_id, .mount_path = "/data", .user_id = ""};
  CHECK_OK(core_volume_create(town, &request, ret_volume));
  CHECK_OK(volume_instance_find(town_db, ret_volume->id, instance.environment_id, &found, ret_instance));
  CHECK(found);
}

static void begin(void) {
  town_open();
  res = fake_restic_new(town_loop);
  town_restic = res;
  town_restart();
  make_volume(service.id, &volume, &data);
  deploy_live(old);
}

static void finish(void) {
  town_close();
  fake_restic_free(res);
  town_restic = NULL;
  volume_done(&volume);
  volume_instance_done(&data);
  service_done(&rescued);
  volume_instance_done(&restored);
}

static void restart(void) {
  town_stop();
  res->stopped = false;
  town_start();
}

static const char *volume_of(const char *deployment_id) {
  const struct fake_instance *i = fake_find(en, deployment_id, 0);
  return i ? i->volume_id : NULL;
}

static bool is_there(const char *volume_instance_id) {
  auto_volume_instance v = {0};
  auto_err *gone = volume_instance_get(town_db, volume_instance_id, &v);
  return !gone && !volume_is_trashed(&v) && fake_volume_find(&en->volumes, volume_instance_id);
}

/* The service that has it, as the row says. */
static const char *owner_of(const char *volume_instance_id) {
  static char id[ID_SIZE];
  auto_volume_instance v = {0};
  CHECK_OK(volume_instance_get(town_db, volume_instance_id, &v));
  id_copy(id, v.service_id);
  return id;
}

static void check_live_is_as_it_was(void) {
  CHECK_STATUS(old, SUCCESS);
  CHECK_TEXT(served_by(), old);
  CHECK_TEXT(volume_of(old), data.id);
  CHECK_TEXT(owner_of(data.id), service.id);
}

static const char *staged(void) {
  static char text[2000];
  auto_environment_patch patch = {0};
  CHECK_OK(core_staged(town, instance.environment_id, &patch));
  snprintf(text, sizeof text, "%s", patch.patch ? patch.patch : "");
  return text;
}

/* ---- a restore to a volume ---- */

static char backup_id[ID_SIZE], workflow[ID_SIZE];

static bool is_ready(void) {
  auto_backup b = {0};
  CHECK_OK(backup_get(town_db, backup_id, &b));
  return b.state == BACKUP_READY;
}

static void back_up(void) {
  CHECK_OK(core_backup_create(town, data.id, NULL, user.id, backup_id));
  WAIT(is_ready() && !backups_have_task(town->backups, data.id));
}

static void start_restore(void) {
  CHECK_OK(core_backup_restore(town, data.id, backup_id, user.id, workflow));
}

static enum core_workflow state_of(void) {
  enum core_workflow state = CORE_WORKFLOW_NONE;
  auto_free char *problem = NULL;
  CHECK_OK(core_backup_workflow(town, workflow, &state, &problem));
  return state;
}

static void read_restore(struct backup_restore *ret_restore) {
  bool found = false;
  CHECK_OK(backup_restore_find(town_db, workflow, &found, ret_restore));
  CHECK(found);
}

static bool target_is(enum volume_state state) {
  auto_backup_restore r = {0};
  auto_volume_instance v = {0};
  read_restore(&r);
  if (!*r.target_instance_id) return false;
  auto_err *gone = volume_instance_get(town_db, r.target_instance_id, &v);
  return !gone && v.state == state;
}

static void hold_volumes(void) {
  en->volumes.hold = true;
}
static bool volume_is_made(void) {
  return target_is(VOLUME_UPDATING);
}
static void hold_restic(void) {
  res->hold = true;
}
static bool volume_is_filled(void) {
  return target_is(VOLUME_RESTORING);
}
static bool is_asked_for(void) {
  return true;
}
static void hold_nothing(void) {}

static const struct phase steps[] = {
    {"it is asked for", hold_nothing, is_asked_for},
    {"its volume is made", hold_volumes, volume_is_made},
    {"its volume is filled", hold_restic, volume_is_filled},
};

static void do_restart(void) {
  restart();
}
static void do_disk_full(void) {
  en->volumes.fail = res->fail = "no space left on device";
}
static void do_delete_target(void) {
  auto_backup_restore r = {0};
  read_restore(&r);
  if (*r.target_volume_id) err_ignore(core_volume_delete(town, r.target_volume_id, "")); /* refused while it is filled */
}
static void do_delete_source(void) {
  CHECK_OK(core_volume_delete(town, volume.id, ""));
}
static void do_delete_service(void) {
  CHECK_OK(core_service_delete(town, service.id));
}

/* clang-format off */
static const struct {
  const char *name;
  void (*act)(void);
  bool lives;       /* the service is still there, with its volume */
  bool may_succeed;
} happenings[] = {
  { "nothing",                            hold_nothing,      true,  true },
  { "tramd ends",                         do_restart,        true,  false },
  { "the disk is full",                   do_disk_full,      true,  false },
  { "somebody deletes the new volume",    do_delete_target,  true,  true },
  { "the volume that was backed up goes", do_delete_source,  false, true },
  { "the service goes",                   do_delete_service, false, true },
};
/* clang-format on */

static void release_restore(void) {
  en->volumes.hold = res->hold = false;
  loop_defer(town_loop, fake_volumes_answer, &en->volumes);
  fake_restic_wake(res);
}

/* Beside `data`: of the ones that are not in the trash. */
static size_t other_volumes(void) {
  auto_volume_instance_list list = {0};
  size_t count = 0;
  CHECK_OK(volume_instance_list(town_db, &list));
  for (size_t i = 0; i < list.len; i++) count += !str_eq(list.items[i].id, data.id) && !volume_is_trashed(&list.items[i]);
  return count;
}

static size_t engine_volumes(void) {
  size_t count = 0;
  LIST_FOREACH(v, &en->volumes.all, struct fake_volume, link) count++;
  return count;
}

static void try_step(const struct phase *step, size_t n) {
  printf("# %s: %s\n", step->name, happenings[n].name);
  begin();
  back_up();
  step->hold();
  start_restore();
  WAIT(step->reached());
  happenings[n].act();
  release_restore();
  WAIT(state_of() != CORE_WORKFLOW_RUNNING);
  bool done = state_of() == CORE_WORKFLOW_DONE;
  CHECK(happenings[n].may_succeed || !done);
  CHECK(is_there(data.id) == happenings[n].lives);
  CHECK(fake_volume_find(&en->volumes, data.id)); /* in the trash, at worst */
  CHECK_INT(other_volumes(), done);
  if (happenings[n].lives) check_live_is_as_it_was();
  if (!done) CHECK_TEXT(staged(), "");
  en->volumes.fail = res->fail = NULL;
  if (!done) {
    restart(); /* what could not be destroyed is now */
    WAIT(engine_volumes() == 1);
  }
  if (happenings[n].lives) {
    start_restore();
    WAIT(state_of() == CORE_WORKFLOW_DONE);
    CHECK_HAS(staged(), "volumeMounts");
  }
  finish();
}

TEST(a_restore_fails_whole_or_comes_whole) {
  for (size_t s = 0; s < ARRAY_LEN(steps); s++)
    for (size_t n = 0; n < ARRAY_LEN(happenings); n++) try_step(&steps[s], n);
}

TEST(a_second_restore_takes_the_place_of_the_one_that_is_staged) {
  auto_backup_restore first = {0}, second = {0};
  begin();
  back_up();
  start_restore();
  WAIT(state_of() == CORE_WORKFLOW_DONE);
  read_restore(&first);
  start_restore();
  WAIT(state_of() == CORE_WORKFLOW_DONE);
  read_restore(&second);
  auto_free char *mounted = str_format("\"%s\":{\"mountPath\":\"/data\"}", second.target_volume_id);
  auto_free char *no_more = str_format("\"%s\":null", first.target_volume_id);
  CHECK_HAS(staged(), mounted);
  CHECK_HAS(staged(), no_more);
  finish();
}

TEST(what_cannot_be_staged_is_restored_all_the_same) {
  auto_environment_patch patch = {0};
  auto_backup_restore r = {0};
  begin();
  back_up();
  auto_json *two = json_pack("{s:{s:{s:{s:i}}}}", "services", service.id, "deploy", "numReplicas", 2);
  auto_json *off = json_pack("{s:{s:{s:{s:n}}}}", "services", service.id, "volumeMounts", volume.id);
  CHECK_OK(core_stage(town, instance.environment_id, off, true, user.id, &patch));
  environment_patch_done(&patch);
  CHECK_OK(core_stage(town, instance.environment_id, two, true, user.id, &patch));
  start_restore();
  WAIT(state_of() != CORE_WORKFLOW_RUNNING);
  CHECK_INT(state_of(), CORE_WORKFLOW_DONE);
  read_restore(&r);
  CHECK(is_there(r.target_instance_id));
  check_live_is_as_it_was();
  finish();
}

/* ---- the swap ---- */

static void begin_with_rescued(void) {
  auto_service_instance its = {0};
  auto_volume made = {0};
  auto_backup_restore r = {.kind = RESTORE_PITR};
  begin();
  town_make_service("rescued", &rescued, &its);
  make_volume(rescued.id, &made, &restored);
  CHECK_OK(core_deploy_instance(town, &its, "", rescuer));
  WAIT_STATUS(rescuer, SUCCESS);
  id_copy(r.backup_id, data.id);
  id_copy(r.volume_instance_id, data.id);
  CHECK_OK(backup_restore_insert(town_db, &r));
  CHECK_ERR(core_backup_swap(town, instance.environment_id, rescued.id, ""), ERR_CONFLICT, "neither");
  id_copy(r.target_service_id, rescued.id);
  id_copy(r.target_volume_id, made.id);
  id_copy(r.target_instance_id, restored.id);
  CHECK_OK(backup_restore_update(town_db, &r));
  CHECK_ERR(core_backup_swap(town, instance.environment_id, rescued.id, ""), ERR_CONFLICT, "not done");
  r.state = RESTORE_DONE;
  CHECK_OK(backup_restore_update(town_db, &r));
}

static void commit(void) {
  char patch_id[ID_SIZE];
  auto_deployment latest = {0};
  bool found = false;
  struct core_patch_commit request = {.environment_id = instance.environment_id, .user_id = ""}; /* no admin */
  CHECK_OK(core_patch_commit(town, &request, patch_id));
  CHECK_OK(deployment_find_latest(town_db, instance.id, &found, &latest));
  CHECK(found);
  id_copy(new, latest.id);
}

static void swap(const char *service_id) {
  CHECK_OK(core_backup_swap(town, instance.environment_id, service_id, ""));
  commit();
}

static bool rescued_is_gone(void) {
  auto_service s = {0};
  auto_err *gone = service_get(town_db, rescued.id, &s);
  return gone && err_code_of(gone) == ERR_NOT_FOUND && !fake_count(en, rescuer);
}

TEST(after_the_swap_the_restored_service_is_gone_and_the_old_volume_kept) {
  begin_with_rescued();
  CHECK_OK(core_backup_swap(town, instance.environment_id, rescued.id, ""));
  check_live_is_as_it_was();
  CHECK_STATUS(rescuer, SUCCESS);
  commit();
  WAIT_STATUS(new, SUCCESS);
  WAIT(rescued_is_gone());
  WAIT_STATUS(old, REMOVED);
  CHECK_TEXT(volume_of(new), restored.id);
  CHECK_TEXT(owner_of(restored.id), service.id);
  CHECK(is_there(data.id));
  CHECK_TEXT(owner_of(data.id), "");
  finish();
}

TEST(and_back_again) {
  begin_with_rescued();
  swap(rescued.id);
  WAIT_STATUS(new, SUCCESS);
  WAIT_STATUS(old, REMOVED);
  swap(service.id);
  WAIT_STATUS(new, SUCCESS);
  WAIT(str_eq(served_by(), new));
  CHECK_TEXT(volume_of(new), data.id);
  CHECK(is_there(restored.id));
  CHECK_TEXT(owner_of(restored.id), "");
  CHECK_OK(core_volume_instance_delete(town, restored.id, ""));
  CHECK_ERR(core_backup_swap(town, instance.environment_id, service.id, ""), ERR_CONFLICT, "neither");
  finish();
}

TEST(who_may_restore_may_swap_but_delete_nothing_else) {
  char patch_id[ID_SIZE];
  begin_with_rescued();
  auto_json *patch = json_pack("{s:{s:{s:b}}}", "services", rescued.id, "isDeleted", true);
  struct core_patch_commit request = {.environment_id = instance.environment_id, .patch = patch, .user_id = ""};
  CHECK_ERR(core_patch_commit(town, &request, patch_id), ERR_DENIED, "needs the role admin");
  check_live_is_as_it_was();
  CHECK(is_there(restored.id));
  request.is_admin = true;
  CHECK_OK(core_patch_commit(town, &request, patch_id));
  CHECK(!is_there(restored.id)); /* deleted alone, its volume goes with it */
  finish();
}

/* ---- at every moment of it ---- */

static void new_fails(void) {
  if (fake_find(en, new, 0)) fake_change(en, fake_find(en, new, 0), fake_ended(INSTANCE_CRASHED, 3));
  err_ignore(core_cancel(town, new));
}
static void restored_is_deleted(void) {
  CHECK_OK(core_volume_instance_delete(town, restored.id, ""));
}
static void service_is_deleted(void) {
  CHECK_OK(core_service_delete(town, service.id));
}
static void mounting_fails(void) {
  en->volumes.fail = "the disk cannot be read";
}

/* clang-format off */
static const struct {
  const char *name;
  void (*act)(void);
  char serves; /* 'n' the new one with what was restored, 'o' the old one with its own, 'e' either, '-' none of them */
} swaps[] = {
  { "nothing",                             hold_nothing,        'n' },
  { "the new one fails",                   new_fails,           'o' },
  { "what was restored is deleted",        restored_is_deleted, '-' },
  { "the service is deleted",              service_is_deleted,  '-' },
  { "the volume cannot be had for a while", mounting_fails,     'e' },
};
/* clang-format on */

static bool is_settled(void) {
  return core_is_quiet(town) && !map_len(town->runs) && !map_len(town->retiring) && !map_len(town->scaling) &&
         !map_len(town->settling) && list_empty(&town->handovers) && list_empty(&en->removals) &&
         list_empty(&gate->tellings) && json_equal(gate->wanted, gate->live);
}

static void check_served(char serves) {
  const char *id = served_by();
  if (serves == '-') return;
  CHECK(id);
  bool is_new = str_eq(id, new);
  CHECK(is_new || str_eq(id, old));
  CHECK(serves == 'e' || is_new == (serves == 'n'));
  CHECK_STATUS(id, SUCCESS);
  CHECK_TEXT(volume_of(id), is_new ? restored.id : data.id);
}

static void try_moment(const struct phase *m, size_t n, bool ends) {
  printf("# %s: %s%s\n", m->name, swaps[n].name, ends ? ", and tramd ends" : "");
  begin_with_rescued();
  m->hold();
  change_settings();
  swap(rescued.id);
  WAIT(m->reached());
  swaps[n].act();
  if (ends) restart();
  turns(3);
  en->volumes.fail = NULL;
  release_all();
  TAP_WAIT_FOR(is_settled(), TOWN_DEADLINE_MS, turn());
  WAIT(rescued_is_gone());
  check_served(swaps[n].serves);
  CHECK(is_there(data.id)); /* whatever came of it: what lived is there */
  CHECK_TEXT(owner_of(data.id), "");
  CHECK(fake_volume_find(&en->volumes, restored.id));
  finish();
}

static void hold_stop(void) {
  en->hold_removals = true;
}
static bool rescued_is_stopped(void) {
  return !list_empty(&en->removals);
}
static const struct phase own = {"the restored service is stopped", hold_stop, rescued_is_stopped};

TEST(a_swap_at_every_moment_of_it) {
  for (size_t n = 0; n < ARRAY_LEN(swaps); n++)
    for (int ends = 0; ends < 2; ends++) {
      try_moment(&own, n, ends);
      for (size_t i = 0; i < ARRAY_LEN(phases); i++) try_moment(&phases[i], n, ends);
    }
}

TEST_MAIN
