#include "source/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/archive_unpack.h"
#include "source/tree.h"
#include "source/walk.h"

enum { CHUNK_SIZE = 64 * 1024, TAR_BLOCK_SIZE = 64 * 1024 };

struct item {
  char *path;   /* below pack.root */
  char *target; /* of a link */
  int64_t size;
  mode_t type;
  bool executable;
};

struct pack {
  char *root;
  char *folder; /* "" or what of the root is packed */
  struct pack_options options;
  struct item *items;
  size_t len, capacity;
  int64_t bytes, files_limit;
  int walked_fd; /* only while the folder is walked */
};

static void note(const pack *p, const char *path, const char *why) {
  if (!p->options.on_note) return;
  auto_free char *shown = tree_printable(path);
  auto_free char *text = str_format("left out '%s': %s", shown, why);
  p->options.on_note(p->options.arg, text);
}

static char *named_path(const pack *p, const char *walked_path) {
  return *p->folder ? path_join(p->folder, walked_path) : str_dup(walked_path);
}

static err *read_target(const struct walk_entry *entry, char target[PATH_MAX]) {
  ssize_t len = readlinkat(entry->folder_fd, entry->name, target, PATH_MAX - 1);
  if (len < 0) return err_errno(errno, "reading the link '%s'", entry->path);
  target[len] = '\0';
  return NULL;
}

/* A link stays a link only when the server will take it, that is when it leads nowhere outside. */
static enum walk_link choose_link(void *arg, const struct walk_entry *entry, bool followed) {
  pack *p = arg;
  char target[PATH_MAX];
  err *e = read_target(entry, target);
  if (e) {
    err_ignore(e);
    return WALK_LINK_SKIP;
  }
  if (!followed && !tree_link_leaves(entry->path, target)) {
    auto_free char *real_path = NULL;
    e = tree_resolve(p->walked_fd, entry->path, &real_path);
    bool inside = !e || err_code_of(e) == ERR_NOT_FOUND;
    err_free(e);
    if (inside) return WALK_LINK_KEEP;
  }
  if (faccessat(entry->folder_fd, entry->name, F_OK, 0) == 0) return WALK_LINK_FOLLOW;
  note(p, entry->path, "it is a link to outside, where nothing is");
  return WALK_LINK_SKIP;
}

static err *add_item(void *arg, const struct walk_entry *entry) {
  pack *p = arg;
  mode_t type = entry->info.st_mode & S_IFMT;
  if (type != S_IFREG && type != S_IFDIR && type != S_IFLNK) {
    note(p, entry->path, "it is no file, folder or link");
    return NULL;
  }
  if ((int64_t)p->len >= p->files_limit)
    return err_new(ERR_LIMIT,
                   "there are more than %lld files: leave some out with a .railwayignore file",
                   (long long)p->files_limit);
  struct item item = {.type = type, .executable = entry->info.st_mode & S_IXUSR};
  if (type == S_IFLNK) {
    char target[PATH_MAX];
    TRY(read_target(entry, target));
    item.target = str_dup(target);
  } else if (type == S_IFREG) {
    item.size = entry->info.st_size;
    p->bytes += item.size;
  }
  item.path = named_path(p, entry->path);
  p->items = mem_grow(p->items, &p->capacity, p->len + 1, sizeof item);
  p->items[p->len++] = item;
  return NULL;
}

static const char *const ignore_names[IGNORE_RANKS] = {
    [IGNORE_RANK_GIT] = ".gitignore",
    [IGNORE_RANK_PLAIN] = ".ignore",
    [IGNORE_RANK_RAILWAY] = ".railwayignore",
};

static err *add_rules(ignore *rules, const char *path, const char *folder, int rank) {
  auto_str text = STR_EMPTY;
  err *e = file_read(path, IGNORE_FILE_LIMIT, &text);
  if (e && err_code_of(e) == ERR_LIMIT) return e;
  if (e) {
    err_ignore(e); /* usually: there is none */
    return NULL;
  }
  return ignore_add(rules, folder, rank, str_text(&text), text.len);
}

/* The nearest folder at or above `path` that has a .git; NULL when there is none. */
static char *repository_of(const char *path) {
  auto_free char *at = str_dup(path);
  for (;;) {
    auto_free char *git = path_join(at, ".git");
    if (file_exists(git)) return str_dup(at);
    char *slash = strrchr(at, '/');
    if (!slash || slash == at) return NULL;
    *slash = '\0';
  }
}

