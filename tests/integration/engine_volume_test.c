/* Volumes with real crun, loop devices and XFS. */
#include "engine/volume.h"
#include "engine/volume_files.h"
#include "engine_fixture.h"

#define MB (INT64_C(1) << 20)

static void settle(void) {
  TAP_WAIT_FOR(fx.done, 30000, loop_turn(fx.loop, 20));
}

static const char *apply(const char *id, int64_t megabytes) {
  fx.done = false;
  engine_volume_apply(fx.engine, &(struct engine_volume){id, megabytes * MB}, on_done, NULL);
  settle();
  return fx.done_error;
}

static const char *remove_volume(const char *id) {
  fx.done = false;
  engine_volume_remove(fx.engine, id, on_done, NULL);
  settle();
  return fx.done_error;
}

static struct volume_usage measured;

static void on_usage(void *arg, err *e, const struct volume_usage *usage) {
  if (usage) measured = *usage;
  on_done(arg, e);
}

static const char *usage(const char *id) {
  fx.done = false;
  engine_volume_usage(fx.engine, id, on_usage, NULL);
  settle();
  return fx.done_error;
}

static const struct workload_volume *at(const char *path) {
  static struct workload_volume volume;
  volume = (struct workload_volume){"v-1", path};
  return &volume;
}

static struct workload with_volume(const char *id, const char *script, const char *path) {
  static const char *argv[8][4];
  static int next;
  const char **own = argv[next++ % 8];
  own[0] = "/bin/sh";
  own[1] = "-c";
  own[2] = script;
  own[3] = NULL;
  struct workload w = service(id, own);
  w.stop_signal = SIGKILL; /* nothing here has something to finish */
  w.volumes = at(path);
  w.volumes_len = 1;
  return w;
}

static void apply_workload(const struct workload *w) {
  CHECK_OK(engine_apply(fx.engine, w));
}

/* Ours that still have a file of this test behind them. */
static int count_loops(void) {
  auto_free char *command = str_format("cat /sys/block/loop*/loop/backing_file 2>/dev/null | grep -c '^%s/'", fx.dir);
  FILE *pipe = popen(command, "r");
  int count = -1;
  if (fscanf(pipe, "%d", &count) != 1) count = -1;
  pclose(pipe);
  return count;
}

static char *text_of(const char *path) {
  auto_str text = STR_EMPTY;
  auto_err *e = file_read(path, 1 << 20, &text);
  return e ? str_dup("") : str_take(&text);
}

static char *inside(const char *name) {
  return str_format("%s/v/v-1/files/%s", fx.run_dir, name);
}

/* One engine for all tests; an empty volume for each. */
static void begin(void) {
  if (!fx.open) fx_open();
  memset(fx.seen, 0, sizeof fx.seen);
  fx.seen_len = 0;
  SHELL("rm -rf %s/*", fx.log_dir);
  CHECK_TEXT(remove_volume("v-1"), "");
  CHECK_TEXT(apply("v-1", 256), "");
}

TEST(what_is_written_survives_the_instance_and_moves_to_another_service) {
  begin();
  CHECK_TEXT(apply("v-1", 256), "");
  struct workload w = with_volume("one", "id -u > /data/who; mkdir /data/d; echo kept > /data/d/f; echo written; exec sleep 1000", "/data");
  apply_workload(&w);
  WAIT_LOG("one", "written");
  CHECK_TEXT(remove_volume("v-1"), "volume 'v-1' is in use by workload 'one'");
  remove_workload("one");
  auto_free char *path = inside("d/f");
  struct stat info;
  CHECK(stat(path, &info) == 0 && info.st_uid == 0); /* as inside, not as outside */
  struct workload other = with_volume("two", "stat -c 'owner %u' /data/d/f; cat /data/d/f; exec sleep 1000", "/data");
  apply_workload(&other);
  WAIT_LOG("two", "kept");
  CHECK(log_has("two", "owner 0"));
  remove_workload("two");
  CHECK_TEXT(remove_volume("v-1"), "");
  CHECK_TEXT(remove_volume("v-1"), "");
  CHECK_TEXT(usage("v-1"), "volume 'v-1': there is no such volume");
  TAP_WAIT_FOR(count_loops() == 0, 10000, usleep(50000));
}

