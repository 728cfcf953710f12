/* Keeping the disk with a whole core: what goes, what stays, who is refused, and what a failure in the
 * middle leaves. */
#include <sys/stat.h>
#include <unistd.h>

#include "town.h"

#define FULL_BYTES (INT64_C(1) << 50) /* a reserve that no disk has free */
#define SNAPSHOT "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define STRANGER "3f0c2f6e-0000-4000-8000-000000000000"

static char first[ID_SIZE], second[ID_SIZE], third[ID_SIZE], fourth[ID_SIZE];

static void collect(void) {
  int64_t run = core_disk_look(town, true);
  WAIT(core_disk(town)->runs >= run);
}

static void reserve(int64_t bytes) {
  struct core_options options = town_options();
  options.disk_reserve_bytes = bytes;
  core_set_options(town, &options);
}

static void deploy_image(const char *image, char id[ID_SIZE]) {
  bld->image = image;
  deploy_live(id);
}

static bool is_retired(const char *id) {
  return status_of(id) == DEPLOYMENT_REMOVED;
}

/* Four images; the last one runs. */
static void open_with_history(void) {
  town_open();
  deploy_image("sha256:1", first);
  deploy_image("sha256:2", second);
  deploy_image("sha256:3", third);
  deploy_image("sha256:4", fourth);
  WAIT(is_retired(first) && is_retired(second) && is_retired(third));
}

static bool can_roll_back(const char *id) {
  auto_deployment d = {0};
  CHECK_OK(deployment_get(town_db, id, &d));
  return core_can_rollback(town, &d);
}

static char *put(const char *name) {
  auto_free char *path = path_join(town_folder, name);
  char *file = path_join(path, "file");
  CHECK_OK(file_make_dirs(path, 0700));
  CHECK_OK(file_write_fast(file, "x", 1, 0600));
  return file;
}

static const struct core_disk_kind *kind(const char *name) {
  for (size_t i = 0; i < CORE_DISK_KINDS; i++)
    if (str_eq(core_disk(town)->kinds[i].name, name)) return &core_disk(town)->kinds[i];
  TAP_FAIL("no kind '%s'", name);
}

TEST(what_runs_and_what_is_kept_for_a_rollback_stays) {
  open_with_history();
  CHECK(can_roll_back(first) && can_roll_back(second) && can_roll_back(third));
  collect();
  CHECK_INT(fake_removed.len, 2);
  CHECK(strv_has(&fake_removed, "sha256:1") && strv_has(&fake_removed, "sha256:2"));
  CHECK(!can_roll_back(first) && !can_roll_back(second) && can_roll_back(third));
  CHECK_INT(core_disk(town)->removed, 2);
  CHECK(core_disk(town)->freed_bytes >= 2 * FAKE_IMAGE_BYTES);
  CHECK_TEXT(core_disk(town)->problem, "");
  CHECK_TEXT(served_by(), fourth);
  collect();
  CHECK_INT(fake_removed.len, 2); /* nothing more */
  CHECK_INT(core_disk(town)->removed, 0);
  char back[ID_SIZE];
  CHECK_OK(core_rollback(town, third, "", back));
  WAIT_STATUS(back, SUCCESS);
  WAIT(is_retired(fourth));
  collect();
  CHECK_INT(fake_removed.len, 2);
  CHECK(can_roll_back(fourth));
  CHECK_ERR(core_rollback(town, first, "", back), ERR_CONFLICT, "no longer kept");
  town_close();
}

TEST(looking_removes_nothing_and_says_what_could_go) {
  open_with_history();
  strv_add(&fake_store, "base-debian");
  strv_add(&fake_store, "sha256:step");
  int64_t run = core_disk_look(town, false);
  WAIT(core_disk(town)->runs >= run);
  CHECK_INT(fake_removed.len, 0);
  CHECK_INT(kind("images")->count, 4);
  CHECK_INT(kind("images")->bytes, 4 * FAKE_IMAGE_BYTES);
  CHECK_INT(kind("images")->reclaimable_bytes, 2 * FAKE_IMAGE_BYTES);
  CHECK_INT(kind("base images")->bytes, FAKE_IMAGE_BYTES);
  CHECK_INT(kind("build cache")->reclaimable_bytes, FAKE_IMAGE_BYTES);
  CHECK_INT(kind("logs")->count, 4);
  CHECK(kind("logs")->bytes > 0);
  CHECK(core_disk(town)->total_bytes > core_disk(town)->free_bytes);
  CHECK(core_disk(town)->budget_bytes > 0 && core_disk(town)->reserve_bytes > 0);
  int64_t sum = 0;
  for (size_t i = 0; i < CORE_DISK_KINDS; i++) sum += core_disk(town)->kinds[i].bytes;
  CHECK_INT(core_disk(town)->used_bytes, sum);
  CHECK_INT(core_disk(town)->collected_us, 0);
  town_close();
}

