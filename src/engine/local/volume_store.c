#include "engine/local/volume_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/usage.h"
#include "engine/local/loop_device.h"

/* The log of the file system comes on top of what was asked for; mkfs.xfs makes none smaller. */
#define LOG_BYTES (INT64_C(64) << 20)
enum { BLOCK = 4096, STAT_BLOCK = 512, INODES_PERCENT = 25 };

/* Of linux's fs/xfs/libxfs/xfs_fs.h, which is not among its user headers. */
struct xfs_growfs_data {
  uint64_t newblocks;
  uint32_t imaxpct;
};
#define XFS_IOC_FSGROWFSDATA _IOW('X', 110, struct xfs_growfs_data)

#define NEW_PREFIX ".new-"
#define GONE_PREFIX ".gone-"

void volume_store_init(struct volume_store *s, const char *data_dir, const char *run_dir,
                       int64_t reserve_bytes) {
  s->folder = path_join(data_dir, "volumes");
  s->mounts = path_join(run_dir, "v");
  s->reserve_bytes = reserve_bytes;
  pthread_mutex_init(&s->lock, NULL);
  pthread_mutex_init(&s->space, NULL);
}

void volume_store_done(struct volume_store *s) {
  if (!s->folder) return;
  free(s->folder);
  free(s->mounts);
  pthread_mutex_destroy(&s->lock);
  pthread_mutex_destroy(&s->space);
}

err *volume_store_make_folders(const struct volume_store *s) {
  TRY(file_make_dirs(s->folder, 0700));
  return file_make_dirs(s->mounts, 0700);
}

static char *place_of(const struct volume_store *s, const char *prefix, const char *id, const char *name) {
  return str_format("%s/%s%s%s", s->folder, prefix, id, name);
}

static char *image_of(const struct volume_store *s, const char *id) {
  return place_of(s, "", id, "/image");
}

char *volume_store_files(const struct volume_store *s, const char *id, const char *snapshot) {
  return snapshot ? str_format("%s/%s/snapshots/%s", s->mounts, id, snapshot)
                  : str_format("%s/%s/files", s->mounts, id);
}

/* --- Space ----------------------------------------------------------------------- */

/* What was promised and is not set aside, where the disk's file system cannot do that. */
static err *unkept_promises(const struct volume_store *s, int64_t *ret_bytes) {
  DIR *folder = opendir(s->folder);
  if (!folder) return err_errno(errno, "opening '%s'", s->folder);
  err *e = NULL;
  *ret_bytes = 0;
  for (struct dirent *entry; (entry = folder_next(folder, s->folder, &e));) {
    auto_free char *image = image_of(s, entry->d_name);
    struct stat info;
    if (stat(image, &info) < 0) continue;
    int64_t missing = (int64_t)info.st_size - (int64_t)info.st_blocks * STAT_BLOCK;
    if (missing > 0) *ret_bytes += missing;
  }
  closedir(folder);
  return e;
}

static err *check_room(const struct volume_store *s, int64_t more_bytes) {
  struct usage_space space;
  int64_t promised = 0;
  TRY(usage_space_of(s->folder, &space));
  TRY(unkept_promises(s, &promised));
  int64_t reserve = s->reserve_bytes ? s->reserve_bytes : usage_reserve(&space);
  int64_t room = space.free_bytes - promised - reserve;
  if (more_bytes <= room) return NULL;
  return err_new(ERR_LIMIT,
                 "the disk has no room for %lld MB more: %lld MB are free, and %lld MB of them are kept "
                 "for the platform and for other volumes.  Choose a smaller size, or remove volumes from "
                 "the trash",
                 (long long)(more_bytes / 1000000), (long long)(space.free_bytes / 1000000),
                 (long long)((reserve + promised) / 1000000));
}

