#include "edge/haproxy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define START_DEADLINE_MS 20000
/* What becomes free at the end of the heap stays there: else each burst of requests is given back to the kernel and
 * taken again, a page fault for every third request (measured). */
#define MALLOC_SETTING "MALLOC_TRIM_THRESHOLD_=16777216"
#define RESERVED_FILES 200 /* listeners, sockets, pipes, epoll, the log */

struct haproxy_watch {
  uv_poll_t poll;
  int fd;
  loop_fn *fn;
  void *arg;
};

void haproxy_connection_limits(unsigned *ret_visitors, unsigned *ret_tcp) {
  enum { ALL = HAPROXY_MAX_CONNECTIONS + HAPROXY_MAX_TCP_CONNECTIONS, FEW = 100 };
  struct rlimit limit;
  unsigned all = ALL;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max <= 2 * ALL + RESERVED_FILES)
    all = limit.rlim_max > 2 * RESERVED_FILES ? (unsigned)(limit.rlim_max - RESERVED_FILES) / 2 : FEW;
  *ret_tcp = all / 5;
  *ret_visitors = all - *ret_tcp;
}

static err *write_text(const char *run_dir, const char *name, const struct str *text) {
  auto_free char *path = path_join(run_dir, name);
  return file_write_fast(path, str_text(text), text->len, 0600);
}

/* A list that is not known is as it was written last. */
static err *write_allow_lists(const char *run_dir, const struct proxies *p) {
  auto_free char *dir = path_join(run_dir, HAPROXY_ALLOW_DIR);
  TRY(file_make_dirs(dir, 0750));
  static const char *const lists[] = {PROXIES_LIST_4, PROXIES_LIST_6};
  for (size_t i = 0; i < p->len * ARRAY_LEN(lists); i++) {
    const struct proxy *proxy = &p->items[i / ARRAY_LEN(lists)];
    const char *list = lists[i % ARRAY_LEN(lists)];
    auto_str text = STR_EMPTY;
    auto_free char *name = str_format("%u%s", proxy->port, list);
    haproxy_proxies_allow(proxy, list, &text);
    if (proxy->knows_allow) TRY(write_text(dir, name, &text));
  }
  return NULL;
}

err *haproxy_write_files(const struct haproxy_settings *settings, const struct routes *r,
                         const struct proxies *p, const char *config_file) {
  TRY(file_make_dirs(settings->run_dir, 0750));
  TRY(file_remove_unfinished(settings->run_dir));
  for (size_t i = 0; i < haproxy_pages_len; i++) {
    auto_str page = STR_EMPTY;
    haproxy_config_page(settings, &haproxy_pages[i], &page);
    TRY(write_text(settings->run_dir, haproxy_pages[i].file, &page));
  }
  auto_str hosts = STR_EMPTY, labels = STR_EMPTY, reasons = STR_EMPTY, config = STR_EMPTY, owners = STR_EMPTY;
  haproxy_config_hosts(r, &hosts);
  haproxy_config_labels(r, &labels);
  haproxy_config_reasons(&reasons);
  haproxy_config_text(settings, r, &config);
  haproxy_proxies_text(settings, p, &config);
  haproxy_proxies_owners(p, &owners);
  TRY(write_allow_lists(settings->run_dir, p));
  TRY(write_text(settings->run_dir, HAPROXY_OWNERS_FILE, &owners));
  TRY(write_text(settings->run_dir, HAPROXY_HOSTS_FILE, &hosts));
  TRY(write_text(settings->run_dir, HAPROXY_LABELS_FILE, &labels));
  TRY(write_text(settings->run_dir, HAPROXY_REASONS_FILE, &reasons));
  auto_str logged = STR_EMPTY;
  str_add(&logged, HAPROXY_LOGGED_KEY " all\n"); /* until it is told that some are enough */
  TRY(write_text(settings->run_dir, HAPROXY_LOGGED_FILE, &logged));
  return write_text(settings->run_dir, config_file, &config);
}

static void remove_file(const char *run_dir, const char *name) {
  auto_free char *path = path_join(run_dir, name);
  unlink(path);
}

void haproxy_remove_files(const char *run_dir) {
  static const char *const names[] = {
      HAPROXY_CONFIG_FILE, HAPROXY_NEW_CONFIG_FILE, HAPROXY_PID_FILE,     HAPROXY_SOCKET,
      HAPROXY_HOSTS_FILE,  HAPROXY_LABELS_FILE,     HAPROXY_MASTER_SOCKET, HAPROXY_UNIT_FILE,
      HAPROXY_LOGGED_FILE, HAPROXY_OWNERS_FILE,  HAPROXY_REASONS_FILE};
  for (size_t i = 0; i < ARRAY_LEN(names); i++)
    remove_file(run_dir, names[i]);
  for (size_t i = 0; i < haproxy_pages_len; i++)
    remove_file(run_dir, haproxy_pages[i].file);
  auto_free char *allow = path_join(run_dir, HAPROXY_ALLOW_DIR);
  err_ignore(file_remove_tree(allow));
  rmdir(run_dir);
}

bool haproxy_files_match(const struct haproxy_settings *settings) {
  auto_str head = STR_EMPTY, text = STR_EMPTY;
  haproxy_config_head(settings, &head);
  auto_free char *path = path_join(settings->run_dir, HAPROXY_CONFIG_FILE);
  auto_err *e = file_read(path, 64 * 1024 * 1024, &text);
  return !e && text.len >= head.len && memcmp(text.data, head.data, head.len) == 0;
}

