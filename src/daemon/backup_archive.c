#include "daemon/backup_archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/secret.h"
#include "source/walk.h"

enum { CHUNK_SIZE = 64 * 1024, CONFIG_MAX = 1024 * 1024 };

struct backup_writer {
  struct archive *archive;
  json_t *files; /* name → its SHA-256, or "-> target" of a link */
  int64_t bytes;
  const char *tree_name; /* while backup_add_tree walks */
};

static err *writing_failed(const backup_writer *w) {
  return err_new(ERR_IO, "writing the backup: %s", archive_error_string(w->archive));
}

err *backup_open(int fd, backup_writer **ret_writer) {
  backup_writer *w = mem_zalloc(sizeof *w);
  w->archive = archive_write_new();
  w->files = json_object();
  archive_write_set_format_pax_restricted(w->archive);
  archive_write_add_filter_zstd(w->archive);
  if (archive_write_open_fd(w->archive, fd) != ARCHIVE_OK) {
    err *e = writing_failed(w);
    backup_free(w);
    return e;
  }
  *ret_writer = w;
  return NULL;
}

void backup_free(backup_writer *w) {
  if (!w) return;
  archive_write_free(w->archive);
  json_decref(w->files);
  free(w);
}

int64_t backup_bytes(const backup_writer *w) {
  return w->bytes;
}

/* `target` is of a link, else NULL. */
static err *write_header(backup_writer *w, const char *name, const struct stat *info, const char *target) {
  struct archive_entry *entry = archive_entry_new();
  archive_entry_set_pathname(entry, name);
  archive_entry_set_filetype(entry, info->st_mode & S_IFMT);
  archive_entry_set_perm(entry, info->st_mode & 0777);
  archive_entry_set_size(entry, S_ISREG(info->st_mode) ? info->st_size : 0);
  archive_entry_set_mtime(entry, info->st_mtime, 0);
  if (target) archive_entry_set_symlink(entry, target);
  int status = archive_write_header(w->archive, entry);
  archive_entry_free(entry);
  return status < ARCHIVE_WARN ? writing_failed(w) : NULL;
}

static err *write_content(backup_writer *w, int fd, const char *name, int64_t size, sha256 *sum) {
  char chunk[CHUNK_SIZE];
  while (size > 0) {
    ssize_t got = read(fd, chunk, size < CHUNK_SIZE ? (size_t)size : CHUNK_SIZE);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return err_errno(errno, "reading '%s'", name);
    if (got == 0) return err_new(ERR_BUSY, "'%s' became shorter while it was read: try again", name);
    if (archive_write_data(w->archive, chunk, (size_t)got) != got) return writing_failed(w);
    sha256_add(sum, chunk, (size_t)got);
    size -= got;
  }
  return NULL;
}

static err *add_open_file(backup_writer *w, int fd, const char *name) {
  struct stat info;
  char hex[SHA256_HEX_SIZE];
  if (fstat(fd, &info) < 0) return err_errno(errno, "looking at '%s'", name);
  if (!S_ISREG(info.st_mode)) return err_new(ERR_INVALID, "'%s' is no file", name);
  TRY(write_header(w, name, &info, NULL));
  sha256 *sum = sha256_new();
  err *e = write_content(w, fd, name, info.st_size, sum);
  if (!e) sha256_hex(sum, hex);
  sha256_free(sum);
  if (e) return e;
  json_set_text(w->files, name, hex);
  w->bytes += info.st_size;
  return NULL;
}

err *backup_add_file(backup_writer *w, const char *path, const char *name) {
  auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* it may be a fifo */
  if (fd < 0) return err_errno(errno, "reading '%s'", path);
  return add_open_file(w, fd, name);
}

static err *add_link(backup_writer *w, const struct walk_entry *entry, const char *name) {
  char target[PATH_MAX];
  ssize_t len = readlinkat(entry->folder_fd, entry->name, target, sizeof target - 1);
  if (len < 0) return err_errno(errno, "reading the link '%s'", name);
  target[len] = '\0';
  auto_free char *noted = str_format("-> %s", target);
  json_set_text(w->files, name, noted);
  return write_header(w, name, &entry->info, target);
}

