#include "source/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

enum { FOLDER_MODE = 0755, FILE_MODE = 0644, PROGRAM_MODE = 0755, LINKS_FOLLOWED_MAX = 40 };

struct tree {
  int root;
  char *parent_path; /* the folder used last: archives name a folder's files one after another */
  int parent;
  struct strv links;
};

err *tree_open(const char *path, tree **ret_tree) {
  int root = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (root < 0) return err_errno(errno, "opening the folder '%s'", path);
  tree *t = mem_zalloc(sizeof *t);
  t->root = root;
  t->parent = -1;
  *ret_tree = t;
  return NULL;
}

static void forget_parent(tree *t) {
  if (t->parent >= 0) close(t->parent);
  t->parent = -1;
  free(t->parent_path);
  t->parent_path = NULL;
}

void tree_close(tree *t) {
  if (!t) return;
  forget_parent(t);
  close(t->root);
  strv_done(&t->links);
  free(t);
}

char *tree_printable(const char *name) {
  struct str text = STR_EMPTY;
  str_init(&text);
  bool is_utf8 = str_is_utf8(name, strlen(name));
  for (const char *p = name; *p; p++) {
    unsigned char c = (unsigned char)*p;
    bool starts_character = (c & 0xC0) != 0x80;
    if (text.len >= 200 && starts_character) {
      str_add(&text, "…");
      break;
    }
    if (c < 0x20 || c == 0x7F || (c >= 0x80 && !is_utf8))
      str_addf(&text, "\\x%02x", c);
    else
      str_add_char(&text, *p);
  }
  return str_take(&text);
}

/* errno as an error about a path from outside. */
static err *failed(const char *doing, const char *path) {
  int number = errno;
  auto_free char *shown = tree_printable(path);
  return err_errno(number, "%s '%s'", doing, shown);
}

/* An error about an entry: "entry '<name>' <reason>: refused". */
static err *refuse(enum err_code code, const char *name, const char *reason) {
  auto_free char *shown = tree_printable(name);
  return err_new(code, "entry '%s' %s: refused", shown, reason);
}

err *tree_clean_path(const char *name, char **ret_path) {
  if (*name == '/') return refuse(ERR_INVALID, name, "has an absolute path");
  if (strlen(name) > TREE_PATH_MAX)
    return refuse(ERR_LIMIT, name, "has a path of more than 2048 bytes");
  auto_str path = STR_EMPTY;
  str_init(&path);
  int depth = 0;
  for (const char *p = name; *p;) {
    size_t len = strcspn(p, "/");
    bool dots = len > 0 && strspn(p, ".") >= len;
    if (dots && len == 2) return refuse(ERR_INVALID, name, "leaves the archive");
    if (len > 255) return refuse(ERR_LIMIT, name, "has a name of more than 255 bytes");
    if (len > 0 && !(dots && len == 1)) {
      if (++depth > TREE_DEPTH_MAX)
        return refuse(ERR_LIMIT, name, "lies more than 128 folders deep");
      if (path.len) str_add_char(&path, '/');
      str_add_bytes(&path, p, len);
    }
    p += len;
    p += strspn(p, "/");
  }
  *ret_path = str_take(&path);
  return NULL;
}

/* Opens the folder `name` in `folder`, making it when it is not there. */
static err *enter(int folder, const char *name, const char *path, int *ret_fd) {
  int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  int fd = openat(folder, name, flags);
  if (fd < 0 && errno == ENOENT) {
    if (mkdirat(folder, name, FOLDER_MODE) < 0) return failed("making the folder", path);
    fd = openat(folder, name, flags);
    if (fd >= 0 && fchmod(fd, FOLDER_MODE) < 0) { /* whatever the umask */
      close(fd);
      return failed("making the folder", path);
    }
  }
  if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
    return refuse(ERR_INVALID, path, "uses a file or link as a folder");
  if (fd < 0) return failed("opening the folder", path);
  *ret_fd = fd;
  return NULL;
}

