#include "core/environment_volumes.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

/* ---- from the rows ---- */

static const struct volume *volume_row(const struct environment_rows *rows, const char *id) {
  for (size_t i = 0; i < rows->volumes.len; i++)
    if (str_eq(rows->volumes.items[i].id, id)) return &rows->volumes.items[i];
  return NULL;
}

static bool is_here(const struct environment_rows *rows, const char *volume_id) {
  for (size_t i = 0; i < rows->volume_instances.len; i++)
    if (str_eq(rows->volume_instances.items[i].volume_id, volume_id)) return true;
  return false;
}

json_t *environment_volumes_make(const struct environment_rows *rows) {
  json_t *volumes = json_object();
  for (size_t i = 0; i < rows->volume_instances.len; i++) {
    const struct volume_instance *v = &rows->volume_instances.items[i];
    const struct volume *volume = volume_row(rows, v->volume_id);
    json_object_set_new(volumes, v->volume_id, json_pack("{s:s, s:I}", "name", volume ? volume->name : v->volume_id,
                                                         "sizeMB", (json_int_t)(v->size_bytes / VOLUME_MB)));
  }
  return volumes;
}

static json_t *schedules_of(const struct environment_rows *rows, const char *volume_instance_id) {
  struct backup_schedule s = {.daily = true, .weekly = true, .monthly = true};
  for (size_t i = 0; i < rows->backup_schedules.len; i++)
    if (str_eq(rows->backup_schedules.items[i].volume_instance_id, volume_instance_id)) s = rows->backup_schedules.items[i];
  return backup_schedule_kinds(&s);
}

json_t *environment_volumes_mounts(const struct environment_rows *rows, const char *service_id) {
  for (size_t i = 0; i < rows->volume_instances.len; i++) {
    const struct volume_instance *v = &rows->volume_instances.items[i];
    if (str_eq(v->service_id, service_id))
      return json_pack("{s:{s:s, s:o}}", v->volume_id, "mountPath", v->mount_path, BACKUP_SCHEDULES, schedules_of(rows, v->id));
  }
  return NULL;
}

/* ---- reading a patch ---- */

struct reading {
  const struct environment_rows *rows;
  const json_t *staged; /* its volumes */
  json_t *volumes;      /* what was read so far */
};

static const char *made_by(const json_t *volumes, const char *key) {
  const char *id;
  json_t *volume;
  json_object_foreach((json_t *)volumes, id, volume)
    if (str_eq(id, key) || str_eq(json_get_text(volume, "name"), key)) return id;
  return NULL;
}

static const struct volume *row_of(const struct environment_rows *rows, const char *key) {
  const struct volume *found = volume_row(rows, key);
  for (size_t i = 0; !found && i < rows->volumes.len; i++)
    if (str_eq(rows->volumes.items[i].name, key)) found = &rows->volumes.items[i];
  return found;
}

/* What the key stands for: a volume of the project, or one that is staged or made by this patch. */
static const char *id_of(const struct reading *r, const char *key) {
  const struct volume *row = row_of(r->rows, key);
  const char *made = row ? NULL : made_by(r->volumes, key);
  return row ? row->id : made ? made : made_by(r->staged, key);
}

static err *read_size(const json_t *given, json_t *part) {
  const json_t *size = json_object_get(given, "sizeMB");
  if (!size || json_is_null(size)) return NULL;
  if (!json_is_integer(size) || json_integer_value(size) < 1 || json_integer_value(size) > VOLUME_SIZE_BYTES_MAX / VOLUME_MB)
    return err_new(ERR_INVALID, "sizeMB: must be a number of megabytes");
  TRY(err_wrap(volume_size_check(json_integer_value(size) * VOLUME_MB, 0), "sizeMB"));
  json_object_set(part, "sizeMB", (json_t *)size);
  return NULL;
}

static err *read_new(const char *key, const json_t *given, json_t *part, char ret_id[ID_SIZE]) {
  const char *name = json_get_text(given, "name");
  if (!name && !id_valid(key)) name = key;
  if (name) TRY(err_wrap(volume_name_check(name), "name"));
  if (id_valid(key))
    id_copy(ret_id, key);
  else
    id_new(ret_id);
  if (name) json_set_text(part, "name", name); /* else it gets one after its service */
  json_object_set_new(part, "isCreated", json_true());
  return NULL;
}

/* One of the project that is not in this environment comes into it with isCreated, empty. */
static err *read_present(const struct reading *r, const char *id, const json_t *given, json_t *part) {
  const struct volume *row = volume_row(r->rows, id);
  const char *name = json_get_text(given, "name");
  if (row && name && !str_eq(name, row->name)) return err_new(ERR_INVALID, "name: a patch cannot rename it; volumeUpdate does");
  if (!row || is_here(r->rows, id)) return NULL;
  if (!json_get_bool(given, "isCreated", false))
    return err_new(ERR_NOT_FOUND, "it is not in this environment: \"isCreated\": true adds it, empty");
  json_set_text(part, "name", row->name);
  json_object_set_new(part, "isCreated", json_true());
  return NULL;
}