TEST(while_a_build_is_going_on_images_stay) {
  open_with_history();
  char building[ID_SIZE];
  bld->hold = true;
  deploy(building);
  WAIT(fake_build_of(bld, building));
  auto_free char *left = put("snapshots/" SNAPSHOT);
  collect();
  CHECK_INT(fake_removed.len, 0);
  CHECK(can_roll_back(first));
  CHECK(!file_exists(left)); /* that is no matter of builds */
  bld->hold = false;
  fake_end_builds(bld);
  WAIT_STATUS(building, SUCCESS);
  collect();
  CHECK(fake_removed.len > 0);
  town_close();
}

TEST(a_deployment_that_waits_pins_its_image) {
  open_with_history();
  char back[ID_SIZE];
  gate->hold = true; /* it stays on its way */
  CHECK_OK(core_rollback(town, first, "", back));
  turns(3);
  CHECK(!is_final(back));
  collect();
  CHECK(!strv_has(&fake_removed, "sha256:1"));
  gate->hold = false;
  town_close();
}

/* ---- too little room ---- */

TEST(a_build_is_refused_when_tidying_did_not_help) {
  open_with_history();
  char refused[ID_SIZE], later[ID_SIZE];
  reserve(FULL_BYTES);
  deploy(refused);
  WAIT_STATUS(refused, FAILED);
  CHECK_HAS(reason_of(refused), "free, and builds leave");
  CHECK_HAS(reason_of(refused), town_folder);
  CHECK_HAS(reason_of(refused), "`tram disk` shows what uses it");
  CHECK_INT(fake_removed.len, 2); /* it was tried */
  CHECK_TEXT(served_by(), fourth);
  CHECK_INT(bld->started, 4);
  reserve(1);
  deploy_image("sha256:5", later);
  town_close();
}

static void make_room(void) {
  reserve(1);
}

TEST(a_build_that_fits_after_tidying_begins) {
  open_with_history();
  char id[ID_SIZE];
  reserve(FULL_BYTES);
  fake_on_removal = make_room;
  bld->image = "sha256:5";
  deploy(id);
  WAIT_STATUS(id, SUCCESS);
  CHECK_INT(fake_removed.len, 2);
  town_close();
}

TEST(short_of_room_new_builds_wait_for_the_running_ones) {
  open_with_history();
  struct service other = {0};
  struct service_instance other_instance = {0};
  char running[ID_SIZE], waiting[ID_SIZE];
  town_make_service("other", &other, &other_instance);
  bld->hold = true;
  bld->image = "sha256:5";
  deploy(running);
  WAIT(fake_build_of(bld, running));
  reserve(FULL_BYTES);
  CHECK_OK(core_deploy_instance(town, &other_instance, "", waiting));
  turns(10);
  CHECK_STATUS(waiting, QUEUED);
  CHECK_INT(fake_removed.len, 0);
  bld->hold = false;
  fake_end_builds(bld);
  WAIT_STATUS(waiting, FAILED);
  CHECK(fake_removed.len >= 2);
  WAIT_STATUS(running, SUCCESS);
  service_done(&other);
  service_instance_done(&other_instance);
  town_close();
}

TEST(a_build_that_fills_the_disk_is_ended) {
  open_with_history();
  char id[ID_SIZE];
  bld->hold = true;
  deploy(id);
  WAIT(fake_build_of(bld, id));
  reserve(FULL_BYTES);
  WAIT_STATUS(id, FAILED);
  CHECK_HAS(reason_of(id), "builds leave");
  CHECK_TEXT(served_by(), fourth);
  town_close();
}

static struct {
  int calls;
  enum err_code code;
} uploaded;

static void on_uploaded(void *arg, err *e, const char *id) {
  (void)arg, (void)id;
  uploaded.calls++;
  uploaded.code = e ? err_code_of(e) : 0;
  err_free(e);
}

