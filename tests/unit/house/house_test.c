/* The rules of ARCHITECTURE.md that reading the tree can keep: layers, sizes, no shell. */
#include <ctype.h>
#include <ftw.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

/* A folder may include only from itself and from those before it. */
static const char *const layers[] = {"base",   "model", "loop",   "http",   "graphql", "store", "observe", "source",
                                     "build",  "engine", "backup", "edge",  "core",   "api",     "daemon", "cli"};

enum { LINES_MAX = 600 };

static struct strv problems;
static int files_seen;

static int layer_of(const char *path) {
  for (size_t i = 0; i < ARRAY_LEN(layers); i++) {
    size_t len = strlen(layers[i]);
    if (strncmp(path, layers[i], len) == 0 && path[len] == '/') return (int)i;
  }
  return -1;
}

static void check_include(const char *path, const char *line) {
  char included[256];
  if (sscanf(line, "#include \"%255[^\"]\"", included) != 1) return;
  int from = layer_of(path + strlen("src/")), to = layer_of(included);
  if (to < 0) strv_addf(&problems, "%s includes \"%s\": name it from src/, as \"folder/file.h\"", path, included);
  if (to > from) strv_addf(&problems, "%s includes %s, a layer above it", path, included);
  if (str_ends(included, "/internal.h") && to != from)
    strv_addf(&problems, "%s includes another folder's internal.h", path);
}

/* A word that starts a shell, outside comments and longer words. */
static bool calls(const char *line, const char *name) {
  size_t len = strlen(name);
  for (const char *p = line; (p = strstr(p, name)); p += len) {
    bool word_starts = p == line || (!isalnum((unsigned char)p[-1]) && p[-1] != '_');
    const char *after = p + len;
    while (*after == ' ') after++;
    if (word_starts && *after == '(') return true;
  }
  return false;
}

/* Programs that become another one: tramway-exec, buildah's runtime, and `tram run --local`, which becomes
 * the user's own command on the user's own machine. */
static bool may_exec(const char *path) {
  return str_eq(path, "src/loop/exec_main.c") || str_eq(path, "src/build/runtime_main.c") ||
         str_eq(path, "src/cli/cmd_exec.c") || str_eq(path, "src/cli/cmd_connect.c");
}

/* Who may give a program the argument -c: the instance's own shell inside the instance, for a start
 * command and for `tram ssh`; HAProxy's check of its configuration; pip's constraints file; and who takes it: what sshd
 * starts in a shell's place. */
static bool may_say_c(const char *path) {
  return str_eq(path, "src/core/command.c") || str_eq(path, "src/cli/cmd_exec.c") || str_eq(path, "src/cli/cmd_connect.c") ||
         str_eq(path, "src/edge/haproxy.c") || str_eq(path, "src/build/provider_python.c") ||
         str_eq(path, "src/daemon/git_ssh_main.c");
}

static bool is_comment(const char *line) {
  while (*line == ' ') line++;
  return str_starts(line, "/*") || str_starts(line, "* ") || str_starts(line, "//");
}

static void check_shell(const char *path, const char *line) {
  if (is_comment(line)) return;
  static const char *const forbidden[] = {"system", "popen", "execlp", "execvp", "wordexp"};
  for (size_t i = 0; i < ARRAY_LEN(forbidden); i++)
    if (calls(line, forbidden[i]) && !may_exec(path))
      strv_addf(&problems, "%s calls %s(): programs are started with loop/spawn.h", path, forbidden[i]);
  if (strstr(line, "\"-c\"") && !may_say_c(path))
    strv_addf(&problems, "%s gives a program -c: a shell? %s", path, line);
}

static void check_file(const char *path, bool is_platform) {
  auto_str text = STR_EMPTY;
  err *e = file_read(path, 1 << 22, &text);
  if (e) {
    strv_add(&problems, err_message(e));
    err_free(e);
    return;
  }
  files_seen++;
  auto_strv lines = STRV_EMPTY;
  strv_split(&lines, str_text(&text), '\n');
  if (lines.len > LINES_MAX + 1) strv_addf(&problems, "%s has %zu lines; %d is the most", path, lines.len - 1, LINES_MAX);
  for (size_t i = 0; is_platform && i < lines.len; i++) {
    check_include(path, lines.items[i]);
    check_shell(path, lines.items[i]);
  }
}

static int visit(const char *path, const struct stat *info, int kind, struct FTW *walk) {
  (void)info, (void)walk;
  if (kind == FTW_F && (str_ends(path, ".c") || str_ends(path, ".h"))) check_file(path, str_starts(path, "src/"));
  return 0;
}

static void report(void) {
  for (size_t i = 0; i < problems.len; i++) printf("# %s\n", problems.items[i]);
  size_t count = problems.len;
  strv_done(&problems);
  CHECK_INT(count, 0);
}

TEST(layers_sizes_and_shells_of_the_platform) {
  CHECK_INT(nftw("src", visit, 16, FTW_PHYS), 0);
  CHECK(files_seen > 100);
  report();
}

TEST(sizes_of_the_tests) {
  CHECK_INT(nftw("tests", visit, 16, FTW_PHYS), 0);
  report();
}

TEST(every_folder_of_src_is_a_layer_and_every_layer_is_in_the_architecture) {
  auto_str text = STR_EMPTY;
  CHECK_OK(file_read("ARCHITECTURE.md", 1 << 20, &text));
  for (size_t i = 0; i < ARRAY_LEN(layers); i++) {
    auto_free char *folder = str_format("src/%s", layers[i]);
    auto_free char *in_text = str_format("`src/%s/`", layers[i]);
    CHECK(file_exists(folder));
    CHECK_HAS(str_text(&text), in_text);
  }
}

TEST_MAIN
