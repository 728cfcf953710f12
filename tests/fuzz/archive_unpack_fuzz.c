/* Any bytes as an archive: it is refused and leaves nothing, or stays inside its folder. */
#include "source/archive_unpack.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* On tmpfs where there is one; checked for leaks to its parent after each run. */
static const char *area(void) {
  static char path[] = "/dev/shm/tramway-fuzz-XXXXXX";
  static int made;
  if (!made && !mkdtemp(path)) abort();
  made = 1;
  return path;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  int fd = memfd_create("archive", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0) abort();
  char *out = path_join(area(), "out");
  struct unpack_limits limits = {.entries = 200, .total_bytes = 1 << 20};
  err *e = archive_unpack_fd(fd, out, &limits, NULL);
  if (e && file_exists(out)) abort();
  err_free(e);
  err_ignore(file_remove_tree(out));
  if (rmdir(area()) < 0) abort(); /* something was left outside of `out` */
  if (mkdir(area(), 0700) < 0) abort();
  close(fd);
  free(out);
  return 0;
}
