#include "source/archive_unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/tree.h"

enum { READ_SIZE = 128 * 1024 };
#define RATIO_FROM_BYTES (INT64_C(64) << 20)

struct unpacker {
  struct archive *archive;
  struct tree *tree;
  struct unpack_limits limits;
  struct unpack_result result;
  int fd;
  int64_t packed_bytes; /* read from fd */
  int read_error;       /* errno of a failed read: libarchive may take it for the end */
  char buffer[READ_SIZE];
};

/* What libarchive found wrong, in our words: its text alone speaks of internals. */
static err *archive_failed(struct unpacker *u) {
  if (u->read_error) return err_errno(u->read_error, "reading the archive");
  const char *text = archive_error_string(u->archive);
  auto_free char *shown = tree_printable(text ? text : "it ends too early");
  if (u->result.entries == 0)
    return err_new(ERR_INVALID, "not a whole tar archive (plain, gzip, zstd or xz): %s", shown);
  return err_new(ERR_INVALID, "the archive is damaged or cut off after %lld entries: %s",
                 (long long)u->result.entries, shown);
}

static err *refuse_entry(enum err_code code, const char *name, const char *reason) {
  auto_free char *shown = tree_printable(name);
  return err_new(code, "entry '%s' %s: refused", shown, reason);
}

static la_ssize_t read_packed(struct archive *archive, void *arg, const void **ret_data) {
  struct unpacker *u = arg;
  *ret_data = u->buffer;
  for (;;) {
    ssize_t got = read(u->fd, u->buffer, sizeof u->buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got >= 0) {
      u->packed_bytes += got;
    } else {
      u->read_error = errno;
      archive_set_error(archive, errno, "reading: %s", strerror(errno));
    }
    return got;
  }
}

static err *count_bytes(struct unpacker *u, int64_t bytes, const char *name) {
  if (bytes < 0 || bytes > u->limits.total_bytes - u->result.total_bytes) {
    auto_free char *shown = tree_printable(name);
    return err_new(ERR_LIMIT, "entry '%s' makes the source larger than %lld MiB: refused", shown,
                   (long long)(u->limits.total_bytes >> 20));
  }
  u->result.total_bytes += bytes;
  return NULL;
}

/* Looked at while unpacking: what the packed bytes so far may have grown to. */
static err *check_ratio(const struct unpacker *u, int64_t unpacked, const char *name) {
  if (unpacked < RATIO_FROM_BYTES || unpacked / u->limits.ratio <= u->packed_bytes) return NULL;
  auto_free char *shown = tree_printable(name);
  return err_new(ERR_LIMIT,
                 "entry '%s' looks like a decompression bomb (more than %lld : 1): refused", shown,
                 (long long)u->limits.ratio);
}

static err *write_at(int fd, const char *data, size_t size, int64_t offset, const char *path) {
  while (size) {
    ssize_t done = pwrite(fd, data, size, offset);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) {
      int number = errno;
      auto_free char *shown = tree_printable(path);
      return err_errno(number, "writing '%s'", shown);
    }
    data += done;
    offset += done;
    size -= (size_t)done;
  }
  return NULL;
}

static err *copy_content(struct unpacker *u, int fd, int64_t size, const char *path) {
  for (;;) {
    const void *data;
    size_t len;
    la_int64_t offset;
    int status = archive_read_data_block(u->archive, &data, &len, &offset);
    if (status == ARCHIVE_EOF) break;
    if (status < ARCHIVE_WARN) return archive_failed(u);
    if (offset < 0 || offset > size || (int64_t)len > size - offset)
      return refuse_entry(ERR_INVALID, path, "holds more than it says");
    TRY(check_ratio(u, u->result.total_bytes - size + offset + (int64_t)len, path));
    TRY(write_at(fd, data, len, offset, path));
  }
  if (ftruncate(fd, size) < 0) return err_errno(errno, "writing a file of the archive");
  return NULL;
}

static err *add_file(struct unpacker *u, struct archive_entry *entry, const char *path) {
  int64_t size = archive_entry_size_is_set(entry) ? archive_entry_size(entry) : 0;
  TRY(count_bytes(u, size, path));
  auto_fd fd = -1;
  TRY(tree_add_file(u->tree, path, archive_entry_perm(entry) & S_IXUSR, &fd));
  u->result.files++;
  return copy_content(u, fd, size, path);
}

static err *add_hard_link(struct unpacker *u, const char *target, const char *path) {
  auto_free char *target_path = NULL;
  int64_t size = 0;
  TRY(err_wrap(tree_clean_path(target, &target_path), "hard link '%s'", path));
  TRY(tree_add_hard_link(u->tree, path, target_path, &size));
  u->result.files++;
  return count_bytes(u, size, path);
}