static err *read_volume(const struct reading *r, const char *key, const json_t *given) {
  char id[ID_SIZE];
  auto_json *part = json_object();
  const char *present = id_of(r, key);
  bool deleted = json_is_null(given) || json_get_bool(given, "isDeleted", false);
  if (!json_is_null(given) && !json_is_object(given)) return err_new(ERR_INVALID, "must be an object or null");
  if (!present && !(json_get_bool(given, "isCreated", false) && !deleted))
    return err_new(ERR_NOT_FOUND, "there is no such volume: \"isCreated\": true makes it");
  if (present) id_copy(id, present);
  if (deleted) {
    const struct volume *row = volume_row(r->rows, id);
    json_object_set_new(r->volumes, id, json_pack("{s:b, s:s*}", "isDeleted", true, "name", row ? row->name : NULL));
    return NULL;
  }
  if (present)
    TRY(read_present(r, id, given, part));
  else
    TRY(read_new(key, given, part, id));
  TRY(read_size(given, part));
  json_object_set(r->volumes, id, part);
  return NULL;
}

/* In the order of the document. */
static err *read_schedules(const json_t *given, json_t *mount) {
  struct backup_schedule s = {0};
  const json_t *kinds = json_object_get(given, BACKUP_SCHEDULES);
  if (!kinds) return NULL;
  if (json_is_null(kinds))
    s.daily = s.weekly = s.monthly = true;
  else
    TRY(err_wrap(backup_schedule_read(kinds, &s), BACKUP_SCHEDULES));
  json_object_set_new(mount, BACKUP_SCHEDULES, backup_schedule_kinds(&s));
  return NULL;
}

static err *read_mount(const struct reading *r, const char *key, const json_t *given, json_t *mounts) {
  const char *id = id_of(r, key);
  const json_t *path = json_object_get(given, "mountPath");
  auto_json *mount = json_object();
  auto_free char *ordered = NULL;
  if (!id) return err_new(ERR_NOT_FOUND, "there is no such volume");
  if (json_is_null(given)) {
    json_object_set_new(mounts, id, json_null());
    return NULL;
  }
  if (!json_is_object(given)) return err_new(ERR_INVALID, "must be an object or null");
  if (path && !json_is_string(path)) return err_new(ERR_INVALID, "mountPath: must be text");
  if (path) TRY(err_wrap(volume_mount_path(json_string_value(path), &ordered), "mountPath"));
  if (path) json_set_text(mount, "mountPath", ordered);
  TRY(read_schedules(given, mount));
  json_object_set(mounts, id, mount);
  return NULL;
}

static err *read_mounts(const struct reading *r, const char *at, json_t *service) {
  const json_t *given = json_object_get(service, "volumeMounts");
  const char *key;
  json_t *mount;
  if (!given) return NULL;
  if (!json_is_object(given)) return err_new(ERR_INVALID, "services.%s.volumeMounts: must be an object", at);
  auto_json *mounts = json_object();
  json_object_foreach((json_t *)given, key, mount)
    TRY(err_wrap(read_mount(r, key, mount, mounts), "services.%s.volumeMounts.%.64s", at, key));
  json_object_set(service, "volumeMounts", mounts);
  return NULL;
}

static const char *service_name(const struct environment_rows *rows, const char *id, const json_t *part) {
  const struct service *row = environment_rows_service(rows, id);
  return row ? row->name : json_get_text(part, "name") ? json_get_text(part, "name") : id;
}

err *environment_volumes_read(const struct environment_rows *rows, const json_t *staged, const json_t *given,
                              json_t *services, json_t **ret_volumes) {
  auto_json *volumes = json_object();
  struct reading r = {.rows = rows, .staged = json_object_get(staged, "volumes"), .volumes = volumes};
  const char *key;
  json_t *part;
  if (given && !json_is_object(given)) return err_new(ERR_INVALID, "'volumes' must be an object");
  json_object_foreach((json_t *)given, key, part) TRY(err_wrap(read_volume(&r, key, part), "volumes.%.64s", key));
  json_object_foreach(services, key, part) TRY(read_mounts(&r, service_name(rows, key, part), part));
  *ret_volumes = json_object_size(volumes) ? json_incref(volumes) : NULL;
  return NULL;
}

/* ---- a patch on a document ---- */

static void detach_everywhere(json_t *config, const char *volume_id) {
  const char *id;
  json_t *service;
  json_object_foreach(json_object_get(config, "services"), id, service) {
    json_t *mounts = json_object_get(service, "volumeMounts");
    json_object_del(mounts, volume_id);
    if (mounts && !json_object_size(mounts)) json_object_del(service, "volumeMounts");
  }
}