TEST(an_empty_volume_belongs_to_the_user_of_the_image) {
  begin();
  struct workload w = with_volume("one", "stat -c '%u:%g' /var/lib/data; echo mine > /var/lib/data/f && echo written; exec sleep 1000", "/var/lib/data");
  w.user = "app";
  apply_workload(&w);
  WAIT_LOG("one", "written");
  CHECK(log_has("one", "1000:1001"));
  remove_workload("one");
  /* What is not empty keeps its owner. */
  struct workload root = with_volume("two", "stat -c '%u:%g' /var/lib/data; echo looked; exec sleep 1000", "/var/lib/data");
  apply_workload(&root);
  WAIT_LOG("two", "looked");
  CHECK(log_has("two", "1000:1001"));
  remove_workload("two");
}

TEST(a_full_volume_is_no_space_inside_and_nothing_outside) {
  begin();
  auto_free char *image = str_format("%s/volumes/v-1/image", fx.data_dir);
  struct stat info;
  CHECK(stat(image, &info) == 0 && info.st_blocks * 512 >= 256 * MB); /* set aside, not promised */
  struct workload w = with_volume("one", "dd if=/dev/zero of=/data/big bs=1M 2>&1; df -m /data; echo ended; trap 'exit 0' TERM; while :; do sleep 1; done", "/data");
  apply_workload(&w);
  WAIT_LOG("one", "ended");
  CHECK(log_has("one", "No space left on device"));
  CHECK_TEXT(usage("v-1"), "");
  CHECK(measured.used_bytes > 240 * MB && measured.size_bytes <= 256 * MB);
  /* … and it grows under it. */
  CHECK_TEXT(apply("v-1", 512), "");
  CHECK_TEXT(usage("v-1"), "");
  CHECK(measured.size_bytes > 500 * MB && measured.size_bytes - measured.used_bytes > 200 * MB);
  CHECK_INT(seen("one-0")->restarts, 0);
  CHECK(strstr(apply("v-1", 256), "cannot shrink"));
  CHECK(strstr(apply("v-2", 16000000), "the disk has no room"));
  remove_workload("one");
}

TEST(what_a_mount_covers_is_never_changed) {
  begin();
  SHELL("mkdir -p %s/upper/etc/app && echo original > %s/upper/etc/app/conf", fx.image_dir, fx.image_dir);
  struct workload w = with_volume("one", "ls /etc/app; rm -rf /etc/app/*; echo new > /etc/app/conf; echo written; exec sleep 1000", "/etc/app");
  apply_workload(&w);
  WAIT_LOG("one", "written");
  CHECK(!log_has("one", "conf"));
  remove_workload("one");
  auto_free char *image = str_format("%s/upper/etc/app/conf", fx.image_dir), *conf = inside("conf");
  auto_free char *covered = text_of(image), *kept = text_of(conf);
  CHECK_TEXT(covered, "original\n");
  CHECK_TEXT(kept, "new\n");
}

