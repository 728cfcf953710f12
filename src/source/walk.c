#include "source/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/tree.h"

/* A folder being walked; the chain up to the root tells a loop of followed links. */
struct level {
  const struct level *above;
  int fd;
  const char *path; /* "" at the root */
  dev_t device;
  ino_t inode;
  int depth;
  bool followed;
};

static err *walk_level(const struct walk_options *options, const struct level *level);

static err *failed(const char *doing, const char *path) {
  int number = errno;
  auto_free char *shown = tree_printable(*path ? path : ".");
  return err_errno(number, "%s '%s'", doing, shown);
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static err *read_names(const struct level *level, struct strv *names) {
  int fd = openat(level->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *folder = fd < 0 ? NULL : fdopendir(fd);
  if (!folder) {
    err *e = failed("reading the folder", level->path);
    if (fd >= 0) close(fd);
    return e;
  }
  err *e = NULL;
  auto_free char *shown = tree_printable(*level->path ? level->path : ".");
  for (struct dirent *entry; (entry = folder_next(folder, shown, &e));) strv_add(names, entry->d_name);
  closedir(folder);
  if (e) return e;
  if (names->len) qsort(names->items, names->len, sizeof *names->items, compare_names);
  return NULL;
}

/* The place of `path` for the rules, which may speak of a folder further up. */
static char *rules_path(const struct walk_options *options, const char *path) {
  if (str_empty(options->prefix)) return str_dup(path);
  return *path ? path_join(options->prefix, path) : str_dup(options->prefix);
}

static err *add_ignore_file(const struct walk_options *options, const struct level *level,
                            int rank) {
  const char *name = options->ignore_files[rank];
  auto_fd fd = openat(level->fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  struct stat info;
  if (fd < 0 || fstat(fd, &info) < 0 || !S_ISREG(info.st_mode)) return NULL;
  if (info.st_size > IGNORE_FILE_LIMIT)
    return err_new(ERR_LIMIT, "'%s' is larger than %d bytes", name, IGNORE_FILE_LIMIT);
  size_t size = (size_t)info.st_size, len = 0;
  auto_free char *text = mem_alloc(size + 1);
  while (len < size) {
    ssize_t got = pread(fd, text + len, size - len, (off_t)len);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("reading the ignore file of", level->path);
    if (got == 0) break;
    len += (size_t)got;
  }
  auto_free char *folder = rules_path(options, level->path);
  return ignore_add(options->rules, folder, rank, text, len);
}

static bool is_skipped(const struct walk_options *options, const char *name) {
  for (const char *const *skipped = options->skipped_names; skipped && *skipped; skipped++)
    if (str_eq(name, *skipped)) return true;
  return false;
}

static bool is_ignored(const struct walk_options *options, const char *path, bool is_folder) {
  if (!options->rules) return false;
  auto_free char *place = rules_path(options, path);
  return ignore_verdict(options->rules, place, is_folder) == IGNORE_EXCLUDED;
}

static bool is_above(const struct level *level, const struct stat *info) {
  for (; level; level = level->above)
    if (level->device == info->st_dev && level->inode == info->st_ino) return true;
  return false;
}

static err *enter(const struct walk_options *options, const struct level *level,
                  const struct walk_entry *entry, bool followed) {
  if (level->depth == TREE_DEPTH_MAX) {
    auto_free char *shown = tree_printable(entry->path);
    return err_new(ERR_LIMIT, "'%s' lies more than %d folders deep", shown, TREE_DEPTH_MAX);
  }
  int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (followed ? 0 : O_NOFOLLOW);
  auto_fd fd = openat(level->fd, entry->name, flags);
  if (fd < 0) return failed("opening the folder", entry->path);
  struct level inner = {.above = level,
                        .fd = fd,
                        .path = entry->path,
                        .device = entry->info.st_dev,
                        .inode = entry->info.st_ino,
                        .depth = level->depth + 1,
                        .followed = level->followed || followed};
  return walk_level(options, &inner);
}

/* Decides about a symlink; false when it is left out. */
static bool take_link(const struct walk_options *options, const struct level *level,
                      struct walk_entry *entry, bool *ret_followed) {
  *ret_followed = false;
  if (!options->on_link) return true;
  enum walk_link choice = options->on_link(options->arg, entry, level->followed);
  if (choice == WALK_LINK_KEEP) return true;
  if (choice == WALK_LINK_SKIP) return false;
  *ret_followed = true;
  return fstatat(level->fd, entry->name, &entry->info, 0) == 0 && !is_above(level, &entry->info);
}

static err *walk_name(const struct walk_options *options, const struct level *level,
                      const char *name) {
  if (is_skipped(options, name)) return NULL;
  auto_free char *path = *level->path ? path_join(level->path, name) : str_dup(name);
  struct walk_entry entry = {.path = path, .folder_fd = level->fd, .name = name};
  if (fstatat(level->fd, name, &entry.info, AT_SYMLINK_NOFOLLOW) < 0)
    return errno == ENOENT ? NULL : failed("looking at", path); /* gone since we read the folder */
  if (is_ignored(options, path, S_ISDIR(entry.info.st_mode)))
    return options->on_ignored ? options->on_ignored(options->arg, &entry) : NULL;
  bool followed = false;
  if (S_ISLNK(entry.info.st_mode) && !take_link(options, level, &entry, &followed)) return NULL;
  bool is_folder = S_ISDIR(entry.info.st_mode);
  if (followed && is_folder && is_ignored(options, path, true)) return NULL;
  if (options->on_entry) TRY(options->on_entry(options->arg, &entry));
  return is_folder ? enter(options, level, &entry, followed) : NULL;
}

static err *walk_level(const struct walk_options *options, const struct level *level) {
  for (int rank = 0; rank < IGNORE_RANKS; rank++)
    if (options->rules && options->ignore_files[rank]) TRY(add_ignore_file(options, level, rank));
  auto_strv names = STRV_EMPTY;
  TRY(read_names(level, &names));
  for (size_t i = 0; i < names.len; i++) TRY(walk_name(options, level, names.items[i]));
  return NULL;
}

err *walk_folder(const char *root, const struct walk_options *options) {
  auto_fd fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct stat info;
  if (fd < 0 || fstat(fd, &info) < 0) return err_errno(errno, "opening the folder '%s'", root);
  struct level level = {.fd = fd, .path = "", .device = info.st_dev, .inode = info.st_ino};
  return walk_level(options, &level);
}
