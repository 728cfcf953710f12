#include "source/snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/tree.h"
#include "source/walk.h"

#define UNFINISHED ".new-"
#define LEAVING UNFINISHED "gone-"

struct snapshot_store {
  char *dir;
};

/* Removes what begins with `prefix`. */
static err *clear(const char *dir, const char *prefix) {
  DIR *folder = opendir(dir);
  if (!folder) return err_errno(errno, "reading the folder '%s'", dir);
  auto_strv paths = STRV_EMPTY;
  struct dirent *entry;
  while ((entry = readdir(folder)))
    if (str_starts(entry->d_name, prefix)) strv_add_take(&paths, path_join(dir, entry->d_name));
  closedir(folder);
  for (size_t i = 0; i < paths.len; i++) TRY(file_remove_tree(paths.items[i]));
  return NULL;
}

/* Tells ext4 that the folders in here have nothing to do with each other, so that it spreads them
 * over the disk.  Otherwise a new tree lands where one was just deleted, and there ext4 looks at
 * each freed inode for minutes before it takes another: 25,000 files took 20 s instead of 1 s.
 * Other file systems may refuse. */
static void spread_folders(const char *dir) {
  auto_fd fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int flags;
  if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0 || flags & FS_TOPDIR_FL) return;
  flags |= FS_TOPDIR_FL;
  (void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

err *snapshot_store_new(const char *dir, snapshot_store **ret_store) {
  TRY(err_wrap(file_make_dirs(dir, 0700), "snapshots"));
  TRY(err_wrap(clear(dir, UNFINISHED), "snapshots")); /* of a run that was killed */
  spread_folders(dir);
  snapshot_store *s = mem_zalloc(sizeof *s);
  s->dir = str_dup(dir);
  *ret_store = s;
  return NULL;
}

void snapshot_store_free(snapshot_store *s) {
  if (!s) return;
  free(s->dir);
  free(s);
}

static bool id_is_sha256(const char *id) {
  return id && strlen(id) == SHA256_HEX_SIZE - 1 && strspn(id, "0123456789abcdef") == strlen(id);
}

char *snapshot_path(const snapshot_store *s, const char *id) {
  return id_is_sha256(id) ? path_join(s->dir, id) : NULL;
}

bool snapshot_has(const snapshot_store *s, const char *id) {
  auto_free char *path = snapshot_path(s, id);
  return path && file_exists(path);
}

struct hashing {
  sha256 *hash;
  struct snapshot_info *info;
};

static err *hash_content(const struct walk_entry *entry, char hex[SHA256_HEX_SIZE]) {
  auto_fd fd = openat(entry->folder_fd, entry->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return err_errno(errno, "opening a file of the snapshot");
  sha256 *hash = sha256_new();
  char chunk[65536];
  ssize_t got;
  while ((got = read(fd, chunk, sizeof chunk)) > 0) sha256_add(hash, chunk, (size_t)got);
  int number = errno;
  if (got == 0) sha256_hex(hash, hex);
  sha256_free(hash);
  return got < 0 ? err_errno(number, "reading a file of the snapshot") : NULL;
}

static err *hash_entry(void *arg, const struct walk_entry *entry) {
  struct hashing *h = arg;
  char content[TREE_LINK_MAX + 1] = "";
  char kind = 'd';
  if (S_ISREG(entry->info.st_mode)) {
    kind = entry->info.st_mode & S_IXUSR ? 'x' : 'f';
    TRY(hash_content(entry, content));
    h->info->files++;
    h->info->size_bytes += entry->info.st_size;
  } else if (S_ISLNK(entry->info.st_mode)) {
    kind = 'l';
    ssize_t len = readlinkat(entry->folder_fd, entry->name, content, sizeof content - 1);
    if (len < 0) return err_errno(errno, "reading a link of the snapshot");
    content[len] = '\0';
    h->info->files++;
  }
  sha256_add(h->hash, &kind, 1);
  sha256_add(h->hash, entry->path, strlen(entry->path) + 1);
  sha256_add(h->hash, content, strlen(content) + 1);
  return NULL;
}

static err *hash_tree(const char *path, struct snapshot_info *info) {
  *info = (struct snapshot_info){.is_new = true};
  struct hashing hashing = {.hash = sha256_new(), .info = info};
  struct walk_options walk = {.on_entry = hash_entry, .arg = &hashing};
  err *e = walk_folder(path, &walk);
  if (!e) sha256_hex(hashing.hash, info->id);
  sha256_free(hashing.hash);
  return e;
}

/* Makes the tree durable, then visible; a tree that is there already is kept instead. */
static err *publish(snapshot_store *s, const char *tree_path, struct snapshot_info *info) {
  auto_fd top = open(tree_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (top < 0 || fchmod(top, 0755) < 0) return err_errno(errno, "finishing the snapshot");
  if (snapshot_has(s, info->id)) {
    info->is_new = false;
    return NULL;
  }
  if (syncfs(top) < 0) return err_errno(errno, "syncing the snapshot");
  auto_free char *path = snapshot_path(s, info->id);
  if (renameat2(AT_FDCWD, tree_path, AT_FDCWD, path, RENAME_NOREPLACE) < 0) {
    if (errno != EEXIST) return err_errno(errno, "naming the snapshot '%s'", info->id);
    info->is_new = false; /* another thread was quicker with the same content */
  }
  auto_fd dir = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0 || fsync(dir) < 0) return err_errno(errno, "syncing '%s'", s->dir);
  return NULL;
}

/* Where a snapshot comes from; fills the folder `path`, which does not exist yet. */
struct origin {
  err *(*fill)(const struct origin *origin, const char *path);
  int fd;
  const char *from;
  const struct unpack_limits *limits;
  bool railway_ignore;
};

static err *make_in(snapshot_store *s, const struct origin *origin, const char *tree_path,
                    struct snapshot_info *ret_info) {
  TRY(origin->fill(origin, tree_path));
  struct snapshot_info info;
  TRY(hash_tree(tree_path, &info));
  if (info.files == 0) return err_new(ERR_INVALID, "the source is empty: it has no file");
  TRY(publish(s, tree_path, &info));
  *ret_info = info;
  return NULL;
}

/* What could not be removed goes with the next tidying. */
static void put_away(const snapshot_store *s, const char *unfinished) {
  auto_free char *leaving = str_format("%s/" LEAVING "%s", s->dir, strrchr(unfinished, '-') + 1);
  if (rename(unfinished, leaving) < 0) log_warn("source", "removing '%s': %s", unfinished, strerror(errno));
}

static err *make(snapshot_store *s, const struct origin *origin, struct snapshot_info *ret_info) {
  auto_free char *unfinished = path_join(s->dir, UNFINISHED "XXXXXX");
  if (!mkdtemp(unfinished)) return err_errno(errno, "making a folder in '%s'", s->dir);
  auto_free char *tree_path = path_join(unfinished, "tree");
  err *e = make_in(s, origin, tree_path, ret_info);
  err *left = file_remove_tree(unfinished);
  if (left) put_away(s, unfinished);
  err_ignore(left);
  return e;
}

static err *remove_ignored(void *arg, const struct walk_entry *entry) {
  auto_free char *path = path_join(arg, entry->path);
  return file_remove_tree(path);
}

static err *apply_railway_ignore(const char *path) {
  auto_ignore *rules = ignore_new();
  struct walk_options walk = {.ignore_files[IGNORE_RANK_RAILWAY] = ".railwayignore",
                              .rules = rules,
                              .on_ignored = remove_ignored,
                              .arg = (void *)path};
  return walk_folder(path, &walk);
}

static err *fill_from_archive(const struct origin *origin, const char *path) {
  if (origin->from)
    TRY(archive_unpack(origin->from, path, origin->limits, NULL));
  else
    TRY(archive_unpack_fd(origin->fd, path, origin->limits, NULL));
  return origin->railway_ignore ? apply_railway_ignore(path) : NULL;
}

err *snapshot_from_archive(snapshot_store *s, const char *archive_path,
                           const struct unpack_limits *limits, struct snapshot_info *ret_info) {
  struct origin origin = {.fill = fill_from_archive, .from = archive_path, .limits = limits};
  return make(s, &origin, ret_info);
}

err *snapshot_from_stream(snapshot_store *s, int fd, const struct unpack_limits *limits,
                          bool railway_ignore, struct snapshot_info *ret_info) {
  struct origin origin = {
      .fill = fill_from_archive, .fd = fd, .limits = limits, .railway_ignore = railway_ignore};
  return make(s, &origin, ret_info);
}

struct copying {
  tree *to;
  int64_t entries, bytes;
};

static err *copy_file(struct copying *c, const struct walk_entry *entry) {
  auto_fd from = openat(entry->folder_fd, entry->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (from < 0) return err_errno(errno, "opening '%s'", entry->path);
  auto_fd to = -1;
  TRY(tree_add_file(c->to, entry->path, entry->info.st_mode & S_IXUSR, &to));
  for (;;) {
    ssize_t done = sendfile(to, from, NULL, 1 << 20);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return err_errno(errno, "copying '%s'", entry->path);
    if (done == 0) return NULL;
    c->bytes += done;
    if (c->bytes > UNPACK_TOTAL_BYTES)
      return err_new(ERR_LIMIT, "the source is larger than %lld MiB",
                     (long long)(UNPACK_TOTAL_BYTES >> 20));
  }
}

static err *copy_entry(void *arg, const struct walk_entry *entry) {
  struct copying *c = arg;
  if (++c->entries > UNPACK_ENTRIES)
    return err_new(ERR_LIMIT, "the source has more than %lld entries", (long long)UNPACK_ENTRIES);
  if (S_ISDIR(entry->info.st_mode)) return tree_add_folder(c->to, entry->path);
  if (S_ISREG(entry->info.st_mode)) return copy_file(c, entry);
  if (!S_ISLNK(entry->info.st_mode)) return NULL; /* sockets and the like are no source */
  char target[PATH_MAX];
  ssize_t len = readlinkat(entry->folder_fd, entry->name, target, sizeof target - 1);
  if (len < 0) return err_errno(errno, "reading the link '%s'", entry->path);
  target[len] = '\0';
  return tree_add_link(c->to, entry->path, target);
}

static err *fill_from_folder(const struct origin *origin, const char *path) {
  if (mkdir(path, 0700) < 0) return err_errno(errno, "making the folder '%s'", path);
  auto_tree *to = NULL;
  TRY(tree_open(path, &to));
  struct copying copying = {.to = to};
  static const char *const skipped[] = {".git", NULL};
  struct walk_options walk = {.skipped_names = skipped, .on_entry = copy_entry, .arg = &copying};
  TRY(walk_folder(origin->from, &walk));
  return tree_check_links(to);
}

err *snapshot_from_folder(snapshot_store *s, const char *folder, struct snapshot_info *ret_info) {
  struct origin origin = {.fill = fill_from_folder, .from = folder};
  return make(s, &origin, ret_info);
}

err *snapshot_put_aside(snapshot_store *s, const char *id) {
  auto_free char *path = snapshot_path(s, id);
  if (!path) return err_new(ERR_INVALID, "'%s' is no snapshot id", id ? id : "");
  auto_free char *leaving = str_format("%s/" LEAVING "%s", s->dir, id);
  if (rename(path, leaving) < 0 && errno != ENOENT) return err_errno(errno, "snapshot '%s'", id);
  return NULL;
}

err *snapshot_clear_aside(snapshot_store *s) {
  return err_wrap(clear(s->dir, LEAVING), "snapshots");
}

err *snapshot_list(const snapshot_store *s, struct strv *ret_ids) {
  DIR *folder = opendir(s->dir);
  if (!folder) return err_errno(errno, "reading the folder '%s'", s->dir);
  for (struct dirent *entry; (entry = readdir(folder));)
    if (id_is_sha256(entry->d_name)) strv_add(ret_ids, entry->d_name);
  closedir(folder);
  return NULL;
}

/* "a, b, c": the folders at the top of a tree. */
static char *list_folders(int root) {
  struct dirent **entries;
  int count = scandirat(root, ".", &entries, NULL, alphasort);
  struct str text = STR_EMPTY;
  str_init(&text);
  int shown = 0;
  for (int i = 0; i < count; i++) {
    bool is_folder = entries[i]->d_name[0] != '.';
    struct stat info;
    is_folder = is_folder && fstatat(root, entries[i]->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
                S_ISDIR(info.st_mode);
    if (is_folder && ++shown <= 20) {
      auto_free char *name = tree_printable(entries[i]->d_name);
      str_addf(&text, "%s%s", text.len ? ", " : "", name);
    }
    free(entries[i]);
  }
  if (count >= 0) free(entries);
  if (shown > 20) str_add(&text, ", …");
  if (shown == 0) str_add(&text, "no folders");
  return str_take(&text);
}

static bool is_folder_at(int root, const char *path) {
  struct stat info;
  return fstatat(root, *path ? path : ".", &info, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISDIR(info.st_mode);
}

err *snapshot_root_directory(const char *tree_path, const char *root_directory,
                             char **ret_path) {
  const char *wanted = root_directory ? root_directory : "";
  wanted += strspn(wanted, "/"); /* "/backend" is how Railway's dashboard writes it */
  auto_fd root = open(tree_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return err_errno(errno, "opening the source '%s'", tree_path);
  auto_free char *shown = tree_printable(root_directory ? root_directory : "");
  auto_free char *clean = NULL, *real_path = NULL;
  err *e = tree_clean_path(wanted, &clean);
  if (!e) e = tree_resolve(root, clean, &real_path);
  if (e && err_code_of(e) != ERR_NOT_FOUND) {
    err_free(e);
    return err_new(ERR_INVALID, "root directory '%s' leads outside of the source", shown);
  }
  if (e || !is_folder_at(root, real_path)) {
    err_free(e);
    auto_free char *folders = list_folders(root);
    return err_new(ERR_INVALID, "root directory '%s' is not in the source; it has: %s", shown,
                   folders);
  }
  *ret_path = *real_path ? path_join(tree_path, real_path) : str_dup(tree_path);
  return NULL;
}
