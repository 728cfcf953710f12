/* What is made of buildah's output: lines, errors, the image's configuration, the build key. */
#include "base/file.h"
#include "base/mem.h"
#include "build/build.h"
#include "build/buildah_log.h"
#include "build/image_inspect.h"
#include "build/image_store.h"
#include "tap.h"

#include <unistd.h>

static void add_line(void *arg, const char *line) {
  str_addf(arg, "%s|", line);
}

TEST(lines_are_cleaned) {
  /* clang-format off */
  static const struct { const char *raw, *clean; } cases[] = {
    {"plain", "plain"}, {"\033[1;32mgreen\033[0m", "green"}, {"10%\r50%\r100%", "100%"}, {"end\r", "end"},
    {"bad \xff byte", "bad \xef\xbf\xbd byte"}, {"a\tb\x01" "c", "a\tbc"}, {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"}, {"ö", "ö"}, {"", ""},
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    auto_free char *clean = build_line_clean(cases[i].raw, strlen(cases[i].raw));
    CHECK_TEXT(clean, cases[i].clean);
  }
}

static void feed(buildah_log *log, const char *text) {
  for (const char *p = text; *p; p++) buildah_log_take(log, 1, p, 1); /* in the smallest pieces */
}

TEST(failing_command_is_named) {
  struct dockerfile_step items[] = {{1, 1, 3, "FROM", "x"}, {1, 2, 12, "RUN", "npm run build"}};
  struct dockerfile_steps steps = {items, 2, 2};
  auto_str lines = STR_EMPTY;
  buildah_log *log = buildah_log_new("web/Dockerfile", &steps, add_line, &lines);
  feed(log, "STEP 1/2: FROM abc\n--> 123\nSTEP 2/2: RUN npm run build\nhello\nboom\n");
  feed(log, "Error: building at STEP \"RUN npm run build\": while running runtime: exit status 7\n");
  buildah_log_end(log);
  CHECK_TEXT(str_text(&lines), "[1/2] FROM x|[2/2] RUN npm run build|hello|boom|");
  CHECK_ERR(buildah_log_error(log), ERR_INVALID,
            "RUN npm run build (line 12 of web/Dockerfile) failed with exit status 7: hello\nboom");
  buildah_log_free(log);
}

TEST(stages_caches_and_last_lines) {
  auto_str lines = STR_EMPTY;
  buildah_log *log = buildah_log_new("Dockerfile", NULL, add_line, &lines);
  feed(log, "[1/2] STEP 1/3: FROM a AS b\n[2/2] STEP 2/9: RUN x\n--> Using cache 123\n[2/2] COMMIT t\nno newline");
  buildah_log_end(log);
  CHECK_TEXT(str_text(&lines), "[1/2 1/3] FROM a AS b|[2/2 2/9] RUN x|[2/2 2/9] cached|no newline|");
  for (int i = 0; i < 100; i++) {
    auto_free char *line = str_format("%d\n", i);
    feed(log, line);
  }
  feed(log, "Error: building at STEP \"COPY a b\": no such file\n");
  CHECK_ERR(buildah_log_error(log), ERR_INVALID, "failed: no such file");
  buildah_log_free(log);
}

TEST(a_program_may_say_error_too) {
  auto_str lines = STR_EMPTY;
  buildah_log *log = buildah_log_new("Dockerfile", NULL, add_line, &lines);
  feed(log, "STEP 1/1: RUN x\nError: my own\nmore\nError: building at STEP \"RUN x\": while running runtime: exit status 1\n");
  buildah_log_end(log);
  CHECK_TEXT(str_text(&lines), "[1/1] RUN x|Error: my own|more|");
  CHECK_ERR(buildah_log_error(log), ERR_INVALID, "RUN x failed with exit status 1: Error: my own\nmore");
  buildah_log_free(log);
}

TEST(errors_before_any_step) {
  auto_str lines = STR_EMPTY;
  buildah_log *log = buildah_log_new("Dockerfile", NULL, add_line, &lines);
  CHECK_ERR(buildah_log_error(log), ERR_INVALID, "without saying why");
  feed(log, "Error: the storage is full\n");
  buildah_log_end(log);
  CHECK_ERR(buildah_log_error(log), ERR_INVALID, "the storage is full");
  buildah_log_free(log);
}

TEST(inspect) {
  static const char text[] =
      "{\"FromImageID\":\"ab\",\"Manifest\":\"{\\\"layers\\\":[{\\\"size\\\":5},{\\\"size\\\":7}]}\",\"Docker\":{\"config\":{"
      "\"Env\":[\"A=b\"],\"Cmd\":[\"/bin/sh\",\"-c\",\"run $PORT\"],\"Entrypoint\":null,\"WorkingDir\":\"/app\",\"User\":\"\","
      "\"ExposedPorts\":{\"80/tcp\":{}},\"Labels\":{\"io.tramway.planner\":\"node\"},\"StopSignal\":\"SIGQUIT\"}}}";
  struct image_info info;
  CHECK_OK(image_inspect_parse(text, strlen(text), &info));
  CHECK_TEXT(info.id, "sha256:ab");
  CHECK_INT(info.size_bytes, 12);
  CHECK_INT(info.entrypoint.len, 0);
  CHECK_INT(info.command.len, 3);
  CHECK_TEXT(info.start_command, "run $PORT");
  CHECK_TEXT(info.exposed_ports.items[0], "80/tcp");
  CHECK_TEXT(info.stop_signal, "SIGQUIT");
  image_info_done(&info);
  CHECK_ERR(image_inspect_parse("{}", 2, &info), ERR_CORRUPT, "no image");
  CHECK_ERR(image_inspect_parse("x", 1, &info), ERR_CORRUPT, "buildah inspect");
}

static void put(const char *folder, const char *name, const char *text) {
  auto_free char *path = path_join(folder, name);
  auto_free char *parent = str_ndup(path, (size_t)(strrchr(path, '/') - path));
  CHECK_OK(file_make_dirs(parent, 0755));
  CHECK_OK(file_write_fast(path, text, strlen(text), 0644));
}

TEST(layers_topmost_first) {
  char folder[] = "/tmp/tramway-store-XXXXXX";
  CHECK(mkdtemp(folder) != NULL);
  auto_strv layers = STRV_EMPTY;
  CHECK_ERR(image_layers(folder, "sha256:a", &layers), ERR_NOT_FOUND, "not in the store");
  put(folder, "containers/overlay-images/images.json",
      "[{\"id\":\"a\",\"names\":[\"localhost/x:1\"],\"layer\":\"l2\"},{\"id\":\"b\",\"layer\":\"l9\"}]");
  put(folder, "containers/overlay-layers/layers.json", "[{\"id\":\"l1\"},{\"id\":\"l2\",\"parent\":\"l1\"}]");
  put(folder, "containers/overlay/l1/diff/f", "");
  put(folder, "containers/overlay/l2/diff/f", "");
  CHECK_OK(image_layers(folder, "sha256:a", &layers));
  CHECK_INT(layers.len, 2);
  CHECK(str_ends(layers.items[0], "/containers/overlay/l2/diff"));
  CHECK(str_ends(layers.items[1], "/containers/overlay/l1/diff"));
  CHECK_ERR(image_layers(folder, "b", &layers), ERR_CORRUPT, "l9");
  bool a = false, c = true;
  CHECK_OK(image_exists(folder, "a", &a));
  CHECK_OK(image_exists(folder, "c", &c));
  CHECK(a && !c);
  char *id = NULL;
  CHECK_OK(image_find(folder, "localhost/x:1", &id));
  CHECK_TEXT(id, "sha256:a");
  free(id);
  CHECK_OK(file_remove_tree(folder));
}

TEST_MAIN
