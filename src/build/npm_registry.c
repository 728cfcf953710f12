#include "build/npm_registry.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/spawn.h"

enum { NPM_DEADLINE_MS = 15000, NPMRC_LIMIT = 65536, OUTPUT_LIMIT = 4096 };

static const char *const npmrc_paths[] = {"/root/.npmrc", "/etc/npmrc", "/usr/etc/npmrc", "/usr/local/etc/npmrc"};

struct question {
  npm_registry_fn *done;
  void *arg;
};

/* A password would end in the environment of every RUN line. */
static bool is_usable(const char *url) {
  const char *authority = strstr(url, "://");
  if (!authority || (!str_starts(url, "http://") && !str_starts(url, "https://"))) return false;
  authority += 3;
  return *authority && !memchr(authority, '@', strcspn(authority, "/")) && !strpbrk(url, " \t\r\n\"'$");
}

char *npm_registry_in(const char *npmrc) {
  auto_strv lines = STRV_EMPTY;
  strv_split(&lines, npmrc, '\n');
  for (size_t i = lines.len; i > 0; i--) { /* the last one counts */
    char *name = str_trim(lines.items[i - 1]);
    char *equals = strchr(name, '=');
    if (!equals) continue;
    *equals = '\0';
    char *value = str_trim(equals + 1);
    if (str_eq(str_trim(name), "registry") && is_usable(value)) return str_dup(value);
  }
  return NULL;
}

static char *in_files(void) {
  char *found = NULL;
  for (size_t i = 0; i < ARRAY_LEN(npmrc_paths) && !found; i++) {
    auto_str text = STR_EMPTY;
    err_ignore(file_read(npmrc_paths[i], NPMRC_LIMIT, &text));
    found = npm_registry_in(str_text(&text));
  }
  return found;
}

static void answer(struct question *q, const char *url) {
  q->done(q->arg, url);
  free(q);
}

static void answer_from_files(void *arg) {
  auto_free char *url = in_files();
  answer(arg, url);
}

static void on_npm_done(void *arg, const struct spawn_result *result) {
  auto_err *e = spawn_result_err(result);
  auto_free char *output = str_dup(result->output);
  const char *url = e || !output ? "" : str_trim(output);
  if (e) log_debug("build", "asking npm for its registry: %s", err_message(e));
  if (is_usable(url))
    answer(arg, url);
  else
    answer_from_files(arg);
}

void npm_registry_find(loop *l, npm_registry_fn *done, void *arg) {
  const char *const argv[] = {"npm", "--no-update-notifier", "--logs-max=0", "config", "get", "registry", NULL};
  struct spawn_options options = {.argv = argv, .deadline_ms = NPM_DEADLINE_MS, .collect_limit = OUTPUT_LIMIT};
  struct question *q = mem_alloc(sizeof *q);
  *q = (struct question){done, arg};
  auto_err *e = spawn_start(l, &options, on_npm_done, q, NULL);
  if (e) loop_defer(l, answer_from_files, q);
}
