#include "daemon/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/version.h"
#include "daemon/backup_archive.h"
#include "daemon/backup_internal.h"
#include "daemon/config.h"
#include "store/db_copy.h"
#include "store/migrate.h"
#include "store/sealed.h"

const char *const backup_files[] = {"setup-token", STORE_KEY_FILE, "engine/ranges.json", "engine/networks.json", NULL};

locale_t backup_locale_begin(void) {
  locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
  return utf8 ? uselocale(utf8) : (locale_t)0;
}

void backup_locale_end(locale_t before) {
  if (!before) return;
  freelocale(uselocale(before));
}

struct making {
  const struct config *config;
  const char *config_path;
  backup_writer *writer;
  json_t *about;
  const struct backup_parts *parts;
  const char *path; /* of the backup */
  char key_id[VAULT_KEY_ID_SIZE]; /* of the copy of the database */
};

/* ERR_NOT_FOUND becomes success: not everything is there at all times. */
static err *add_if_there(struct making *m, const char *path, const char *name) {
  err *e = backup_add_file(m->writer, path, name);
  if (!e || err_code_of(e) != ERR_NOT_FOUND) return e;
  err_free(e);
  return NULL;
}

/* The copy is made first: what the other files know more than it does no harm. */
static err *add_database(struct making *m, const char *copy_path) {
  auto_free char *path = path_join(m->config->data.dir, BACKUP_DATABASE);
  auto_db *d = NULL;
  int64_t version;
  if (!file_exists(path)) return err_new(ERR_NOT_FOUND, "there is nothing to back up: no '%s'", path);
  TRY(db_open(path, &d));
  TRY(migrate_version(d, &version));
  TRY(sealed_key_id(d, m->key_id));
  TRY(db_copy(d, copy_path));
  json_object_set_new(m->about, "database", json_integer(version));
  return backup_add_file(m->writer, copy_path, BACKUP_DATABASE);
}

/* A rotation that ran meanwhile would have left a backup that nobody can read. */
static err *add_key(struct making *m) {
  auto_free char *path = path_join(m->config->data.dir, STORE_KEY_FILE);
  auto_vault *v = NULL;
  if (m->parts->no_key || !*m->key_id) return NULL;
  TRY(vault_open(path, &v));
  if (!vault_has_key(v, m->key_id))
    return err_new(ERR_BUSY, "the key '%s' was rotated meanwhile: try again", path);
  return backup_add_file(m->writer, path, STORE_KEY_FILE);
}

static err *add_snapshots(struct making *m) {
  auto_free char *path = path_join(m->config->data.dir, BACKUP_SNAPSHOTS);
  if (!file_exists(path)) return NULL;
  return err_wrap(backup_add_tree(m->writer, path, BACKUP_SNAPSHOTS, NULL),
                  "packing snapshots (was one removed meanwhile?  Then try again)");
}

static err *add_all(struct making *m, const char *copy_path) {
  TRY(add_database(m, copy_path));
  TRY(add_if_there(m, m->config_path, BACKUP_CONFIG));
  TRY(add_key(m));
  for (const char *const *name = backup_files; *name; name++) {
    auto_free char *path = path_join(m->config->data.dir, *name);
    if (!str_eq(*name, STORE_KEY_FILE)) TRY(add_if_there(m, path, *name));
  }
  TRY(backup_add_repos(m->writer, m->config->data.dir));
  if (!m->parts->no_snapshots) TRY(add_snapshots(m));
  auto_free char *scratch = str_format("%s.part", m->path);
  if (!m->parts->no_images) TRY(backup_add_images(m->writer, m->config, copy_path, scratch, m->about));
  if (!m->parts->no_volumes) TRY(backup_add_volumes(m->writer, m->config, scratch, m->about));
  return backup_close(m->writer, m->about);
}

static json_t *describe(const struct making *m) {
  char now[CLOCK_TEXT_SIZE];
  json_t *about = json_object();
  clock_format(clock_now_us(), now);
  json_set_text(about, "version", tramway_version);
  json_set_text(about, "created", now);
  json_object_set_new(about, "snapshots", json_boolean(!m->parts->no_snapshots));
  json_object_set_new(about, "images", json_integer(0));
  json_object_set_new(about, "key", json_boolean(!m->parts->no_key));
  return about;
}

static err *write_archive(int fd, struct making *m, const char *copy_path) {
  auto_json *manifest = NULL;
  TRY(backup_open(fd, &m->writer));
  TRY(add_all(m, copy_path));
  if (lseek(fd, 0, SEEK_SET) < 0) return err_errno(errno, "reading the backup again");
  return err_wrap(backup_verify(fd, &manifest, NULL), "reading the backup again");
}

/* The file is there and good for all else; but nobody may take it for a whole one. */
static err *tell_missing(const char *path, const json_t *missing) {
  auto_str text = STR_EMPTY;
  const char *id;
  json_t *why;
  if (!json_object_size(missing)) return NULL;
  json_object_foreach((json_t *)missing, id, why) str_addf(&text, "\n  %s: %.500s", id, json_string_value(why));
  return err_new(ERR_CONFLICT, "'%s' is without %zu of the volumes, which could not be read:%s", path, json_object_size(missing),
                 str_text(&text));
}

static err *make(struct making *m, const char *path) {
  auto_free char *unfinished = str_format("%s.new", path), *copy_path = str_format("%s.db", path);
  auto_free char *scratch = str_format("%s.part", path);
  unlink(unfinished); /* of one that was interrupted */
  TRY(file_remove_tree(scratch));
  auto_fd fd = open(unfinished, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return err_errno(errno, "making '%s'", unfinished);
  auto_json *about = describe(m);
  m->about = about;
  err *e = write_archive(fd, m, copy_path);
  int64_t bytes = m->writer ? backup_bytes(m->writer) : 0;
  backup_free(m->writer);
  unlink(copy_path);
  err_ignore(file_remove_tree(scratch));
  if (!e) e = file_replace(unfinished, path);
  if (e) {
    unlink(unfinished);
    return e;
  }
  printf("%s: Tramway %s with %lld images and %zu volumes, %lld bytes, read back and whole\n"
         "not in it: logs%s%s%s%s\n", path, tramway_version,
         (long long)json_integer_value(json_object_get(about, "images")),
         json_object_size(json_object_get(about, "volumes")), (long long)bytes,
         m->parts->no_key ? ", the key " STORE_KEY_FILE " (keep a copy, or variables are lost)" : "",
         m->parts->no_snapshots ? ", the code of deployments" : "", m->parts->no_images ? ", images" : "",
         m->parts->no_volumes ? ", volumes" : "");
  return tell_missing(path, json_object_get(about, BACKUP_VOLUMES_MISSING));
}

err *backup_make(const char *config_path, const char *path, const struct backup_parts *parts) {
  auto_config *config = NULL;
  TRY(config_load(config_path, &config));
  locale_t before = backup_locale_begin();
  mode_t mask = umask(0077); /* also of what tar writes in between */
  struct making m = {.config = config, .config_path = config_path, .parts = parts, .path = path};
  err *e = make(&m, path);
  umask(mask);
  backup_locale_end(before);
  return e;
}