static err *apply_volume(json_t *config, const char *id, const json_t *patch) {
  json_t *volumes = json_object_get(config, "volumes"), *present = json_object_get(volumes, id);
  json_int_t size = json_get_int(patch, "sizeMB", 0);
  if (json_get_bool(patch, "isDeleted", false)) {
    json_object_del(volumes, id);
    detach_everywhere(config, id);
    return NULL;
  }
  if (!present && !json_get_bool(patch, "isCreated", false))
    return err_new(ERR_CONFLICT, "it is not in the environment any more: discard what is staged for it");
  if (!present) json_object_set_new(volumes, id, present = json_pack("{s:s*}", "name", json_get_text(patch, "name")));
  if (size && size < json_get_int(present, "sizeMB", 0))
    return err_wrap(volume_size_check(size * VOLUME_MB, json_get_int(present, "sizeMB", 0) * VOLUME_MB), "sizeMB");
  if (size) json_object_set_new(present, "sizeMB", json_integer(size));
  return NULL;
}

err *environment_volumes_apply(json_t *config, const json_t *patch) {
  const char *id;
  json_t *part;
  json_object_foreach(json_object_get(patch, "volumes"), id, part)
    TRY(err_wrap(apply_volume(config, id, part), "volumes.%s", json_get_text(part, "name") ? json_get_text(part, "name") : id));
  return NULL;
}

/* What is not given stays. */
static err *apply_mount(json_t *mounts, const char *id, const json_t *patch) {
  const json_t *present = json_object_get(mounts, id);
  auto_json *mount = present ? json_deep_copy(present) : json_object();
  if (json_is_null(patch)) {
    json_object_del(mounts, id);
    return NULL;
  }
  json_object_update(mount, (json_t *)patch);
  if (!json_object_get(mount, "mountPath")) return err_new(ERR_INVALID, "volumeMounts.%s: needs a \"mountPath\"", id);
  json_object_set(mounts, id, mount);
  return NULL;
}

err *environment_volumes_apply_mounts(json_t *service, const json_t *patch) {
  json_t *mounts = json_object_get(service, "volumeMounts"), *mount;
  const char *id;
  if (!patch) return NULL;
  if (!mounts) json_object_set_new(service, "volumeMounts", mounts = json_object());
  json_object_foreach((json_t *)patch, id, mount) TRY(apply_mount(mounts, id, mount));
  if (!json_object_size(mounts)) json_object_del(service, "volumeMounts");
  return NULL;
}

void environment_volumes_forget_service(json_t *config, const json_t *service) {
  const char *id, *other;
  json_t *mount;
  json_object_foreach(json_object_get(service, "volumeMounts"), id, mount)
    if (!environment_volumes_mount(config, id, &other)) json_object_del(json_object_get(config, "volumes"), id);
}

static err *check_service(const json_t *config, const json_t *service, json_t *seen) {
  const json_t *mounts = json_object_get(service, "volumeMounts"), *volumes = json_object_get(config, "volumes");
  const char *id;
  json_t *mount;
  if (!json_object_size(mounts)) return NULL;
  if (json_object_size(mounts) > 1) return err_new(ERR_INVALID, "a service has one volume: detach the other one");
  if (json_get_int(json_object_get(service, "deploy"), "numReplicas", 1) > 1)
    return err_new(ERR_CONFLICT, "a service with a volume has one replica: two would write to the same files");
  json_object_foreach((json_t *)mounts, id, mount) {
    const json_t *volume = json_object_get(volumes, id);
    const char *name = json_get_text(volume, "name");
    if (!volume) return err_new(ERR_NOT_FOUND, "volumeMounts.%.64s: the volume is not in this environment", id);
    if (json_object_get(seen, id))
      return err_new(ERR_CONFLICT, "the volume '%s' is attached to service '%s': detach it there (null) to move it", name ? name : id,
                     json_string_value(json_object_get(seen, id)));
    json_object_set(seen, id, json_object_get(service, "name"));
  }
  return NULL;
}

err *environment_volumes_check(const json_t *config) {
  auto_json *seen = json_object();
  const char *id;
  json_t *service;
  json_object_foreach(json_object_get(config, "services"), id, service)
    TRY(err_wrap(check_service(config, service, seen), "services.%s", json_get_text(service, "name")));
  return NULL;
}

const json_t *environment_volumes_mount(const json_t *config, const char *volume_id, const char **ret_service_id) {
  const char *id;
  json_t *service;
  json_object_foreach(json_object_get(config, "services"), id, service) {
    const json_t *mount = json_object_get(json_object_get(service, "volumeMounts"), volume_id);
    if (!mount) continue;
    *ret_service_id = id;
    return mount;
  }
  *ret_service_id = NULL;
  return NULL;
}