static const char *kind_name(mode_t type) {
  switch (type) {
  case AE_IFCHR:
  case AE_IFBLK: return "is a device node";
  case AE_IFIFO: return "is a fifo";
  case AE_IFSOCK: return "is a socket";
  default: return "is of an unknown kind";
  }
}

static err *add_entry(struct unpacker *u, struct archive_entry *entry) {
  const char *name = archive_entry_pathname(entry);
  if (str_empty(name)) return err_new(ERR_INVALID, "an entry has no name: refused");
  if (++u->result.entries > u->limits.entries)
    return err_new(ERR_LIMIT, "more than %lld entries: refused", (long long)u->limits.entries);
  TRY(check_ratio(u, archive_filter_bytes(u->archive, 0), name)); /* also a bomb of empty entries */
  auto_free char *path = NULL;
  TRY(tree_clean_path(name, &path));
  const char *hard_link = archive_entry_hardlink(entry);
  if (hard_link) return add_hard_link(u, hard_link, path);
  mode_t type = archive_entry_filetype(entry);
  if (type == AE_IFDIR) return tree_add_folder(u->tree, path);
  if (type == AE_IFREG) return add_file(u, entry, path);
  if (type != AE_IFLNK) return refuse_entry(ERR_INVALID, name, kind_name(type));
  const char *target = archive_entry_symlink(entry);
  u->result.files++;
  return tree_add_link(u->tree, path, target ? target : "");
}

/* What follows the end of a compressed stream is not what was meant to be sent. */
static err *check_end(struct unpacker *u) {
  const void *rest;
  if (u->read_error) return archive_failed(u);
  if (u->packed_bytes == archive_filter_bytes(u->archive, -1) &&
      read_packed(u->archive, u, &rest) == 0)
    return NULL;
  if (u->read_error) return archive_failed(u);
  return err_new(ERR_INVALID, "something follows the end of the archive: refused");
}

static err *read_entries(struct unpacker *u) {
  struct archive_entry *entry;
  for (;;) {
    int status = archive_read_next_header(u->archive, &entry);
    if (status == ARCHIVE_EOF) break;
    if (status == ARCHIVE_RETRY) continue;
    if (status < ARCHIVE_WARN) return archive_failed(u);
    TRY(add_entry(u, entry));
  }
  TRY(tree_check_links(u->tree));
  return check_end(u);
}

static err *open_archive(struct unpacker *u) {
  struct archive *a = u->archive;
  archive_read_support_filter_gzip(a);
  archive_read_support_filter_zstd(a);
  archive_read_support_filter_xz(a);
  archive_read_support_format_tar(a);
  /* Goes on behind the first end mark, so that what hides there is looked at too. */
  archive_read_set_option(a, "tar", "read_concatenated_archives", "1");
  if (archive_read_open(a, u, NULL, read_packed, NULL) != ARCHIVE_OK) return archive_failed(u);
  return NULL;
}

static struct unpack_limits with_defaults(const struct unpack_limits *limits) {
  struct unpack_limits l = limits ? *limits : (struct unpack_limits){0};
  if (l.entries <= 0) l.entries = UNPACK_ENTRIES;
  if (l.total_bytes <= 0) l.total_bytes = UNPACK_TOTAL_BYTES;
  if (l.ratio <= 0) l.ratio = UNPACK_RATIO;
  return l;
}

static err *unpack_into(struct unpacker *u, const char *folder) {
  TRY(tree_open(folder, &u->tree));
  TRY(open_archive(u));
  return read_entries(u);
}

err *archive_unpack_fd(int fd, const char *folder, const struct unpack_limits *limits,
                       struct unpack_result *ret_result) {
  if (mkdir(folder, 0700) < 0) return err_errno(errno, "making the folder '%s'", folder);
  struct unpacker *u = mem_zalloc(sizeof *u);
  u->fd = fd;
  u->limits = with_defaults(limits);
  u->archive = archive_read_new();
  /* libarchive turns names of pax headers into the locale's encoding; this thread's is UTF-8. */
  locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
  locale_t before = utf8 ? uselocale(utf8) : (locale_t)0;
  err *e = unpack_into(u, folder);
  archive_read_free(u->archive);
  if (utf8) {
    uselocale(before);
    freelocale(utf8);
  }
  tree_close(u->tree);
  if (e)
    err_ignore(file_remove_tree(folder));
  else if (ret_result)
    *ret_result = u->result;
  free(u);
  return e;
}

err *archive_unpack(const char *archive_path, const char *folder,
                    const struct unpack_limits *limits, struct unpack_result *ret_result) {
  auto_fd fd = open(archive_path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return err_errno(errno, "opening the archive '%s'", archive_path);
  return archive_unpack_fd(fd, folder, limits, ret_result);
}