TEST(paths_of_the_image_cannot_lead_out) {
  begin();
  SHELL("ln -s /../../../../../etc %s/upper/out && ln -s /proc %s/upper/kernel && ln -s / %s/upper/all && "
        "ln -s /nowhere/at/all %s/upper/dangling && touch %s/upper/file && ln -s srv %s/upper/inside && mkdir -p %s/upper/srv %s/upper/proc",
        fx.image_dir, fx.image_dir, fx.image_dir, fx.image_dir, fx.image_dir, fx.image_dir, fx.image_dir, fx.image_dir);
  static const struct { const char *id, *path, *problem; } cases[] = {
      {"a", "/kernel/some", "leads to '/proc"},
      {"b", "/all", "leads to its root"},
      {"c", "/dangling", "a symlink that leads nowhere"},
      {"d", "/file", "is not a folder"},
      {"e", "/file/below", "is not a folder"},
  };
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    struct workload w = with_volume(cases[i].id, "exec sleep 1000", cases[i].path);
    apply_workload(&w);
    auto_free char *id = str_format("%s-0", cases[i].id);
    WAIT_STATUS(id, INSTANCE_CRASHED);
    printf("# %s\n", seen(id)->problem);
    CHECK(strstr(seen(id)->problem, cases[i].problem));
    remove_workload(cases[i].id);
  }
  CHECK(!file_exists("/nowhere"));
  /* Inside, links are followed: /out is the image's own /etc. */
  struct workload w = with_volume("f", "echo x > /out/volume/mark; echo done; exec sleep 1000", "/out/volume");
  apply_workload(&w);
  WAIT_LOG("f", "done");
  remove_workload("f");
  struct workload v = with_volume("g", "cat /srv/deep/er/mark; exec sleep 1000", "/inside/deep/er/");
  apply_workload(&v);
  WAIT_LOG("g", "x");
  remove_workload("g");
  CHECK(!file_exists("/etc/volume"));
}

TEST(devices_and_set_id_programs_of_a_volume_are_dead) {
  begin();
  struct workload w = with_volume("one", "grep ' /data ' /proc/mounts; echo looked; exec sleep 1000", "/data");
  apply_workload(&w);
  WAIT_LOG("one", "looked");
  CHECK(log_has("one", "nosuid,nodev"));
  remove_workload("one");
}

TEST(data_survive_halting_and_what_is_left_is_nothing) {
  begin();
  struct workload w = with_volume("one", "cat /data/f; echo here > /data/f; sync; echo written; exec sleep 1000", "/data");
  apply_workload(&w);
  WAIT_LOG("one", "written");
  fx.done = false;
  engine_halt(fx.engine, on_done, NULL);
  settle();
  CHECK_TEXT(fx.done_error, "");
  engine_free(fx.engine);
  TAP_WAIT_FOR(count_loops() == 0, 10000, usleep(50000));
  auto_free char *point = str_format("%s/v/v-1", fx.run_dir);
  CHECK(!file_exists(point));
  fx_start_engine();
  WAIT_LOG("one", "here");
  remove_workload("one");
}

TEST(a_killed_tramd_finds_its_volumes_and_thaws_who_was_paused) {
  begin();
  struct workload w = with_volume("one", "i=0; while :; do i=$((i+1)); echo $i > /data/n; sleep 0.05; done", "/data");
  apply_workload(&w);
  WAIT_STATUS("one-0", INSTANCE_RUNNING);
  auto_free char *path = inside("n");
  TAP_WAIT_FOR(file_exists(path), 10000, loop_turn(fx.loop, 20));
  fx.done = false;
  engine_pause(fx.engine, "one", true, on_done, NULL);
  settle();
  CHECK_TEXT(fx.done_error, "");
  auto_free char *first = text_of(path);
  usleep(300000);
  auto_free char *second = text_of(path);
  CHECK_TEXT(first, second);
  auto_free char *half = str_format("%s/volumes/.new-x", fx.data_dir), *gone = str_format("%s/volumes/.gone-y", fx.data_dir);
  SHELL("mkdir %s %s; touch %s/image", half, gone, half);
  engine_free(fx.engine); /* as good as killed: it leaves everything as it is */
  fx_start_engine();
  TAP_WAIT_FOR(({ auto_free char *now = text_of(path); !str_eq(now, first); }), 10000, loop_turn(fx.loop, 20));
  CHECK_INT(seen("one-0")->restarts, 0);
  TAP_WAIT_FOR(!file_exists(half) && !file_exists(gone), 10000, loop_turn(fx.loop, 20));
  CHECK_TEXT(usage("v-1"), "");
  remove_workload("one");
}

