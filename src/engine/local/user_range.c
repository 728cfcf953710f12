#include "engine/local/user_range.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

enum { FILE_LIMIT = 16 * 1024 * 1024, STACK_SIZE = 16384 };

struct user_ranges {
  char *path;
  json_t *numbers; /* "<environment>/<service>" → which range */
};

static err *parse(const struct str *text, json_t **ret_numbers) {
  TRY(json_parse(text->data, text->len, "ranges.json", ret_numbers));
  if (!json_is_object(*ret_numbers))
    return err_new(ERR_CORRUPT, "ranges.json: an object is expected");
  const char *key;
  json_t *value;
  json_object_foreach(*ret_numbers, key, value) {
    if (json_integer_value(value) < 0 || json_integer_value(value) >= USER_RANGE_COUNT)
      return err_new(ERR_CORRUPT, "ranges.json: '%s' is out of range", key);
  }
  return NULL;
}

err *user_ranges_load(const char *path, user_ranges **ret_ranges) {
  auto_json *numbers = NULL;
  if (file_exists(path)) {
    auto_str text = STR_EMPTY;
    TRY(file_read(path, FILE_LIMIT, &text));
    TRY(parse(&text, &numbers));
  } else {
    numbers = json_object();
  }
  user_ranges *r = mem_zalloc(sizeof *r);
  r->path = str_dup(path);
  r->numbers = json_incref(numbers);
  *ret_ranges = r;
  return NULL;
}

void user_ranges_free(user_ranges *r) {
  if (!r) return;
  json_decref(r->numbers);
  free(r->path);
  free(r);
}

static err *save(const user_ranges *r) {
  auto_free char *text = json_to_pretty_text(r->numbers);
  return file_write(r->path, text, strlen(text), 0600);
}

/* The lowest number that nobody has; USER_RANGE_COUNT when there is none. */
static unsigned find_free(const user_ranges *r) {
  auto_free unsigned char *taken = mem_zalloc(USER_RANGE_COUNT);
  const char *key;
  json_t *value;
  json_object_foreach(r->numbers, key, value) taken[json_integer_value(value)] = 1;
  unsigned number = 0;
  while (number < USER_RANGE_COUNT && taken[number])
    number++;
  return number;
}

err *user_ranges_get(user_ranges *r, const char *environment_id, const char *service_id,
                     uint32_t *ret_first) {
  auto_free char *key = str_format("%s/%s", environment_id, service_id);
  json_t *known = json_object_get(r->numbers, key);
  unsigned number = known ? (unsigned)json_integer_value(known) : find_free(r);
  if (number >= USER_RANGE_COUNT)
    return err_new(ERR_LIMIT, "all %u ranges of user ids are taken: delete unused environments",
                   USER_RANGE_COUNT);
  if (!known) {
    json_object_set_new(r->numbers, key, json_integer(number));
    err *e = save(r);
    if (e) {
      json_object_del(r->numbers, key);
      return e;
    }
  }
  *ret_first = USER_RANGE_FIRST + number * USER_RANGE_SIZE;
  return NULL;
}

err *user_ranges_forget(user_ranges *r, const char *environment_id) {
  auto_free char *prefix = str_format("%s/", environment_id);
  const char *key;
  json_t *value;
  void *next;
  bool changed = false;
  json_object_foreach_safe(r->numbers, next, key, value) {
    if (!str_starts(key, prefix)) continue;
    json_object_del(r->numbers, key);
    changed = true;
  }
  return changed ? save(r) : NULL;
}

static err *write_map(pid_t pid, const char *file, uint32_t first) {
  auto_free char *path = str_format("/proc/%d/%s", (int)pid, file);
  auto_free char *text = str_format("0 %u %d\n", first, USER_RANGE_SIZE);
  auto_fd fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) return err_errno(errno, "writing '%s'", path);
  return NULL;
}

static err *map_and_open(pid_t pid, uint32_t first, int *ret_fd) {
  TRY(write_map(pid, "uid_map", first));
  TRY(write_map(pid, "gid_map", first));
  auto_free char *path = str_format("/proc/%d/ns/user", (int)pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return err_errno(errno, "opening '%s'", path);
  *ret_fd = fd;
  return NULL;
}

/* In a child that shares our memory: nothing but system calls, and no return. */
static _Noreturn int wait_for_end(void *arg) {
  (void)arg;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (;;)
    pause();
}

err *user_range_namespace(uint32_t first, int *ret_fd) {
  /* It shares our memory: copying the page tables of tramd for a child that only waits costs more
   * than all the rest. */
  char stack[STACK_SIZE] __attribute__((aligned(16)));
  int pid = clone(wait_for_end, stack + sizeof stack, CLONE_NEWUSER | CLONE_VM | SIGCHLD, NULL);
  if (pid < 0) return err_errno(errno, "making a user namespace (is user.max_user_namespaces 0?)");
  err *e = map_and_open(pid, first, ret_fd);
  kill(pid, SIGKILL);
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
    continue;
  return e;
}