static err *add_entry(void *arg, const struct walk_entry *entry) {
  backup_writer *w = arg;
  auto_free char *name = path_join(w->tree_name, entry->path);
  if (S_ISDIR(entry->info.st_mode)) return write_header(w, name, &entry->info, NULL);
  if (S_ISLNK(entry->info.st_mode)) return add_link(w, entry, name);
  auto_fd fd = openat(entry->folder_fd, entry->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return err_errno(errno, "reading '%s'", name);
  return add_open_file(w, fd, name);
}

err *backup_add_tree(backup_writer *w, const char *path, const char *name, ignore *left_out) {
  struct walk_options walk = {.rules = left_out, .on_entry = add_entry, .arg = w};
  w->tree_name = name;
  return walk_folder(path, &walk);
}

err *backup_close(backup_writer *w, const json_t *about) {
  auto_json *manifest = json_deep_copy(about);
  json_object_set_new(manifest, "format", json_integer(BACKUP_FORMAT));
  json_object_set(manifest, "files", w->files);
  char *text = json_to_pretty_text(manifest);
  struct stat info = {.st_mode = S_IFREG | 0600, .st_size = (off_t)strlen(text)};
  err *e = write_header(w, BACKUP_MANIFEST, &info, NULL);
  if (!e && archive_write_data(w->archive, text, strlen(text)) != info.st_size) e = writing_failed(w);
  if (!e && archive_write_close(w->archive) != ARCHIVE_OK) e = writing_failed(w);
  free(text);
  return e;
}

/* --- reading --- */

struct reading {
  struct archive *archive;
  json_t *files; /* what is there, in the manifest's form */
  struct str manifest, *config;
};

static err *reading_failed(struct reading *r) {
  const char *text = archive_error_string(r->archive);
  return err_new(json_object_size(r->files) ? ERR_CORRUPT : ERR_INVALID,
                 "this is no whole backup: %s", text ? text : "it ends too early");
}

/* Content of one file: into its sum, and into `keep` (may be NULL) up to a limit. */
static err *read_content(struct reading *r, const char *name, struct str *keep, size_t limit) {
  char chunk[CHUNK_SIZE], hex[SHA256_HEX_SIZE];
  sha256 *sum = sha256_new();
  err *e = NULL;
  while (!e) {
    la_ssize_t got = archive_read_data(r->archive, chunk, sizeof chunk);
    if (got == 0) break;
    if (got < 0) e = reading_failed(r);
    else if (keep && keep->len + (size_t)got > limit) e = err_new(ERR_LIMIT, "'%s' in the backup is too large", name);
    if (e) break;
    sha256_add(sum, chunk, (size_t)got);
    if (keep) str_add_bytes(keep, chunk, (size_t)got);
  }
  sha256_hex(sum, hex);
  sha256_free(sum);
  if (!e && !str_eq(name, BACKUP_MANIFEST)) json_set_text(r->files, name, hex);
  return e;
}

static err *read_entry(struct reading *r, struct archive_entry *entry) {
  const char *name = archive_entry_pathname(entry);
  if (str_empty(name) || r->manifest.len) return err_new(ERR_CORRUPT, "the backup does not end with its manifest");
  if (json_object_get(r->files, name)) return err_new(ERR_CORRUPT, "'%s' is in the backup twice", name);
  mode_t type = archive_entry_filetype(entry);
  if (type == AE_IFDIR) return NULL;
  if (type == AE_IFLNK) {
    auto_free char *noted = str_format("-> %s", archive_entry_symlink(entry));
    json_set_text(r->files, name, noted);
    return NULL;
  }
  if (type != AE_IFREG || archive_entry_hardlink(entry))
    return err_new(ERR_CORRUPT, "'%s' in the backup is no file, folder or link", name);
  if (str_eq(name, BACKUP_MANIFEST)) return read_content(r, name, &r->manifest, BACKUP_MANIFEST_MAX);
  return read_content(r, name, str_eq(name, BACKUP_CONFIG) ? r->config : NULL, CONFIG_MAX);
}

static err *read_all(struct reading *r, int fd) {
  archive_read_support_filter_zstd(r->archive);
  archive_read_support_format_tar(r->archive);
  if (archive_read_open_fd(r->archive, fd, CHUNK_SIZE) != ARCHIVE_OK) return reading_failed(r);
  for (;;) {
    struct archive_entry *entry;
    int status = archive_read_next_header(r->archive, &entry);
    if (status == ARCHIVE_EOF) return NULL;
    if (status < ARCHIVE_WARN) return reading_failed(r);
    TRY(read_entry(r, entry));
  }
}

/* Both ways: nothing changed or missing, nothing that was not written. */
static err *compare(const json_t *expected, const json_t *files) {
  const char *name;
  json_t *sum;
  json_object_foreach((json_t *)expected, name, sum)
    if (!json_equal(sum, json_object_get(files, name)))
      return err_new(ERR_CORRUPT, "'%s' in the backup is not what was written", name);
  if (json_object_size(expected) == json_object_size(files)) return NULL;
  return err_new(ERR_CORRUPT, "the backup holds files that were not written into it");
}

err *backup_verify(int fd, json_t **ret_manifest, struct str *ret_config) {
  auto_str ignored = STR_EMPTY;
  auto_json *manifest = NULL, *files = json_object();
  struct reading r = {archive_read_new(), files, STR_EMPTY, ret_config ? ret_config : &ignored};
  err *e = read_all(&r, fd);
  if (!e && !r.manifest.len) e = err_new(ERR_INVALID, "this is no backup of Tramway: it has no " BACKUP_MANIFEST);
  if (!e) e = json_parse(str_text(&r.manifest), r.manifest.len, BACKUP_MANIFEST, &manifest);
  archive_read_free(r.archive);
  str_done(&r.manifest);
  if (e) return e;
  json_int_t format = json_integer_value(json_object_get(manifest, "format"));
  if (format < BACKUP_FORMAT_FIRST || format > BACKUP_FORMAT)
    return err_new(ERR_CONFLICT, "the backup was made by Tramway %s, in a form that this version does not know",
                   json_get_text(manifest, "version"));
  TRY(compare(json_object_get(manifest, "files"), files));
  *ret_manifest = json_incref(manifest);
  return NULL;
}