/* Reads the ignore files above the walked folder: from `base` down to its parent. */
static err *add_parent_rules(ignore *rules, const struct walk_options *walk, const char *base) {
  auto_free char *exclude = path_join(base, ".git/info/exclude");
  if (walk->ignore_files[IGNORE_RANK_GIT]) TRY(add_rules(rules, exclude, "", IGNORE_RANK_GIT));
  auto_strv names = STRV_EMPTY;
  if (*walk->prefix) strv_split(&names, walk->prefix, '/');
  auto_str folder = STR_EMPTY;
  str_init(&folder);
  for (size_t i = 0; i < names.len; i++) {
    for (int rank = 0; rank < IGNORE_RANKS; rank++) {
      if (!walk->ignore_files[rank]) continue;
      auto_free char *path = str_format("%s/%s%s%s", base, str_text(&folder), folder.len ? "/" : "",
                                        walk->ignore_files[rank]);
      TRY(add_rules(rules, path, str_text(&folder), rank));
    }
    str_addf(&folder, "%s%s", folder.len ? "/" : "", names.items[i]);
  }
  return NULL;
}

/* Where ignore files begin to count: at the repository's root or at ours, whichever is higher. */
static const char *base_of(const pack *p, const char *walked, const char *repository) {
  size_t len = strlen(p->root);
  bool below = str_starts(walked, p->root) && (walked[len] == '/' || walked[len] == '\0');
  if (!below) return repository ? repository : walked; /* `folder` was a link to elsewhere */
  return repository && strlen(repository) < len ? repository : p->root;
}