/* The folder that `path` is in (kept open for the next call) and its name there. */
static err *enter_parent(tree *t, const char *path, int *ret_fd, const char **ret_name) {
  const char *slash = strrchr(path, '/');
  *ret_name = slash ? slash + 1 : path;
  *ret_fd = t->root;
  if (!slash) return NULL;
  auto_free char *folders = str_ndup(path, (size_t)(slash - path));
  if (!str_eq(folders, t->parent_path)) {
    forget_parent(t);
    int at = t->root;
    auto_strv names = STRV_EMPTY;
    strv_split(&names, folders, '/');
    for (size_t i = 0; i < names.len; i++) {
      int next;
      err *e = enter(at, names.items[i], path, &next);
      if (at != t->root) close(at);
      if (e) return e;
      at = next;
    }
    t->parent = at;
    t->parent_path = str_dup(folders);
  }
  *ret_fd = t->parent;
  return NULL;
}

err *tree_add_folder(tree *t, const char *path) {
  if (!*path) return NULL;
  int parent, fd;
  const char *name;
  TRY(enter_parent(t, path, &parent, &name));
  struct stat info;
  if (fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(info.st_mode))
    return refuse(ERR_INVALID, path, "is a folder, and a file or link as well");
  TRY(enter(parent, name, path, &fd));
  close(fd);
  return NULL;
}

/* Makes room for an entry of the given kind. */
static err *make_room(int parent, const char *name, const char *path, mode_t kind) {
  struct stat info;
  if (fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
    return errno == ENOENT ? NULL : failed("looking at", path);
  if ((info.st_mode & S_IFMT) != kind)
    return refuse(ERR_INVALID, path, "is there twice, as different things");
  if (unlinkat(parent, name, 0) < 0) return failed("replacing", path);
  return NULL;
}

static err *refuse_root(void) {
  return err_new(ERR_INVALID, "entry '.' is no folder: refused");
}

err *tree_add_file(tree *t, const char *path, bool executable, int *ret_fd) {
  if (!*path) return refuse_root();
  int parent;
  const char *name;
  TRY(enter_parent(t, path, &parent, &name));
  mode_t mode = executable ? PROGRAM_MODE : FILE_MODE;
  int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  int fd = openat(parent, name, flags, mode);
  if (fd < 0 && errno == EEXIST) {
    TRY(make_room(parent, name, path, S_IFREG));
    fd = openat(parent, name, flags, mode);
  }
  if (fd < 0) return failed("making", path);
  if (fchmod(fd, mode) < 0) {
    close(fd);
    return failed("making", path);
  }
  *ret_fd = fd;
  return NULL;
}

bool tree_link_leaves(const char *path, const char *target) {
  if (*target == '/') return true;
  int depth = 0;
  for (const char *p = path; (p = strchr(p, '/')); p++) depth++;
  for (const char *p = target; *p;) {
    size_t len = strcspn(p, "/");
    if (len == 2 && p[0] == '.' && p[1] == '.') depth--;
    else if (len > 0 && !(len == 1 && *p == '.')) depth++;
    if (depth < 0) return true;
    p += len;
    p += strspn(p, "/");
  }
  return false;
}

static err *refuse_link(const char *path, const char *target) {
  auto_free char *shown = tree_printable(path);
  auto_free char *shown_target = tree_printable(target);
  return err_new(ERR_INVALID, "entry '%s' is a link to '%s', which leaves the source: refused",
                 shown, shown_target);
}

err *tree_add_link(tree *t, const char *path, const char *target) {
  if (!*path) return refuse_root();
  size_t len = strlen(target);
  if (len == 0) return refuse(ERR_INVALID, path, "is a link to nothing");
  if (len > TREE_LINK_MAX)
    return refuse(ERR_LIMIT, path, "is a link with a target of more than 2048 bytes");
  if (tree_link_leaves(path, target)) return refuse_link(path, target);
  int parent;
  const char *name;
  TRY(enter_parent(t, path, &parent, &name));
  TRY(make_room(parent, name, path, S_IFLNK));
  if (symlinkat(target, parent, name) < 0) return failed("making the link", path);
  strv_add(&t->links, path);
  return NULL;
}

err *tree_add_hard_link(tree *t, const char *path, const char *target_path,
                        int64_t *ret_size_bytes) {
  if (!*path || !*target_path) return refuse_root();
  if (str_eq(path, target_path)) return refuse(ERR_INVALID, path, "is a hard link to itself");
  int folder;
  const char *name;
  TRY(enter_parent(t, target_path, &folder, &name));
  struct stat info;
  if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(info.st_mode))
    return refuse(ERR_INVALID, path, "is a hard link to what is no file of the archive before it");
  auto_fd target = dup(folder); /* enter_parent is about to forget it */
  if (target < 0) return failed("making the hard link", path);
  int parent;
  const char *link_name;
  TRY(enter_parent(t, path, &parent, &link_name));
  TRY(make_room(parent, link_name, path, S_IFREG));
  if (linkat(target, name, parent, link_name, 0) < 0)
    return failed("making the hard link", path);
  *ret_size_bytes = info.st_size;
  return NULL;
}

