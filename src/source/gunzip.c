#include "source/gunzip.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

enum { BLOCK = 65536 };

static err *write_whole(int fd, const char *data, size_t len) {
  while (len > 0) {
    ssize_t n = write(fd, data, len);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return err_errno(errno, "unpacking");
    data += n;
    len -= (size_t)n;
  }
  return NULL;
}

static err *no_gzip(struct archive *a) {
  const char *why = archive_error_string(a);
  return err_new(ERR_INVALID, "it is no gzip: %s", why ? why : "it cannot be read");
}

static err *copy(struct archive *a, const char *from, int fd, int64_t limit_bytes) {
  struct archive_entry *entry;
  auto_free char *block = mem_alloc(BLOCK);
  archive_read_support_filter_gzip(a);
  archive_read_support_format_raw(a);
  if (archive_read_open_filename(a, from, BLOCK) != ARCHIVE_OK || archive_filter_code(a, 0) != ARCHIVE_FILTER_GZIP)
    return no_gzip(a);
  if (archive_read_next_header(a, &entry) != ARCHIVE_OK) return no_gzip(a);
  while (limit_bytes > 0) {
    la_ssize_t got = archive_read_data(a, block, BLOCK);
    if (got < 0) return no_gzip(a);
    if (got == 0) return NULL;
    size_t kept = got < limit_bytes ? (size_t)got : (size_t)limit_bytes;
    TRY(write_whole(fd, block, kept));
    limit_bytes -= (int64_t)kept;
  }
  return NULL;
}

err *gunzip_file(const char *from, const char *to, int64_t limit_bytes) {
  auto_fd fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return err_errno(errno, "making '%s'", to);
  struct archive *a = archive_read_new();
  err *e = copy(a, from, fd, limit_bytes);
  archive_read_free(a);
  if (e) unlink(to);
  return e;
}