/* Where files are written elsewhere when they change (Btrfs), what is set aside would be of no use. */
static void write_in_place(int fd) {
  int flags;
  if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0) return;
  flags |= FS_NOCOW_FL;
  (void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

static err *set_aside(int fd, const char *path, int64_t bytes) {
  while (fallocate(fd, 0, 0, bytes) < 0) {
    if (errno == EINTR) continue;
    if (errno != EOPNOTSUPP && errno != ENOSYS)
      return err_errno(errno, "setting %lld MB aside for '%s'", (long long)(bytes / 1000000), path);
    log_warn("engine", "the disk of '%s' cannot set space aside: a full disk will be a full volume", path);
    if (ftruncate(fd, bytes) < 0) return err_errno(errno, "making '%s' larger", path);
    break;
  }
  return fsync(fd) < 0 ? err_errno(errno, "syncing '%s'", path) : NULL;
}

/* The file has `from` bytes and gets `to`. */
static err *take_space(struct volume_store *s, int fd, const char *path, int64_t from, int64_t to) {
  pthread_mutex_lock(&s->space);
  err *e = check_room(s, to - from);
  if (!e) e = set_aside(fd, path, to);
  pthread_mutex_unlock(&s->space);
  return e;
}

static int64_t file_bytes(int64_t size_bytes) {
  return (size_bytes + LOG_BYTES + BLOCK - 1) / BLOCK * BLOCK;
}

int64_t volume_size_of_file(int64_t bytes) {
  return bytes - LOG_BYTES;
}

/* --- Making and growing ---------------------------------------------------------- */

static err *make_image(struct volume_store *s, const char *id, int64_t bytes) {
  auto_free char *folder = place_of(s, NEW_PREFIX, id, ""), *image = path_join(folder, "image");
  TRY(file_remove_tree(folder));
  TRY(file_make_dirs(folder, 0700));
  auto_fd fd = open(image, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return err_errno(errno, "making '%s'", image);
  write_in_place(fd);
  err *e = take_space(s, fd, image, 0, bytes);
  if (e) err_ignore(file_remove_tree(folder));
  return e;
}

static err *grow_image(struct volume_store *s, const char *id, int64_t from, int64_t to) {
  if (to < from)
    return err_new(ERR_INVALID, "the volume has %lld MB already, and a volume cannot shrink",
                   (long long)((from - LOG_BYTES) / 1000000));
  if (to > from) {
    auto_free char *image = image_of(s, id);
    auto_fd fd = open(image, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return err_errno(errno, "opening '%s'", image);
    TRY(take_space(s, fd, image, from, to));
  }
  return volume_store_mount(s, id);
}

err *volume_store_prepare(struct volume_store *s, const char *id, int64_t size_bytes, bool *ret_is_new) {
  auto_free char *image = image_of(s, id);
  struct stat info;
  int64_t bytes = file_bytes(size_bytes);
  bool is_new = stat(image, &info) < 0;
  if (is_new && errno != ENOENT) return err_errno(errno, "looking at '%s'", image);
  TRY(volume_store_make_folders(s));
  TRY(is_new ? make_image(s, id, bytes) : grow_image(s, id, (int64_t)info.st_size, bytes));
  *ret_is_new = is_new;
  return NULL;
}

void volume_format_argv(const struct volume_store *s, const char *id, struct strv *argv) {
  auto_free char *image = place_of(s, NEW_PREFIX, id, "/image");
  /* -K: what is set aside stays so. */
  strv_add_all(argv, (const char *const[]){"mkfs.xfs", "-q", "-f", "-K", NULL});
  strv_add(argv, "-l");
  strv_addf(argv, "size=%lld", (long long)LOG_BYTES);
  strv_add(argv, "-i");
  strv_addf(argv, "maxpct=%d", INODES_PERCENT);
  strv_add_all(argv, (const char *const[]){"-m", "reflink=1,bigtime=1", image, NULL});
}

/* --- Mounting -------------------------------------------------------------------- */

bool volume_is_mounted(const char *point) {
  struct statx info;
  return statx(AT_FDCWD, point, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &info) == 0 &&
         (info.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

static err *mount_device(const char *device, const char *point) {
  if (mount(device, point, "xfs", MS_NODEV | MS_NOSUID | MS_NOATIME, NULL) == 0) return NULL;
  int number = errno;
  err *e = err_errno(number, "mounting '%s' on '%s'", device, point);
  if (number == ENODEV) return err_wrap(e, "this kernel has no XFS");
  return number == EUCLEAN ? err_wrap(err_recode(e, ERR_CORRUPT), "its file system is damaged (xfs_repair)")
                           : e;
}

/* Up to the size of the file, when it is smaller. */
static err *grow_file_system(const struct loop_device *device, const char *point, int64_t bytes) {
  TRY(loop_device_grow(device));
  auto_fd fd = open(point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct xfs_growfs_data wanted = {.newblocks = (uint64_t)(bytes / BLOCK), .imaxpct = INODES_PERCENT};
  if (fd >= 0 && ioctl(fd, XFS_IOC_FSGROWFSDATA, &wanted) == 0) return NULL;
  return err_errno(errno, "letting the file system of '%s' grow", point);
}

/* As it nearly always is: nothing is to be done then. */
static bool is_in_order(const char *point, int64_t bytes) {
  struct statvfs info;
  return volume_is_mounted(point) && statvfs(point, &info) == 0 &&
         (int64_t)info.f_blocks * (int64_t)info.f_frsize + LOG_BYTES >= bytes;
}

static err *mount_image(const char *image, const char *point) {
  struct loop_device device;
  struct stat info;
  if (stat(image, &info) < 0)
    return errno == ENOENT ? err_new(ERR_NOT_FOUND, "there is no such volume")
                           : err_errno(errno, "looking at '%s'", image);
  if (is_in_order(point, (int64_t)info.st_size)) return NULL;
  TRY(file_make_dirs(point, 0700));
  /* Where nothing is set aside, what was deleted goes back to the disk when somebody trims. */
  bool discards = (int64_t)info.st_blocks * STAT_BLOCK < (int64_t)info.st_size;
  TRY(loop_device_open(image, discards, &device));
  err *e = volume_is_mounted(point) ? NULL : mount_device(device.path, point);
  if (!e) e = grow_file_system(&device, point, (int64_t)info.st_size);
  loop_device_close(&device);
  return e;
}

err *volume_store_mount(struct volume_store *s, const char *id) {
  auto_free char *image = image_of(s, id), *point = path_join(s->mounts, id);
  pthread_mutex_lock(&s->lock);
  err *e = mount_image(image, point);
  pthread_mutex_unlock(&s->lock);
  return err_wrap(e, "volume '%s'", id);
}

static err *unmount(const char *point) {
  while (umount2(point, UMOUNT_NOFOLLOW) == 0)
    continue;
  if (errno == EBUSY) /* somebody of the host looks at it: it goes when that ends */
    while (umount2(point, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
      continue;
  if (errno != EINVAL && errno != ENOENT) return err_errno(errno, "unmounting '%s'", point);
  return rmdir(point) < 0 && errno != ENOENT ? err_errno(errno, "removing '%s'", point) : NULL;
}

static err *sync_folder(const char *path) {
  auto_fd fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return fd < 0 || fsync(fd) < 0 ? err_errno(errno, "syncing '%s'", path) : NULL;
}

static err *fill(const char *point) {
  auto_free char *files = path_join(point, "files"), *snapshots = path_join(point, "snapshots");
  if (mkdir(files, 0755) < 0 || chmod(files, 0755) < 0) return err_errno(errno, "making '%s'", files);
  if (mkdir(snapshots, 0700) < 0) return err_errno(errno, "making '%s'", snapshots);
  auto_fd fd = open(point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return fd < 0 || syncfs(fd) < 0 ? err_errno(errno, "syncing '%s'", point) : NULL;
}

static err *finish(struct volume_store *s, const char *id) {
  auto_free char *unfinished = place_of(s, NEW_PREFIX, id, ""), *finished = place_of(s, "", id, "");
  auto_free char *image = path_join(unfinished, "image"), *point = path_join(s->mounts, id);
  err *e = mount_image(image, point);
  if (!e) e = fill(point);
  if (!e && rename(unfinished, finished) < 0) e = err_errno(errno, "naming '%s'", finished);
  if (!e) return sync_folder(s->folder);
  err_ignore(unmount(point));
  err_ignore(file_remove_tree(unfinished));
  return e;
}

err *volume_store_finish(struct volume_store *s, const char *id) {
  pthread_mutex_lock(&s->lock);
  err *e = finish(s, id);
  pthread_mutex_unlock(&s->lock);
  return e;
}

/* --- The rest -------------------------------------------------------------------- */

err *volume_store_usage(struct volume_store *s, const char *id, struct volume_usage *ret_usage) {
  auto_free char *point = path_join(s->mounts, id);
  TRY(volume_store_mount(s, id));
  struct statvfs info;
  if (statvfs(point, &info) < 0) return err_errno(errno, "asking how full '%s' is", point);
  int64_t block = (int64_t)info.f_frsize;
  *ret_usage = (struct volume_usage){.used_bytes = (int64_t)(info.f_blocks - info.f_bfree) * block,
                                     .size_bytes = (int64_t)info.f_blocks * block,
                                     .files_used = (int64_t)(info.f_files - info.f_ffree),
                                     .files = (int64_t)info.f_files};
  return NULL;
}

static err *remove_volume(struct volume_store *s, const char *id) {
  auto_free char *folder = place_of(s, "", id, ""), *gone = place_of(s, GONE_PREFIX, id, "");
  auto_free char *point = path_join(s->mounts, id);
  TRY(unmount(point));
  if (rename(folder, gone) < 0 && errno != ENOENT) return err_errno(errno, "removing '%s'", folder);
  return file_remove_tree(gone);
}

err *volume_store_remove(struct volume_store *s, const char *id) {
  pthread_mutex_lock(&s->lock);
  err *e = remove_volume(s, id);
  pthread_mutex_unlock(&s->lock);
  return err_wrap(e, "volume '%s'", id);
}

/* Calls fn for each entry of a folder; all of them, also when one fails; the first error. */
static err *each_entry(struct volume_store *s, const char *path,
                       err *(*fn)(struct volume_store *s, const char *name)) {
  DIR *folder = opendir(path);
  if (!folder) return errno == ENOENT ? NULL : err_errno(errno, "opening '%s'", path);
  err *e = NULL, *first = NULL;
  for (struct dirent *entry; (entry = folder_next(folder, path, &e));) {
    err *failed = fn(s, entry->d_name);
    if (first)
      err_ignore(failed);
    else
      first = failed;
  }
  closedir(folder);
  if (!first) return e;
  err_ignore(e);
  return first;
}

static err *unmount_stray(struct volume_store *s, const char *id) {
  auto_free char *folder = place_of(s, "", id, ""), *point = path_join(s->mounts, id);
  return file_exists(folder) ? NULL : unmount(point);
}

static err *remove_unfinished(struct volume_store *s, const char *name) {
  if (!str_starts(name, NEW_PREFIX) && !str_starts(name, GONE_PREFIX)) return NULL;
  auto_free char *path = path_join(s->folder, name);
  return file_remove_tree(path);
}

err *volume_store_tidy(struct volume_store *s) {
  pthread_mutex_lock(&s->lock);
  err *e = each_entry(s, s->mounts, unmount_stray);
  err *rest = each_entry(s, s->folder, remove_unfinished);
  pthread_mutex_unlock(&s->lock);
  if (!e) return rest;
  err_ignore(rest);
  return e;
}

static err *unmount_one(struct volume_store *s, const char *id) {
  auto_free char *point = path_join(s->mounts, id);
  return unmount(point);
}

err *volume_store_unmount(struct volume_store *s, const char *id) {
  pthread_mutex_lock(&s->lock);
  err *e = unmount_one(s, id);
  pthread_mutex_unlock(&s->lock);
  return e;
}

err *volume_store_unmount_all(struct volume_store *s) {
  pthread_mutex_lock(&s->lock);
  err *e = each_entry(s, s->mounts, unmount_one);
  pthread_mutex_unlock(&s->lock);
  return e;
}