static err *read_link(int root, const char *path, char target[TREE_LINK_MAX + 1]) {
  ssize_t len = readlinkat(root, path, target, TREE_LINK_MAX + 1);
  if (len < 0) return failed("reading the link", path);
  if (len > TREE_LINK_MAX)
    return refuse(ERR_LIMIT, path, "is a link with a target of more than 2048 bytes");
  target[len] = '\0';
  return NULL;
}

/* Takes the last component off; false at the root. */
static bool climb(struct str *path) {
  if (path->len == 0) return false;
  char *slash = strrchr(path->data, '/');
  path->len = slash ? (size_t)(slash - path->data) : 0;
  path->data[path->len] = '\0';
  return true;
}

/* `done` is free of symlinks all the way, so looking at done/<component> follows none. */
err *tree_resolve(int root, const char *path, char **ret_real_path) {
  auto_str done = STR_EMPTY;
  str_init(&done);
  auto_free char *rest = str_dup(path);
  int links = 0;
  while (*rest) {
    size_t len = strcspn(rest, "/");
    auto_free char *name = str_ndup(rest, len);
    memmove(rest, rest + len, strlen(rest + len) + 1);
    memmove(rest, rest + strspn(rest, "/"), strlen(rest + strspn(rest, "/")) + 1);
    if (len == 0 || str_eq(name, ".")) continue;
    if (str_eq(name, "..")) {
      if (!climb(&done)) return refuse(ERR_INVALID, path, "leads outside of the source");
      continue;
    }
    size_t before = done.len;
    str_addf(&done, "%s%s", done.len ? "/" : "", name);
    struct stat info;
    if (done.len > TREE_PATH_MAX || fstatat(root, done.data, &info, AT_SYMLINK_NOFOLLOW) < 0) {
      auto_free char *shown = tree_printable(path);
      return err_new(ERR_NOT_FOUND, "'%s' is not there", shown);
    }
    if (!S_ISLNK(info.st_mode)) continue;
    if (++links > LINKS_FOLLOWED_MAX)
      return refuse(ERR_INVALID, path, "leads through more than 40 links");
    char target[TREE_LINK_MAX + 1];
    TRY(read_link(root, done.data, target));
    if (*target == '/') return refuse(ERR_INVALID, path, "leads outside of the source");
    done.len = before;
    done.data[before] = '\0';
    char *longer = str_format("%s/%s", target, rest);
    free(rest);
    rest = longer;
    if (strlen(rest) > 4 * TREE_PATH_MAX)
      return refuse(ERR_LIMIT, path, "leads through too long a path");
  }
  *ret_real_path = str_take(&done);
  return NULL;
}

err *tree_check_links(tree *t) {
  for (size_t i = 0; i < t->links.len; i++) {
    auto_free char *real_path = NULL;
    err *e = tree_resolve(t->root, t->links.items[i], &real_path);
    if (e && err_code_of(e) != ERR_NOT_FOUND) return e;
    err_free(e);
  }
  return NULL;
}
