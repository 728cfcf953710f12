#include "engine/local/loop_device.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

/* Somebody else may take the free device that we were told of, or the one that we found may go. */
enum { TRIES = 32 };

static bool has_file(int device, const struct stat *file) {
  struct loop_info64 info;
  return ioctl(device, LOOP_GET_STATUS64, &info) == 0 && info.lo_device == file->st_dev &&
         info.lo_inode == file->st_ino;
}

/* `name` is "loop7".  Only devices that have a file are opened. */
static bool open_if_has(const char *name, const struct stat *file, struct loop_device *d) {
  char attached[64];
  snprintf(attached, sizeof attached, "/sys/block/%.16s/loop/backing_file", name);
  if (access(attached, F_OK) != 0) return false;
  snprintf(d->path, sizeof d->path, "/dev/%.16s", name);
  d->fd = open(d->path, O_RDWR | O_CLOEXEC);
  if (d->fd >= 0 && has_file(d->fd, file)) return true;
  loop_device_close(d);
  return false;
}

static err *find(const struct stat *file, struct loop_device *d, bool *ret_found) {
  DIR *folder = opendir("/sys/block");
  if (!folder) return err_errno(errno, "opening /sys/block");
  err *e = NULL;
  *ret_found = false;
  for (struct dirent *entry; !*ret_found && (entry = folder_next(folder, "/sys/block", &e));)
    *ret_found = str_starts(entry->d_name, "loop") && open_if_has(entry->d_name, file, d);
  closedir(folder);
  return e;
}

static err *open_free(struct loop_device *d) {
  auto_fd control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  if (control < 0)
    return err_recode(err_errno(errno, "opening /dev/loop-control: volumes need loop devices (modprobe loop)"),
                      ERR_NOT_FOUND);
  int number = ioctl(control, LOOP_CTL_GET_FREE);
  if (number < 0) return err_errno(errno, "asking for a free loop device");
  snprintf(d->path, sizeof d->path, "/dev/loop%d", number);
  d->fd = open(d->path, O_RDWR | O_CLOEXEC);
  return d->fd < 0 ? err_errno(errno, "opening '%s'", d->path) : NULL;
}

static void refuse_discards(const struct loop_device *d) {
  auto_free char *path = str_format("/sys/block/%s/queue/discard_max_bytes", strrchr(d->path, '/') + 1);
  auto_fd fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, "0", 1) < 0)
    log_line(LOG_LEVEL_DEBUG, "engine", "'%s': %s", path, strerror(errno));
}

static err *attach(int file, const char *name, struct loop_device *d, bool *ret_taken) {
  struct loop_config config = {.fd = (uint32_t)file};
  config.info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO;
  snprintf((char *)config.info.lo_file_name, LO_NAME_SIZE, "%s", name);
  *ret_taken = false;
  if (ioctl(d->fd, LOOP_CONFIGURE, &config) == 0) return NULL;
  *ret_taken = errno == EBUSY;
  err *e = err_errno(errno, "putting '%s' behind '%s'", name, d->path);
  loop_device_close(d);
  return e;
}

static err *attach_to_free(int fd, const char *file, struct loop_device *d) {
  err *e = NULL;
  bool taken = true;
  for (int i = 0; i < TRIES && taken; i++) {
    err_free(e);
    TRY(open_free(d));
    e = attach(fd, file, d, &taken);
  }
  return e;
}

err *loop_device_open(const char *file, bool discards, struct loop_device *ret_device) {
  auto_fd fd = open(file, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  struct stat info;
  if (fd < 0 || fstat(fd, &info) < 0) return err_errno(errno, "opening '%s'", file);
  bool found;
  struct loop_device d = {.fd = -1};
  TRY(find(&info, &d, &found));
  if (!found) TRY(attach_to_free(fd, file, &d));
  if (!discards) refuse_discards(&d);
  *ret_device = d;
  return NULL;
}

err *loop_device_is_behind(const char *file, bool *ret_is) {
  struct stat info;
  struct loop_device d = {.fd = -1};
  if (stat(file, &info) < 0) return err_errno(errno, "looking at '%s'", file);
  TRY(find(&info, &d, ret_is));
  loop_device_close(&d);
  return NULL;
}

void loop_device_close(struct loop_device *d) {
  if (d->fd >= 0) close(d->fd);
  d->fd = -1;
}

err *loop_device_grow(const struct loop_device *d) {
  if (ioctl(d->fd, LOOP_SET_CAPACITY) == 0) return NULL;
  return err_errno(errno, "telling '%s' of its new size", d->path);
}