err *haproxy_check(loop *l, const char *program, const char *run_dir, spawn_done_fn *done,
                   void *arg) {
  auto_free char *config = path_join(run_dir, HAPROXY_NEW_CONFIG_FILE);
  const char *const argv[] = {program, "-c", "-f", config, NULL};
  struct spawn_options options = {.argv = argv, .deadline_ms = START_DEADLINE_MS};
  return spawn_start(l, &options, done, arg, NULL);
}

static char *path_variable(void) {
  const char *folders = getenv("PATH");
  return str_format("PATH=%s", folders ? folders : "/usr/bin:/bin");
}

err *haproxy_launch(loop *l, const char *program, const char *run_dir, const char *access_log,
                    spawn_done_fn *done, void *arg) {
  auto_free char *config = path_join(run_dir, HAPROXY_CONFIG_FILE);
  auto_free char *pid_file = path_join(run_dir, HAPROXY_PID_FILE);
  auto_free char *master = str_format("%s/" HAPROXY_MASTER_SOCKET ",mode,600", run_dir);
  const char *const argv[] = {program, "-W",     "-D", "-S",   master,
                              "-p",    pid_file, "-f", config, NULL};
  auto_free char *path = path_variable();
  const char *const env[] = {path, "LANG=C.UTF-8", MALLOC_SETTING, NULL};
  struct spawn_options options = {.argv = argv, .env = env, .deadline_ms = START_DEADLINE_MS};
  auto_fd log = -1;
  if (access_log) {
    log = open(access_log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (log < 0) return err_errno(errno, "access log %s", access_log);
    options.inherit_fds = &log; /* becomes 3: haproxy_config.c logs to fd@3 */
    options.inherit_fds_len = 1;
  }
  return spawn_start(l, &options, done, arg, NULL);
}

static err *systemctl(loop *l, const char *const *words, spawn_done_fn *done, void *arg) {
  auto_free char *path = path_variable();
  const char *const env[] = {path, "LANG=C.UTF-8", NULL};
  auto_strv argv = STRV_EMPTY;
  strv_add(&argv, "systemctl");
  strv_add_all(&argv, words);
  struct spawn_options options = {
      .argv = (const char *const *)argv.items, .env = env, .deadline_ms = START_DEADLINE_MS};
  return spawn_start(l, &options, done, arg, NULL);
}

err *haproxy_unit_start(loop *l, const char *unit, const char *run_dir, const char *access_log,
                        spawn_done_fn *done, void *arg) {
  auto_str text = STR_EMPTY;
  str_addf(&text, MALLOC_SETTING "\nACCESS_LOG=%s\n", access_log ? access_log : "");
  TRY(write_text(run_dir, HAPROXY_UNIT_FILE, &text));
  return systemctl(l, (const char *const[]){"start", "--", unit, NULL}, done, arg);
}

err *haproxy_unit_stop(loop *l, const char *unit, spawn_done_fn *done, void *arg) {
  return systemctl(l, (const char *const[]){"stop", "--no-block", "--", unit, NULL}, done, arg);
}

/* For a moment inside execve a process has no arguments; a zombie has neither them nor a program.
 */
static bool is_executing_haproxy(int pid) {
  auto_free char *path = str_format("/proc/%d/exe", pid);
  char program[4096];
  ssize_t len = readlink(path, program, sizeof program - 1);
  if (len < 0) return false;
  program[len] = '\0';
  return strstr(program, "haproxy");
}

bool haproxy_is_ours(int pid, const char *run_dir) {
  auto_free char *config = path_join(run_dir, HAPROXY_CONFIG_FILE);
  auto_free char *path = str_format("/proc/%d/cmdline", pid);
  auto_str arguments = STR_EMPTY;
  auto_err *e = file_read(path, 64 * 1024, &arguments);
  if (e) return false;
  if (arguments.len == 0) return is_executing_haproxy(pid);
  const char *text = str_text(&arguments); /* each argument ends in a NUL */
  for (size_t at = 0; at < arguments.len; at += strlen(text + at) + 1)
    if (str_eq(text + at, config)) return true;
  return false;
}

int haproxy_leftover(const char *run_dir) {
  auto_free char *path = path_join(run_dir, HAPROXY_PID_FILE);
  auto_str text = STR_EMPTY;
  auto_err *e = file_read(path, 64, &text);
  long long pid;
  if (e || !text.len || !str_to_int(str_trim(text.data), 2, INT32_MAX, &pid)) return 0;
  return haproxy_is_ours((int)pid, run_dir) ? (int)pid : 0;
}

static void on_ended(uv_poll_t *poll, int status, int events) {
  (void)status, (void)events;
  haproxy_watch *w = poll->data;
  uv_poll_stop(poll);
  w->fn(w->arg);
}

err *haproxy_watch_start(loop *l, int pid, loop_fn *fn, void *arg, haproxy_watch **ret_watch) {
  auto_fd fd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0) return err_errno(errno, "watching process %d", pid);
  haproxy_watch *w = mem_zalloc(sizeof *w);
  int failed = uv_poll_init(loop_uv(l), &w->poll, fd);
  if (failed) {
    free(w);
    return err_errno(-failed, "watching process %d", pid);
  }
  w->fd = fd;
  fd = -1;
  w->fn = fn;
  w->arg = arg;
  w->poll.data = w;
  uv_poll_start(&w->poll, UV_READABLE, on_ended);
  *ret_watch = w;
  return NULL;
}

static void on_watch_closed(uv_handle_t *handle) {
  haproxy_watch *w = handle->data;
  close(w->fd);
  free(w);
}

void haproxy_watch_stop(haproxy_watch *w) {
  if (w) uv_close((uv_handle_t *)&w->poll, on_watch_closed);
}