static char output[4096];
static int exit_code;

static void on_output(void *arg, int fd, const char *data, size_t len) {
  (void)arg;
  (void)fd;
  size_t have = strlen(output);
  snprintf(output + have, sizeof output - have, "%.*s", (int)len, data);
}

static void on_exit_of(void *arg, err *e, int code) {
  exit_code = code;
  on_done(arg, e);
}

static const char *run(const char *snapshot, const char *script, bool read_only) {
  const char *const argv[] = {"/bin/sh", "-c", script, NULL};
  *output = '\0';
  fx.done = false;
  struct volume_run r = {.volume_id = "v-1", .snapshot = snapshot, .argv = argv, .input = "given", .input_len = 5,
                         .read_only = read_only, .deadline_ms = 20000, .on_output = on_output, .on_exit = on_exit_of};
  volume_run_handle *handle;
  CHECK_OK(engine_volume_run(fx.engine, &r, &handle));
  settle();
  return fx.done_error;
}

static const char *snapshot(const char *name, bool wanted) {
  fx.done = false;
  if (wanted)
    engine_volume_snapshot(fx.engine, "v-1", name, on_done, NULL);
  else
    engine_volume_snapshot_remove(fx.engine, "v-1", name, on_done, NULL);
  settle();
  return fx.done_error;
}

TEST(programs_of_the_host_work_on_a_volume_and_on_its_snapshots) {
  begin();
  CHECK_TEXT(run(NULL, "cat > f; chown 999:999 f; pwd", false), "");
  auto_free char *place = str_format("%s/volume\n", fx.run_dir);
  CHECK_TEXT(output, place);
  CHECK_TEXT(snapshot("s", true), "");
  CHECK_TEXT(run(NULL, "echo changed > f; exit 7", false), "");
  CHECK_INT(exit_code, 7);
  CHECK_TEXT(run("s", "cat f; stat -c ' %u' f; echo no > f", false), "");
  CHECK(strstr(output, "given 999") && strstr(output, "Read-only file system"));
  CHECK_TEXT(run(NULL, "cat f; echo no > g", true), "");
  CHECK(strstr(output, "changed") && strstr(output, "Read-only file system"));
  CHECK_TEXT(snapshot("s", false), "");
  CHECK_TEXT(snapshot("s", false), "");
  CHECK(strstr(run("s", "true", false), "has no snapshot 's'"));
}

/* They run as root, and a service wrote what they look at: a link must not choose what they open, read, write or remove. */
TEST(no_program_of_the_host_is_led_out_of_a_volume_by_a_link) {
  begin();
  auto_free char *outside = str_format("%s/outside", fx.run_dir), *secret = path_join(outside, "secret"), *made = path_join(outside, "made");
  SHELL("mkdir %s && echo hidden > %s", outside, secret);
  auto_free char *script = str_format("ln -s %s way; ln -s %s link; ln -s f inside; echo own > f; cat way/secret inside; "
                                      "echo x > link; touch way/made; rm -f way/secret; chown 7 way/secret; readlink way", outside, made);
  CHECK_TEXT(run(NULL, script, false), "");
  CHECK(strstr(output, "Too many levels of symbolic links") && !strstr(output, "hidden"));
  CHECK(strstr(output, outside)); /* a link can be looked at still */
  CHECK(file_exists(secret) && !file_exists(made));
  CHECK_TEXT(snapshot("s", true), "");
  CHECK_TEXT(run("s", "cat way/secret; cat f", true), "");
  CHECK(strstr(output, "own") && !strstr(output, "hidden"));
  SHELL("rm -r %s", outside);
}

static volume_writer *writer;
static volume_reader *reader;
static char data[64];

