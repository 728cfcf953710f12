/* backup_restore of daemon/backup.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "build/image_export.h"
#include "daemon/backup.h"
#include "daemon/backup_archive.h"
#include "daemon/backup_internal.h"
#include "daemon/config.h"
#include "daemon/lock.h"
#include "source/archive_unpack.h"
#include "store/migrate.h"

/* Root's own file, checked against its manifest before: these keep a damaged one from filling the
 * disk for ever. */
static const struct unpack_limits limits = {
    .entries = 5000000, .total_bytes = INT64_C(1) << 40, .ratio = 100000};

#define UNPACKED ".restore.new" /* in the data folder: being made, of no meaning when left over */
#define DECIDED ".restore"      /* the same, whole: what it has replaces what is there */

struct restoring {
  const char *data_dir;
  char *unpacked, *decided;
  char *aside; /* where what is there goes */
  bool has_key; /* the backup, or it is from before there were keys */
  const struct config *config;
  const json_t *manifest;
};

static void look_around(struct restoring *r, const char *data_dir) {
  char now[CLOCK_TEXT_SIZE];
  clock_format(clock_now_us(), now);
  *r = (struct restoring){.data_dir = data_dir,
                          .unpacked = path_join(data_dir, UNPACKED),
                          .decided = path_join(data_dir, DECIDED),
                          .aside = str_format("%s/replaced-%.19s", data_dir, now)};
}

static void restoring_done(struct restoring *r) {
  free(r->unpacked);
  free(r->decided);
  free(r->aside);
}
#define auto_restoring __attribute__((cleanup(restoring_done))) struct restoring

static err *load_config(const char *path, const struct str *archived, struct config **ret_config) {
  if (file_exists(path)) return config_load(path, ret_config);
  return config_parse(archived->data ? archived->data : "", archived->len, BACKUP_CONFIG " of the backup", ret_config);
}

/* --- the new state, beside the old one --- */

/* Opening it brings it to this version's tables, or says that it is from a newer one, or that the key is
 * another one. */
static err *prepare_database(const struct restoring *r) {
  auto_free char *path = path_join(r->unpacked, BACKUP_DATABASE);
  auto_free char *key_path = path_join(r->has_key ? r->unpacked : r->data_dir, STORE_KEY_FILE);
  auto_db *d = NULL;
  if (!file_exists(path)) return err_new(ERR_INVALID, "the backup has no database");
  if (chmod(path, 0600) < 0) return err_errno(errno, "setting the mode of '%s'", path);
  return store_open_with_key(path, key_path, &d);
}

static err *make_private(const struct restoring *r) {
  for (const char *const *name = backup_files; *name; name++) {
    auto_free char *path = path_join(r->unpacked, *name);
    if (chmod(path, 0600) < 0 && errno != ENOENT) return err_errno(errno, "setting the mode of '%s'", path);
  }
  return NULL;
}

static err *sync_all(const char *folder) {
  auto_fd fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || syncfs(fd) < 0) return err_errno(errno, "writing '%s' to disk", folder);
  return NULL;
}

/* Beside the images that are there: one that nobody needs in the end is tidied away some day. */
static err *import_images(const struct restoring *r) {
  auto_free char *from = path_join(r->unpacked, BACKUP_IMAGES);
  if (!file_exists(from)) return NULL;
  TRY(image_import(r->data_dir, from));
  return file_remove_tree(from);
}

static err *unpack(const struct restoring *r, int fd) {
  TRY(file_remove_tree(r->unpacked));
  TRY(backup_check_volumes_unused(r->config));
  if (lseek(fd, 0, SEEK_SET) < 0) return err_errno(errno, "reading the backup");
  TRY(archive_unpack_fd(fd, r->unpacked, &limits, NULL));
  err *e = make_private(r);
  if (!e) e = prepare_database(r);
  if (!e) e = backup_restore_volumes(r->config, r->unpacked, r->manifest);
  if (!e) e = import_images(r);
  if (!e) e = sync_all(r->unpacked);
  if (!e && rename(r->unpacked, r->decided) < 0) e = err_errno(errno, "renaming '%s'", r->unpacked);
  if (e) err_ignore(file_remove_tree(r->unpacked));
  return e;
}

/* --- the exchange --- */

/* Moves from/name to to/name; nothing there is success. */
static err *move(const char *from_dir, const char *to_dir, const char *name) {
  auto_free char *from = path_join(from_dir, name), *to = path_join(to_dir, name);
  if (!file_exists(from)) return NULL;
  auto_free char *folder = str_ndup(to, (size_t)(strrchr(to, '/') - to));
  TRY(file_make_dirs(folder, 0700));
  if (rename(from, to) < 0) return err_errno(errno, "moving '%s' to '%s'", from, to);
  return NULL;
}