TEST(an_upload_is_refused_and_nothing_is_made) {
  town_open();
  reserve(FULL_BYTES);
  CHECK_ERR(core_disk_admits_source(town, NULL), ERR_LIMIT, "builds leave");
  struct core_upload upload = {.project_id = project.id,
                               .environment_id = instance.environment_id,
                               .archive_path = "/nowhere/x.tar.gz",
                               .user_id = ""};
  core_deploy_upload(town, &upload, on_uploaded, NULL);
  WAIT(uploaded.calls == 1);
  CHECK_INT(uploaded.code, ERR_LIMIT);
  auto_deployment none = {0};
  bool found = true;
  CHECK_OK(deployment_find_latest(town_db, instance.id, &found, &none));
  CHECK(!found);
  reserve(1);
  int64_t room = 0;
  CHECK_OK(core_disk_admits_source(town, &room));
  CHECK(room > 0);
  town_close();
}

/* ---- files ---- */

TEST(what_nobody_refers_to_goes_and_what_is_not_ours_stays) {
  town_open();
  auto_free char *snapshot = put("snapshots/" SNAPSHOT), *mirror = put("git/mirrors/" SNAPSHOT);
  auto_free char *cache = put("build-tmp/buildah-cache/s-" STRANGER "-_root_.npm");
  auto_free char *own_cache_name = str_format("build-tmp/buildah-cache/s-%s-_root_.npm", service.id);
  auto_free char *scratch = put("build-tmp/buildah123"), *log = put("logs/deploy/" STRANGER);
  static const char *const foreign[] = {"snapshots/notes", "git/mirrors/notes", "build-tmp/notes", "notes",
                                        "build-tmp/buildah-cache/notes", "logs/deploy/notes", "git/ssh"};
  auto_strv kept = STRV_EMPTY;
  for (size_t i = 0; i < ARRAY_LEN(foreign); i++) strv_add_take(&kept, put(foreign[i]));
  struct core_options options = town_options();
  options.disk_keep_ms = 86400000;
  core_set_options(town, &options);
  strv_add_take(&kept, put(own_cache_name));
  collect();
  CHECK(!file_exists(snapshot) && !file_exists(mirror) && !file_exists(cache) && !file_exists(scratch));
  CHECK(!file_exists(log));
  for (size_t i = 0; i < kept.len; i++)
    if (!file_exists(kept.items[i])) TAP_FAIL("%s is gone", kept.items[i]);
  town_close();
}

TEST(logs_of_what_is_over_go_by_age) {
  open_with_history();
  struct core_options options = town_options();
  auto_free char *old = str_format("%s/logs/deploy/%s", town_folder, first);
  auto_free char *live = str_format("%s/logs/deploy/%s", town_folder, fourth);
  collect();
  CHECK(file_exists(old));
  options.log_keep_ms = 0;
  core_set_options(town, &options);
  collect();
  CHECK(!file_exists(old) && file_exists(live));
  CHECK_STATUS(first, REMOVED); /* the history stays */
  town_close();
}

/* ---- failures ---- */

TEST(what_could_not_be_deleted_is_found_by_the_next_run) {
  open_with_history();
  fake_removal_fails = true;
  collect();
  CHECK(strv_has(&fake_store, "sha256:1"));
  CHECK(!can_roll_back(first)); /* its row went first */
  fake_removal_fails = false;
  town_restart();
  collect();
  CHECK(!strv_has(&fake_store, "sha256:1") && !strv_has(&fake_store, "sha256:2"));
  CHECK(strv_has(&fake_store, "sha256:3") && strv_has(&fake_store, "sha256:4"));
  town_close();
}

TEST(no_failing_statement_costs_an_image_that_is_needed) {
  int kept_with_their_rows = 0;
  for (int nth = 1; nth <= 20; nth++) {
    open_with_history();
    strv_add(&fake_store, "sha256:step");
    int64_t run = core_disk_look(town, true);
    db_fail_after(town_db, nth);
    WAIT(core_disk(town)->runs >= run);
    db_fail_after(town_db, 0);
    CHECK(!strv_has(&fake_removed, "sha256:3") && !strv_has(&fake_removed, "sha256:4"));
    if (strv_has(&fake_removed, "sha256:1")) CHECK(!can_roll_back(first) && !can_roll_back(second));
    /* as on a disk that is full: what needs no change of a row goes */
    kept_with_their_rows += can_roll_back(first) && strv_has(&fake_removed, "sha256:step");
    collect();
    CHECK_INT(fake_removed.len, 3);
    CHECK_TEXT(core_disk(town)->problem, "");
    town_close();
  }
  CHECK(kept_with_their_rows > 0);
}

TEST(tramd_may_end_in_the_middle) {
  for (int after = 0; after < 6; after++) {
    open_with_history();
    core_disk_look(town, true);
    core_disk_look(town, true);
    turns(after);
    town_restart();
    CHECK_TEXT(served_by(), fourth);
    collect();
    CHECK_INT(fake_removed.len, 2);
    town_close();
  }
}

TEST_MAIN
