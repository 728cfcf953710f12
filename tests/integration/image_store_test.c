/* The image store with real images: what they take, and that exactly those that were named go, while
 * an instance runs from the layers of their siblings.  Needs root; no base image. */
#include "build/image_store.h"

#include <dirent.h>
#include <limits.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/usage.h"
#include "build/build.h"
#include "build/image_index.h"
#include "loop/spawn.h"
#include "tap.h"

enum { DEADLINE_MS = 60000, MiB = 1 << 20 };

static struct {
  char folder[64];
  loop *loop;
  builder *builder;
  image_index *index;
  char *context, *root, *run_root, *mounted;
} t;

struct tool {
  bool ended;
  char *output;
  err *error;
};

static void on_tool_done(void *arg, const struct spawn_result *result) {
  struct tool *tool = arg;
  tool->error = spawn_result_err(result);
  tool->output = str_dup(result->output);
  tool->ended = true;
}

/* Builds a Dockerfile; the image's id, without a name, like those of services. */
static char *build_image(const char *dockerfile) {
  struct tool tool = {0};
  auto_free char *path = path_join(t.folder, "Dockerfile");
  CHECK_OK(file_write_fast(path, dockerfile, strlen(dockerfile), 0600));
  const char *const argv[] = {"buildah", "--root", t.root, "--runroot", t.run_root, "--storage-driver", "overlay",
                              "build", "--quiet", "--layers", "--format", "docker", "--file", path, t.context, NULL};
  struct spawn_options options = {.argv = argv, .deadline_ms = DEADLINE_MS, .collect_limit = 65536};
  CHECK_OK(spawn_start(t.loop, &options, on_tool_done, &tool, NULL));
  TAP_WAIT_FOR(tool.ended, DEADLINE_MS, loop_turn(t.loop, 20));
  CHECK_OK(tool.error);
  char *id = str_format("sha256:%s", str_trim(tool.output));
  free(tool.output);
  return id;
}

static void put(const char *name, size_t size) {
  auto_free char *path = path_join(t.context, name);
  auto_free char *data = mem_alloc(size);
  memset(data, *name, size);
  CHECK_OK(file_write_fast(path, data, size, 0644));
}

static void begin(void) {
  auto_free char *program = realpath("build/tramway-exec", NULL), *images = realpath("images", NULL);
  snprintf(t.folder, sizeof t.folder, "/var/tmp/tramway-store-XXXXXX");
  CHECK(mkdtemp(t.folder));
  auto_free char *run = path_join(t.folder, "run");
  t.context = path_join(t.folder, "context");
  t.root = image_store_root(t.folder);
  t.run_root = path_join(run, "containers");
  t.mounted = path_join(t.folder, "mounted");
  CHECK_OK(file_make_dirs(t.context, 0700));
  CHECK_OK(file_make_dirs(t.mounted, 0700));
  t.loop = loop_new();
  struct builder_config config = {
      .data_dir = t.folder, .run_dir = run, .images_dir = images, .exec_program = program, .timeout_ms = DEADLINE_MS};
  CHECK_OK(builder_new(t.loop, &config, &t.builder));
  t.index = image_index_new(t.folder);
  put("a", 3 * MiB);
  put("b", 2 * MiB);
  put("c", MiB);
}

static void end(void) {
  builder_free(t.builder);
  image_index_free(t.index);
  loop_free(t.loop);
  umount2(t.mounted, MNT_DETACH);
  CHECK_OK(file_remove_tree(t.folder));
  free(t.context);
  free(t.root);
  free(t.run_root);
  free(t.mounted);
}

struct removed {
  bool ended;
  err *error;
};

static void on_removed(void *arg, err *e) {
  struct removed *r = arg;
  *r = (struct removed){true, e};
}

static err *remove_images(const char *first, const char *second) {
  auto_strv ids = STRV_EMPTY;
  struct removed removed = {0};
  strv_add(&ids, first);
  if (second) strv_add(&ids, second);
  builder_remove_images(t.builder, &ids, on_removed, &removed);
  TAP_WAIT_FOR(removed.ended, DEADLINE_MS, loop_turn(t.loop, 20));
  return removed.error;
}

/* As the engine does: an overlay out of the image's layers. */
static void run_from(const char *image_id) {
  auto_strv layers = STRV_EMPTY;
  auto_str options = STR_EMPTY;
  CHECK_OK(image_layers(t.folder, image_id, &layers));
  str_add(&options, "lowerdir=");
  for (size_t i = 0; i < layers.len; i++) str_addf(&options, "%s%s", i ? ":" : "", layers.items[i]);
  str_addf(&options, ":%s", t.context); /* overlayfs wants two */
  CHECK_INT(mount("overlay", t.mounted, "overlay", MS_RDONLY, str_text(&options)), 0);
}

static int64_t file_size(const char *name) {
  auto_free char *path = path_join(t.mounted, name);
  auto_str text = STR_EMPTY;
  CHECK_OK(file_read(path, 8 * MiB, &text));
  for (size_t i = 0; i < text.len; i++)
    if (text.data[i] != *name) return -1;
  return (int64_t)text.len;
}