/* `walked` and p->root are real paths. */
static err *list(pack *p, const char *walked) {
  static const char *const skipped[] = {".git", "node_modules", NULL};
  auto_ignore *rules = ignore_new();
  struct walk_options walk = {.rules = rules, .skipped_names = skipped, .on_entry = add_item,
                              .on_link = choose_link, .arg = p};
  memcpy(walk.ignore_files, ignore_names, sizeof ignore_names);
  if (p->options.no_gitignore) walk.ignore_files[IGNORE_RANK_GIT] = NULL;
  auto_free char *repository = repository_of(walked);
  const char *base = base_of(p, walked, repository);
  walk.prefix = walked + strlen(base);
  walk.prefix += strspn(walk.prefix, "/");
  TRY(add_parent_rules(rules, &walk, base));
  auto_fd fd = open(walked, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return err_errno(errno, "opening the folder '%s'", walked);
  p->walked_fd = fd;
  err *e = walk_folder(walked, &walk);
  p->walked_fd = -1;
  if (e) return err_wrap(e, "packing '%s'", walked);
  if (p->len == 0)
    return err_new(ERR_INVALID, "'%s' has nothing to deploy: it is empty, or all is ignored",
                   walked);
  return NULL;
}

err *pack_new(const char *root, const struct pack_options *options, pack **ret_pack) {
  pack *p = mem_zalloc(sizeof *p);
  if (options) p->options = *options;
  p->files_limit = p->options.files_limit > 0 ? p->options.files_limit : UNPACK_ENTRIES;
  p->walked_fd = -1;
  p->root = realpath(root, NULL);
  err *e = p->root ? NULL : err_errno(errno, "opening the folder '%s'", root);
  const char *folder = p->options.folder ? p->options.folder : "";
  if (!e) e = err_wrap(tree_clean_path(folder, &p->folder), "folder '%s'", folder);
  if (!e) {
    auto_free char *path = *p->folder ? path_join(p->root, p->folder) : str_dup(p->root);
    auto_free char *walked = realpath(path, NULL);
    e = walked ? list(p, walked) : err_errno(errno, "opening the folder '%s'", path);
  }
  if (e) {
    pack_free(p);
    return e;
  }
  *ret_pack = p;
  return NULL;
}

void pack_free(pack *p) {
  if (!p) return;
  for (size_t i = 0; i < p->len; i++) {
    free(p->items[i].path);
    free(p->items[i].target);
  }
  free(p->items);
  free(p->root);
  free(p->folder);
  free(p);
}

int64_t pack_files(const pack *p) {
  return (int64_t)p->len;
}

int64_t pack_bytes(const pack *p) {
  return p->bytes;
}

const char *pack_path(const pack *p, size_t index) {
  return index < p->len ? p->items[index].path : NULL;
}

struct writer {
  pack *p;
  struct archive *archive;
  pack_write_fn *write;
  pack_progress_fn *progress;
  void *arg;
  err *error; /* of `write`: libarchive only hears that it failed */
  int64_t files, bytes;
};

static la_ssize_t on_packed(struct archive *a, void *arg, const void *data, size_t size) {
  struct writer *w = arg;
  if (!w->error) w->error = w->write(w->arg, data, size);
  if (!w->error) return (la_ssize_t)size;
  archive_set_error(a, EIO, "the receiver failed");
  return -1;
}

static err *writer_failed(struct writer *w) {
  err *e = w->error;
  w->error = NULL;
  return e ? e : err_new(ERR_IO, "packing: %s", archive_error_string(w->archive));
}

static err *write_content(struct writer *w, const struct item *item, int fd) {
  char chunk[CHUNK_SIZE];
  int64_t left = item->size;
  while (left > 0) {
    ssize_t got = read(fd, chunk, left < CHUNK_SIZE ? (size_t)left : CHUNK_SIZE);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return err_errno(errno, "reading '%s'", item->path);
    if (got == 0) {
      note(w->p, item->path, "its end: it became shorter while it was packed");
      return NULL; /* libarchive fills up */
    }
    if (archive_write_data(w->archive, chunk, (size_t)got) < 0) return writer_failed(w);
    left -= got;
    w->bytes += got;
    if (w->progress) w->progress(w->arg, w->files, w->bytes);
  }
  return NULL;
}

static err *write_header(struct writer *w, const struct item *item) {
  auto_free char *name = str_format("./%s", item->path);
  struct archive_entry *entry = archive_entry_new();
  archive_entry_set_pathname(entry, name);
  archive_entry_set_filetype(entry, item->type);
  archive_entry_set_perm(entry, item->executable || item->type == S_IFDIR ? 0755 : 0644);
  archive_entry_set_size(entry, item->size);
  archive_entry_set_mtime(entry, 0, 0);
  if (item->target) archive_entry_set_symlink(entry, item->target);
  int status = archive_write_header(w->archive, entry);
  archive_entry_free(entry);
  return status < ARCHIVE_WARN ? writer_failed(w) : NULL;
}

static err *write_item(struct writer *w, const struct item *item) {
  auto_fd fd = -1;
  if (item->type == S_IFREG) {
    auto_free char *path = path_join(w->p->root, item->path);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* it may have become a fifo */
    if (fd < 0 && errno == ENOENT) {
      note(w->p, item->path, "it is gone since");
      return NULL;
    }
    if (fd < 0)
      return err_wrap(err_errno(errno, "reading '%s'", item->path),
                      "make it readable, or leave it out with a .railwayignore file");
  }
  TRY(write_header(w, item));
  if (fd >= 0) TRY(write_content(w, item, fd));
  w->files++;
  if (w->progress) w->progress(w->arg, w->files, w->bytes);
  return NULL;
}

static err *write_archive(struct writer *w) {
  struct archive *a = w->archive;
  archive_write_set_format_pax_restricted(a);
  archive_write_add_filter_gzip(a);
  archive_write_set_filter_option(a, "gzip", "compression-level", "4"); /* 6 takes twice as long */
  archive_write_set_filter_option(a, "gzip", "timestamp", NULL);
  archive_write_set_bytes_per_block(a, TAR_BLOCK_SIZE);
  archive_write_set_bytes_in_last_block(a, 1);
  if (archive_write_open(a, w, NULL, on_packed, NULL) != ARCHIVE_OK) return writer_failed(w);
  for (size_t i = 0; i < w->p->len; i++) TRY(write_item(w, &w->p->items[i]));
  return archive_write_close(a) == ARCHIVE_OK ? NULL : writer_failed(w);
}

err *pack_write(pack *p, pack_write_fn *write, pack_progress_fn *progress, void *arg) {
  struct writer writer = {
      .p = p, .archive = archive_write_new(), .write = write, .progress = progress, .arg = arg};
  locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0); /* for names in pax headers */
  locale_t before = utf8 ? uselocale(utf8) : (locale_t)0;
  err *e = write_archive(&writer);
  if (e) archive_write_fail(writer.archive); /* or freeing would go on writing */
  archive_write_free(writer.archive);
  err_free(writer.error);
  if (utf8) {
    uselocale(before);
    freelocale(utf8);
  }
  return e;
}

struct fd_writer {
  int fd;
  pack_progress_fn *progress;
  void *arg;
};

static err *write_to_fd(void *arg, const void *data, size_t size) {
  const struct fd_writer *w = arg;
  for (const char *at = data; size;) {
    ssize_t done = write(w->fd, at, size);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return err_errno(errno, "writing the archive");
    at += done;
    size -= (size_t)done;
  }
  return NULL;
}

static void pass_progress(void *arg, int64_t files, int64_t bytes) {
  const struct fd_writer *w = arg;
  w->progress(w->arg, files, bytes);
}

err *pack_write_fd(pack *p, int fd, pack_progress_fn *progress, void *arg) {
  struct fd_writer writer = {.fd = fd, .progress = progress, .arg = arg};
  return pack_write(p, write_to_fd, progress ? pass_progress : NULL, &writer);
}
