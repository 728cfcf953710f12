#include "engine/local/user.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

enum { USER_FILE_LIMIT = 1024 * 1024, USER_ID_MAX = 65535, FIELDS_MAX = 7 };

/* Splits one line at its colons, in place; missing fields are "". */
static void split_fields(char *line, char *fields[FIELDS_MAX]) {
  static char nothing[1];
  for (int i = 0; i < FIELDS_MAX; i++)
    fields[i] = nothing;
  char *rest = line;
  for (int i = 0; i < FIELDS_MAX && rest; i++)
    fields[i] = strsep(&rest, ":");
}

static bool parse_id(const char *text, uint32_t *ret_id) {
  long long value;
  if (!str_to_int(text, 0, USER_ID_MAX, &value)) return false;
  *ret_id = (uint32_t)value;
  return true;
}

static bool is_number(const char *text) {
  return *text && text[strspn(text, "0123456789")] == '\0';
}

/* Calls for each line of `text` until fn returns true. */
typedef bool line_fn(void *arg, char *fields[FIELDS_MAX]);

static bool each_line(const char *text, line_fn *fn, void *arg) {
  char line[4096]; /* a longer line is skipped: getpwent's own buffers are smaller */
  while (*text) {
    size_t len = strcspn(text, "\n");
    if (len < sizeof line) {
      memcpy(line, text, len);
      line[len] = '\0';
      char *fields[FIELDS_MAX];
      split_fields(line, fields);
      if (fn(arg, fields)) return true;
    }
    text += len + (text[len] == '\n');
  }
  return false;
}

struct lookup {
  const char *name; /* or */
  uint32_t id;
  bool by_id;
  char login[256];
  struct user *user;
};

static bool match_passwd(void *arg, char *fields[FIELDS_MAX]) {
  struct lookup *l = arg;
  uint32_t uid, gid;
  if (!parse_id(fields[2], &uid) || !parse_id(fields[3], &gid)) return false;
  if (l->by_id ? uid != l->id : !str_eq(fields[0], l->name)) return false;
  l->user->uid = uid;
  l->user->gid = gid;
  snprintf(l->login, sizeof l->login, "%s", fields[0]);
  if (fields[5][0] == '/') snprintf(l->user->home, sizeof l->user->home, "%s", fields[5]);
  return true;
}

static bool match_group(void *arg, char *fields[FIELDS_MAX]) {
  struct lookup *l = arg;
  return str_eq(fields[0], l->name) && parse_id(fields[2], &l->user->gid);
}

/* Collects the groups that list the login. */
static bool match_membership(void *arg, char *fields[FIELDS_MAX]) {
  struct lookup *l = arg;
  uint32_t gid;
  if (!parse_id(fields[2], &gid) || gid == l->user->gid) return false;
  for (char *rest = fields[3], *name; (name = strsep(&rest, ","));) {
    if (!str_eq(name, l->login) || l->user->groups_len == USER_GROUPS_MAX) continue;
    l->user->groups[l->user->groups_len++] = gid;
    break;
  }
  return false;
}

static err *resolve_user(const char *passwd, const char *name, struct lookup *l) {
  l->name = name;
  l->by_id = is_number(name);
  if (l->by_id && !parse_id(name, &l->id))
    return err_new(ERR_INVALID, "user '%s': ids go up to %d", name, USER_ID_MAX);
  if (each_line(passwd, match_passwd, l)) return NULL;
  if (!l->by_id) return err_new(ERR_INVALID, "the image's /etc/passwd has no user '%s'", name);
  l->user->uid = l->id;
  l->user->gid = 0; /* as Docker does for a number that nobody has */
  return NULL;
}

static err *resolve_group(const char *group, const char *name, struct lookup *l) {
  if (is_number(name)) {
    if (parse_id(name, &l->user->gid)) return NULL;
    return err_new(ERR_INVALID, "group '%s': ids go up to %d", name, USER_ID_MAX);
  }
  l->name = name;
  if (each_line(group, match_group, l)) return NULL;
  return err_new(ERR_INVALID, "the image's /etc/group has no group '%s'", name);
}

err *user_resolve_in(const char *passwd, const char *group, const char *text,
                     struct user *ret_user) {
  struct user user = {.home = "/"};
  struct lookup lookup = {.user = &user};
  auto_strv parts = STRV_EMPTY;
  strv_split(&parts, str_empty(text) ? "0" : text, ':');
  if (parts.len > 2 || (parts.len == 2 && !*parts.items[1]))
    return err_new(ERR_INVALID, "user '%s' is not of the form user or user:group", text);
  TRY(resolve_user(passwd, *parts.items[0] ? parts.items[0] : "0", &lookup));
  if (parts.len == 2) TRY(resolve_group(group, parts.items[1], &lookup));
  /* An explicit group replaces the memberships, as in Docker. */
  if (parts.len == 1 && *lookup.login) each_line(group, match_membership, &lookup);
  if (user.uid == 0 && str_eq(user.home, "/")) strcpy(user.home, "/root");
  *ret_user = user;
  return NULL;
}

/* Reads a file of the image; missing is "". */
static err *read_inside(int root, const char *name, struct str *ret_text) {
  struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                         .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  auto_fd fd = (int)syscall(SYS_openat2, root, name, &how, sizeof how);
  if (fd < 0)
    return errno == ENOENT || errno == ENOTDIR ? NULL
                                               : err_errno(errno, "opening the image's /%s", name);
  struct stat info;
  if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode) || info.st_size > USER_FILE_LIMIT)
    return err_new(ERR_INVALID, "the image's /%s is not a plain file of at most 1 MiB", name);
  auto_free char *path = str_format("/proc/self/fd/%d", fd);
  return file_read(path, USER_FILE_LIMIT, ret_text);
}

err *user_resolve(const char *rootfs, const char *text, struct user *ret_user) {
  auto_fd root = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return err_errno(errno, "opening '%s'", rootfs);
  auto_str passwd = STR_EMPTY, group = STR_EMPTY;
  TRY(read_inside(root, "etc/passwd", &passwd));
  TRY(read_inside(root, "etc/group", &group));
  return user_resolve_in(str_text(&passwd), str_text(&group), text, ret_user);
}