/* Doing it again after an interruption does what is left to do. */
static err *replace(const struct restoring *r, const char *name) {
  auto_free char *fresh = path_join(r->decided, name);
  if (!file_exists(fresh)) return NULL;
  TRY(move(r->data_dir, r->aside, name));
  return move(r->decided, r->data_dir, name);
}

static err *replace_database(const struct restoring *r) {
  auto_free char *fresh = path_join(r->decided, BACKUP_DATABASE);
  if (!file_exists(fresh)) return NULL;
  TRY(move(r->data_dir, r->aside, BACKUP_DATABASE "-wal"));
  TRY(move(r->data_dir, r->aside, BACKUP_DATABASE "-shm"));
  return replace(r, BACKUP_DATABASE);
}

/* They are named by what is in them: one that is there already is the same. */
static err *move_snapshots(const struct restoring *r) {
  auto_free char *from = path_join(r->decided, BACKUP_SNAPSHOTS), *to = path_join(r->data_dir, BACKUP_SNAPSHOTS);
  DIR *dir = opendir(from);
  if (!dir) return NULL;
  err *e = file_make_dirs(to, 0700);
  for (struct dirent *entry; !e && (entry = readdir(dir));) {
    auto_free char *there = path_join(to, entry->d_name);
    if (entry->d_name[0] != '.' && !file_exists(there)) e = move(from, to, entry->d_name);
  }
  closedir(dir);
  return e;
}

static err *exchange(const struct restoring *r) {
  TRY(move_snapshots(r));
  for (const char *const *name = backup_files; *name; name++) TRY(replace(r, *name));
  TRY(replace(r, BACKUP_REPOS));
  TRY(replace(r, BACKUP_VOLUMES));
  TRY(replace_database(r));
  TRY(sync_all(r->data_dir));
  return file_remove_tree(r->decided);
}

err *backup_finish_restore(const char *data_dir) {
  auto_restoring r;
  look_around(&r, data_dir);
  if (!file_exists(r.decided)) return NULL;
  log_info("tramd", "finishing a restore that was interrupted");
  return err_wrap(exchange(&r), "finishing a restore");
}

static err *put_config(const char *path, const struct str *archived) {
  if (file_exists(path) || !archived->len) return NULL;
  auto_free char *folder = str_ndup(path, (size_t)(strrchr(path, '/') ? strrchr(path, '/') - path : 0));
  if (*folder) TRY(file_make_dirs(folder, 0755));
  return file_write(path, archived->data, archived->len, 0640);
}

static err *restore_into(const struct restoring *r, int fd, bool has_state, bool force) {
  if (has_state && !force)
    return err_new(ERR_CONFLICT, "'%s' has the state of a Tramway already: --force moves it aside", r->data_dir);
  TRY(file_make_dirs(r->data_dir, 0700));
  TRY(backup_finish_restore(r->data_dir));
  TRY(unpack(r, fd));
  return exchange(r);
}

static void tell(const struct restoring *r, const json_t *manifest, bool has_state) {
  printf("restored into %s: the state of Tramway %s as of %s\n", r->data_dir,
         json_get_text(manifest, "version"), json_get_text(manifest, "created"));
  if (has_state) printf("what was there is in %s\n", r->aside);
  printf("with %lld images and %zu volumes\n", (long long)json_get_int(manifest, "images", 0),
         json_object_size(json_object_get(manifest, "volumes")));
  printf("start tramd: what has its image on this machine runs again, deploy the rest anew: tram up%s\n",
         json_get_bool(manifest, "snapshots", false) ? ", or tram redeploy" : "");
}

static err *restore(const char *config_path, int fd, bool force) {
  auto_str archived = STR_EMPTY;
  auto_json *manifest = NULL;
  auto_config *config = NULL;
  auto_restoring r = {0};
  TRY(backup_verify(fd, &manifest, &archived));
  TRY(load_config(config_path, &archived, &config));
  TRY(lock_take(config->data.run_dir));
  look_around(&r, config->data.dir);
  auto_free char *database = path_join(config->data.dir, BACKUP_DATABASE);
  bool has_state = file_exists(database);
  r.has_key = json_get_bool(manifest, "key", true);
  r.config = config;
  r.manifest = manifest;
  TRY(restore_into(&r, fd, has_state, force));
  TRY(put_config(config_path, &archived));
  tell(&r, manifest, has_state);
  return NULL;
}

err *backup_restore(const char *config_path, const char *path, bool force) {
  auto_fd fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return err_errno(errno, "opening '%s'", path);
  locale_t before = backup_locale_begin();
  err *e = restore(config_path, fd, force);
  backup_locale_end(before);
  return err_wrap(e, "restoring '%s'", path);
}
