#include "core/environment_apply_volumes.h"

#include <stdlib.h>

#include "base/json.h"
#include "core/backup.h"
#include "core/environment_volumes.h"
#include "core/volume_private.h"
#include "store/volume.h"

#define MOUNT_PATH_DEFAULT "/data" /* of one that is attached to nothing yet */

static const char *name_of(const json_t *config, const char *id) {
  const char *name = json_get_text(json_object_get(json_object_get(config, "volumes"), id), "name");
  return name ? name : id;
}

/* The row of now: an earlier step may have changed it. */
static err *find(const struct environment_apply *a, const char *volume_id, bool *ret_found, struct volume_instance *v) {
  return volume_instance_find(a->core->db, volume_id, a->environment_id, ret_found, v);
}

static err *take_off(struct environment_apply *a, const char *id) {
  auto_volume_instance v = {0};
  bool found = false, deleted = !json_object_get(json_object_get(a->after, "volumes"), id);
  const char *service;
  environment_volumes_mount(a->after, id, &service);
  TRY(find(a, id, &found, &v));
  if (!found) return NULL;
  if (deleted && !a->is_admin)
    return err_new(ERR_DENIED, "Not Authorized: deleting a volume needs the role admin in the workspace");
  a->volumes |= deleted;
  if (deleted) return volume_trash(a->core, &v);
  if (!*v.service_id || str_eq(v.service_id, service)) return NULL;
  a->volumes = true;
  return volume_alter(a->core, &v, &(struct core_volume_change){.service_id = ""}, &a->affected);
}

err *environment_apply_volumes_off(struct environment_apply *a) {
  const char *id;
  json_t *entry;
  json_object_foreach(json_object_get(a->before, "volumes"), id, entry)
    TRY(err_wrap(take_off(a, id), "volume '%s'", name_of(a->before, id)));
  return NULL;
}

static err *add(struct environment_apply *a, const char *id, const json_t *entry, const char *service, const char *path) {
  auto_volume volume = {0};
  auto_free char *stem = NULL;
  err *missing = volume_get(a->core->db, id, &volume);
  if (missing && err_code_of(missing) != ERR_NOT_FOUND) return missing;
  if (missing) {
    err_free(missing);
    id_copy(volume.id, id);
    TRY(volume_stem(a->core, service, &stem));
    TRY(volume_make(a->core, a->project_id, json_get_text(entry, "name"), stem, &volume));
  } else if (!str_eq(volume.project_id, a->project_id)) {
    return err_new(ERR_CONFLICT, "the id is taken");
  }
  a->volumes = true;
  return volume_add(a->core, &volume, a->environment_id, service, path ? path : MOUNT_PATH_DEFAULT,
                    json_get_int(entry, "sizeMB", 0) * VOLUME_MB);
}

static err *put_on(struct environment_apply *a, const char *id, const json_t *entry) {
  auto_volume_instance v = {0};
  bool found = false;
  const json_t *had = json_object_get(json_object_get(a->before, "volumes"), id);
  const char *service, *path = json_get_text(environment_volumes_mount(a->after, id, &service), "mountPath");
  json_int_t size = json_get_int(entry, "sizeMB", 0);
  TRY(find(a, id, &found, &v));
  if (!found) return add(a, id, entry, service, path);
  struct core_volume_change change = {.mount_path = path, .service_id = service,
                                      .size_bytes = size == json_get_int(had, "sizeMB", 0) ? 0 : size * VOLUME_MB};
  bool same = (!service || str_eq(service, v.service_id)) && (!path || str_eq(path, v.mount_path)) && !change.size_bytes;
  if (same) return NULL;
  a->volumes = true;
  return volume_alter(a->core, &v, &change, &a->affected);
}

static err *schedule_backups(struct environment_apply *a, const char *id) {
  auto_volume_instance v = {0};
  auto_backup_schedule wanted = {0};
  bool found = false;
  const char *service;
  const json_t *had = json_object_get(environment_volumes_mount(a->before, id, &service), BACKUP_SCHEDULES);
  const json_t *has = json_object_get(environment_volumes_mount(a->after, id, &service), BACKUP_SCHEDULES);
  if (!has || (had && json_equal(had, has))) return NULL;
  TRY(find(a, id, &found, &v));
  TRY(backup_schedule_read(has, &wanted));
  return found ? core_backup_set_schedule(a->core, v.id, &wanted) : NULL;
}

static err *put_on_and_schedule(struct environment_apply *a, const char *id, const json_t *entry) {
  TRY(put_on(a, id, entry));
  return schedule_backups(a, id);
}

err *environment_apply_volumes_on(struct environment_apply *a) {
  const char *id;
  json_t *entry;
  json_object_foreach(json_object_get(a->after, "volumes"), id, entry)
    TRY(err_wrap(put_on_and_schedule(a, id, entry), "volume '%s'", name_of(a->after, id)));
  return NULL;
}