static size_t layer_folders(void) {
  auto_free char *path = path_join(t.root, "overlay");
  DIR *folder = opendir(path);
  size_t count = 0;
  CHECK(folder);
  for (struct dirent *entry; (entry = readdir(folder));) count += strlen(entry->d_name) == 64;
  closedir(folder);
  return count;
}

/* Both that tell it agree. */
static bool exists(const char *image_id) {
  bool there = false, listed = false;
  CHECK_OK(image_exists(t.folder, image_id, &there));
  CHECK_OK(image_index_has(t.index, image_id, &listed));
  CHECK_INT(listed, there);
  return there;
}

TEST(an_image_that_lacks_a_layer_is_not_there) {
  begin();
  CHECK(!exists("sha256:0000000000000000000000000000000000000000000000000000000000000000"));
  auto_free char *whole = build_image("FROM scratch\nCOPY a /a\n");
  auto_free char *broken = build_image("FROM scratch\nCOPY b /b\n");
  CHECK(exists(whole) && exists(broken));
  auto_strv layers = STRV_EMPTY;
  CHECK_OK(image_layers(t.folder, broken, &layers));
  auto_free char *aside = str_format("%s.aside", layers.items[0]);
  CHECK_INT(rename(layers.items[0], aside), 0);
  CHECK(!exists(broken));
  CHECK(exists(whole));
  CHECK_INT(rename(aside, layers.items[0]), 0);
  CHECK(exists(broken));
  end();
}

TEST(exactly_the_named_images_go) {
  begin();
  auto_free char *first = build_image("FROM scratch\nCOPY a /a\nENV X=1\n");
  auto_free char *second = build_image("FROM scratch\nCOPY a /a\nENV X=1\nCOPY b /b\n"); /* its parent: first */
  auto_free char *third = build_image("FROM scratch\nCOPY a /a\nENV X=1\nCOPY b /b\nCOPY c /c\n");
  auto_free char *other = build_image("FROM scratch\nCOPY c /c\n");
  CHECK_INT(layer_folders(), 4);
  run_from(second);
  CHECK_OK(remove_images(third, other));
  CHECK(!exists(third) && !exists(other));
  CHECK(exists(first)); /* without a name, and the parent of what went */
  CHECK(exists(second));
  CHECK_INT(layer_folders(), 2);
  CHECK_INT(file_size("a"), 3 * MiB);
  CHECK_INT(file_size("b"), 2 * MiB);
  CHECK_OK(remove_images(first, third)); /* its layer is the second's, too; the third is gone already */
  CHECK(!exists(first));
  CHECK_INT(layer_folders(), 2);
  auto_strv layers = STRV_EMPTY;
  CHECK_OK(image_layers(t.folder, second, &layers));
  CHECK_INT(layers.len, 2);
  end();
}

TEST(removing_ends_early_when_somebody_waits) {
  begin();
  auto_free char *first = build_image("FROM scratch\nCOPY a /a\n"), *second = build_image("FROM scratch\nCOPY b /b\n");
  auto_strv ids = STRV_EMPTY;
  struct removed removed = {0};
  strv_add(&ids, first);
  strv_add(&ids, second);
  builder_remove_images(t.builder, &ids, on_removed, &removed);
  builder_stop_removing(t.builder);
  TAP_WAIT_FOR(removed.ended, DEADLINE_MS, loop_turn(t.loop, 20));
  CHECK_OK(removed.error);
  CHECK(!exists(first) && exists(second));
  CHECK_OK(remove_images(second, NULL)); /* another time */
  CHECK(!exists(second));
  end();
}

TEST(what_images_take_agrees_with_du) {
  begin();
  auto_free char *first = build_image("FROM scratch\nCOPY a /a\n");
  auto_free char *second = build_image("FROM scratch\nCOPY a /a\nCOPY b /b\n");
  auto_map *known = map_new();
  auto_stored_images stored = {0}, again = {0}, less = {0};
  CHECK_OK(image_store_measure(t.folder, known, &stored));
  CHECK_INT(stored.len, 2);
  CHECK_INT(stored.layers_len, 2);
  CHECK_INT(map_len(known), 2);
  int64_t sum = stored.other_bytes;
  for (size_t i = 0; i < stored.layers_len; i++) sum += stored.layer_bytes[i];
  for (size_t i = 0; i < stored.len; i++) sum += stored.items[i].bytes;
  int64_t du = usage_of_tree(t.root);
  if (sum < du - du / 50 || sum > du + du / 50) TAP_FAIL("%lld of %lld", (long long)sum, (long long)du);
  CHECK(stored.items[0].created_us > 0 && !stored.items[0].name);
  CHECK_OK(image_store_measure(t.folder, known, &again));
  CHECK_INT(again.other_bytes, stored.other_bytes);
  CHECK_OK(remove_images(second, NULL));
  CHECK_OK(image_store_measure(t.folder, known, &less));
  CHECK_INT(less.len, 1);
  CHECK_INT(map_len(known), 1);
  CHECK_TEXT(less.items[0].id, first);
  end();
}

TEST(an_empty_store_holds_nothing) {
  auto_map *known = map_new();
  auto_stored_images stored = {0};
  CHECK_OK(image_store_measure("/nowhere", known, &stored));
  CHECK_INT(stored.len, 0);
  CHECK_INT(stored.other_bytes, 0);
}

TEST_MAIN