static void on_create(void *arg, err *e, volume_writer *w) {
  writer = w;
  on_done(arg, e);
}

static void on_open(void *arg, err *e, volume_reader *r, const struct volume_entry *entry) {
  if (!e) CHECK_INT(entry->size_bytes, 7);
  reader = r;
  on_done(arg, e);
}

static void on_data(void *arg, err *e, const char *text, size_t len) {
  snprintf(data, sizeof data, "%.*s", (int)len, text);
  on_done(arg, e);
}

/* What an asynchronous call says: "" is success. */
#define ASK(call) (fx.done = false, (call), settle(), fx.done_error)

TEST(files_are_put_and_taken_while_nobody_runs) {
  begin();
  struct engine *en = fx.engine;
  CHECK_TEXT(ASK(volume_files_make_folder(en, "v-1", "/a/b", on_done, NULL)), "");
  CHECK_TEXT(ASK(volume_files_write(en, "v-1", "a/b/f", false, on_create, NULL)), "");
  CHECK_TEXT(ASK(volume_writer_add(writer, "content", 7, on_done, NULL)), "");
  CHECK_TEXT(ASK(volume_writer_finish(writer, on_done, NULL)), "");
  volume_writer_close(writer);
  CHECK_TEXT(ASK(volume_files_rename(en, "v-1", "a/b/f", "a/g", on_done, NULL)), "");
  CHECK_TEXT(ASK(volume_files_read(en, "v-1", "a/g", on_open, NULL)), "");
  CHECK_TEXT(ASK(volume_reader_next(reader, on_data, NULL)), "");
  CHECK_TEXT(data, "content");
  CHECK_TEXT(ASK(volume_reader_next(reader, on_data, NULL)), "");
  CHECK_TEXT(data, "");
  volume_reader_next(reader, on_data, NULL);
  volume_reader_close(reader); /* in the middle of one */
  CHECK_TEXT(ASK(volume_files_remove(en, "v-1", "a", on_done, NULL)), "");
  CHECK(strstr(ASK(volume_files_remove(en, "v-1", "a", on_done, NULL)), "No such file"));
  CHECK(strstr(ASK(volume_files_remove(en, "none", "a", on_done, NULL)), "there is no such volume"));
  CHECK_TEXT(ASK(volume_files_write(en, "v-1", "big", false, on_create, NULL)), "");
  auto_free char *chunk = mem_zalloc(VOLUME_CHUNK_MAX);
  for (int i = 0; i < 2000 && !*fx.done_error; i++)
    ASK(volume_writer_add(writer, chunk, VOLUME_CHUNK_MAX, on_done, NULL));
  CHECK(strstr(fx.done_error, "No space left"));
  volume_writer_close(writer); /* XFS gives the blocks back a moment later */
  CHECK_TEXT(usage("v-1"), "");
  TAP_WAIT_FOR(measured.used_bytes < 100 * MB, 30000, CHECK_TEXT(usage("v-1"), ""));
}

TEST(a_mount_that_somebody_took_away_is_made_again) {
  begin();
  struct workload w = with_volume("one", "i=0; while :; do i=$((i+1)); echo $i > /data/n || echo failed; sleep 0.05; done", "/data");
  apply_workload(&w);
  WAIT_STATUS("one-0", INSTANCE_RUNNING);
  SHELL("umount -l %s/v/v-1", fx.run_dir);
  auto_free char *path = inside("n");
  TAP_WAIT_FOR(file_exists(path), 10000, loop_turn(fx.loop, 20));
  TAP_WAIT_FOR(fx.repairs.len > 0, 10000, loop_turn(fx.loop, 20));
  CHECK(strstr(fx.repairs.items[0], "volume"));
  CHECK_INT(count_loops(), 1);
  CHECK_INT(seen("one-0")->restarts, 0);
  CHECK(!log_has("one", "failed"));
  remove_workload("one");
}

TEST_MAIN
