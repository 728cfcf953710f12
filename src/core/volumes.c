/* The rows of volumes: what may be done to them, and what follows for the services that mount them. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/backup.h"
#include "core/handover.h"
#include "store/project.h"
#include "store/service.h"
#include "store/volume.h"

enum { NAME_TRIES = 1000 };

/* ---- checks ---- */

err *volume_check_service(core *c, const struct volume_instance *v, const char *service_id) {
  auto_service service = {0};
  auto_service_instance instance = {0};
  auto_volume_instance present = {0};
  auto_volume its = {0};
  bool found = false, has = false;
  TRY(service_get(c->db, service_id, &service));
  TRY(service_instance_find(c->db, service_id, v->environment_id, &found, &instance));
  if (!found) return err_new(ERR_NOT_FOUND, "service '%s' is not in the volume's environment", service.name);
  TRY(volume_instance_find_by_service(c->db, service_id, v->environment_id, &has, &present));
  if (has && !str_eq(present.id, v->id)) {
    TRY(volume_get(c->db, present.volume_id, &its));
    return err_new(ERR_CONFLICT, "service '%s' has the volume '%s' at %s already, and a service has one: detach that first",
                   service.name, its.name, present.mount_path);
  }
  if (instance.settings.num_replicas > 1)
    return err_new(ERR_CONFLICT, "service '%s' has %lld replicas: a service with a volume has one; scale it down first",
                   service.name, (long long)instance.settings.num_replicas);
  return NULL;
}

err *volume_check_replicas(core *c, const char *service_id, const char *environment_id, int64_t replicas) {
  auto_volume_instance v = {0};
  auto_volume volume = {0};
  bool has = false;
  if (replicas <= 1) return NULL;
  TRY(volume_instance_find_by_service(c->db, service_id, environment_id, &has, &v));
  if (!has) return NULL;
  TRY(volume_get(c->db, v.volume_id, &volume));
  return err_new(ERR_CONFLICT, "a service with a volume ('%s') has one replica: two would write to the same files; "
                               "detach the volume first", volume.name);
}

err *volume_check_changeable(const struct volume_instance *v) {
  if (volume_is_trashed(v))
    return err_new(ERR_CONFLICT, "the volume is in the trash: `tram volume restore` takes it out");
  if (v->state == VOLUME_RESTORING)
    return err_new(ERR_BUSY, "a backup is being restored into the volume: wait until that is done");
  return NULL;
}

/* ---- making ---- */

static err *free_name(core *c, const char *project_id, const char *stem, char **ret_name) {
  for (int i = 1; i <= NAME_TRIES; i++) {
    char *name = i == 1 ? str_dup(stem) : str_format("%s-%d", stem, i);
    bool taken = true;
    err *e = volume_name_exists(c->db, project_id, name, &taken);
    if (!e && !taken) {
      *ret_name = name;
      return NULL;
    }
    free(name);
    if (e) return e;
  }
  return err_new(ERR_LIMIT, "there are too many volumes named '%s': give a name", stem);
}

static err *check_free_name(core *c, const char *project_id, const char *name) {
  bool taken = false;
  TRY(volume_name_check(name));
  TRY(volume_name_exists(c->db, project_id, name, &taken));
  return taken ? err_new(ERR_CONFLICT, "the project has a volume named '%s' already", name) : NULL;
}

err *volume_make(core *c, const char *project_id, const char *name, const char *stem, struct volume *ret_volume) {
  auto_project project = {0};
  auto_volume v = {0};
  TRY(project_get(c->db, project_id, &project));
  if (name)
    TRY(check_free_name(c, project_id, name));
  else
    TRY(free_name(c, project_id, stem, &v.name));
  if (name) v.name = str_dup(name);
  id_copy(v.id, ret_volume->id); /* of a patch: it has one already */
  id_copy(v.project_id, project_id);
  id_copy(v.workspace_id, project.workspace_id);
  TRY(volume_insert(c->db, &v));
  *ret_volume = v;
  v = (struct volume){0};
  return NULL;
}

err *volume_add(core *c, const struct volume *volume, const char *environment_id, const char *service_id,
                const char *mount_path, int64_t size_bytes) {
  auto_volume_instance v = {.state = VOLUME_UPDATING,
                            .size_bytes = size_bytes ? size_bytes : c->options.volume_size_bytes};
  TRY(volume_mount_path(mount_path, &v.mount_path));
  TRY(volume_size_check(v.size_bytes, 0));
  id_copy(v.volume_id, volume->id);
  id_copy(v.workspace_id, volume->workspace_id);
  id_copy(v.project_id, volume->project_id);
  id_copy(v.environment_id, environment_id);
  if (!str_empty(service_id)) {
    TRY(volume_check_service(c, &v, service_id));
    id_copy(v.service_id, service_id);
  }
  return volume_instance_insert(c->db, &v);
}

static err *copy_schedule(core *c, const struct volume_instance *from, const struct service_instance *to) {
  auto_volume_instance made = {0};
  auto_backup_schedule schedule = {0};
  bool found = false;
  TRY(volume_instance_find_by_service(c->db, to->service_id, to->environment_id, &found, &made));
  TRY(core_backup_schedule(c, from->id, &schedule));
  return core_backup_set_schedule(c, made.id, &schedule);
}

err *volume_duplicate(core *c, const struct service_instance *from, const struct service_instance *to, const char *name_stem) {
  auto_volume_instance v = {0};
  auto_volume volume = {0}, made = {0};
  bool has = false;
  TRY(volume_instance_find_by_service(c->db, from->service_id, from->environment_id, &has, &v));
  if (!has) return NULL;
  TRY(volume_get(c->db, v.volume_id, &volume));
  if (name_stem) TRY(volume_make(c, to->project_id, NULL, name_stem, &made));
  TRY(volume_add(c, name_stem ? &made : &volume, to->environment_id, to->service_id, v.mount_path, v.size_bytes));
  return copy_schedule(c, &v, to);
}

err *volume_stem(core *c, const char *service_id, char **ret_stem) {
  auto_service service = {0};
  if (!str_empty(service_id)) TRY(service_get(c->db, service_id, &service));
  *ret_stem = service.label ? str_format("%s-volume", service.label) : str_dup("volume");
  return NULL;
}

static err *add_everywhere(core *c, const struct core_volume_request *r, const struct volume *v, struct strv *environments) {
  auto_environment_list all = {0};
  TRY(environment_list_by_project(c->db, r->project_id, NULL, &all));
  for (size_t i = all.len; i-- > 0;) {
    if (all.items[i].is_ephemeral) continue;
    auto_service_instance instance = {0};
    bool has = str_empty(r->service_id);
    if (!has) TRY(service_instance_find(c->db, r->service_id, all.items[i].id, &has, &instance));
    if (!has) continue;
    TRY(volume_add(c, v, all.items[i].id, r->service_id, r->mount_path, r->size_bytes));
    strv_add(environments, all.items[i].id);
  }
  return NULL;
}

static err *insert(core *c, const struct core_volume_request *r, struct volume *v, struct strv *environments) {
  auto_free char *stem = NULL, *path = NULL;
  auto_environment environment = {0};
  TRY(volume_mount_path(r->mount_path, &path)); /* also when it is in no environment yet */
  auto_db_transaction t = {0};
  TRY(db_begin(c->db, &t));
  TRY(volume_stem(c, r->service_id, &stem));
  TRY(volume_make(c, r->project_id, r->name, stem, v));
  if (!r->environment_id) {
    TRY(add_everywhere(c, r, v, environments));
  } else if (*r->environment_id) {
    TRY(environment_get(c->db, r->environment_id, &environment));
    if (!str_eq(environment.project_id, r->project_id))
      return err_new(ERR_NOT_FOUND, "the environment is not in this project");
    TRY(volume_add(c, v, r->environment_id, r->service_id, r->mount_path, r->size_bytes));
    strv_add(environments, r->environment_id);
  }
  return db_commit(&t);
}

/* What was asked for is recorded; a deployment that cannot be made says so, and the next one has it. */
void volume_deploy(core *c, const char *environment_id, const char *service_id, const char *user_id) {
  auto_strv services = STRV_EMPTY;
  strv_add(&services, service_id);
  auto_err *e = core_deploy_changed(c, environment_id, &services, user_id);
  if (e) log_warn("core", "deploying service %s for its volume: %s", service_id, err_message(e));
}

err *core_volume_create(core *c, const struct core_volume_request *r, struct volume *ret_volume) {
  auto_strv environments = STRV_EMPTY;
  struct volume v = {0};
  err *e = insert(c, r, &v, &environments);
  if (e) {
    volume_done(&v);
    return e;
  }
  *ret_volume = v;
  volumes_wake(c);
  for (size_t i = 0; i < environments.len && !str_empty(r->service_id); i++)
    volume_deploy(c, environments.items[i], r->service_id, r->user_id);
  return NULL;
}

/* ---- changing ---- */

err *core_volume_rename(core *c, const char *id, const char *name) {
  auto_volume v = {0};
  TRY(volume_get(c->db, id, &v));
  if (str_eq(v.name, name)) return NULL;
  TRY(check_free_name(c, v.project_id, name));
  return volume_rename(c->db, id, name, clock_now_us());
}

static void affect(struct strv *affected, const char *service_id) {
  if (*service_id && !strv_has(affected, service_id)) strv_add(affected, service_id);
}

static err *alter_place(core *c, struct volume_instance *v, const struct core_volume_change *change,
                        struct strv *affected) {
  auto_free char *path = NULL;
  if (change->service_id && !str_eq(change->service_id, v->service_id)) {
    if (*change->service_id) TRY(volume_check_service(c, v, change->service_id));
    affect(affected, v->service_id);
    id_copy(v->service_id, change->service_id);
    affect(affected, v->service_id);
  }
  if (change->mount_path) TRY(volume_mount_path(change->mount_path, &path));
  if (path && !str_eq(path, v->mount_path)) {
    str_replace_owned(&v->mount_path, path);
    affect(affected, v->service_id);
  }
  return NULL;
}

err *volume_alter(core *c, struct volume_instance *v, const struct core_volume_change *change, struct strv *affected) {
  TRY(volume_check_changeable(v));
  TRY(alter_place(c, v, change, affected));
  if (change->size_bytes && change->size_bytes != v->size_bytes) {
    /* what could not be made or grow may be asked for less: the engine knows what there is, and shrinks nothing */
    TRY(volume_size_check(change->size_bytes, v->state == VOLUME_ERROR ? 0 : v->size_bytes));
    v->size_bytes = change->size_bytes;
    v->state = VOLUME_UPDATING;
  }
  return volume_instance_update(c->db, v, clock_now_us());
}

err *core_volume_change(core *c, const char *id, const struct core_volume_change *change, const char *user_id) {
  auto_volume_instance v = {0};
  auto_strv affected = STRV_EMPTY;
  TRY(volume_instance_get(c->db, id, &v));
  auto_free char *former = str_dup(v.service_id);
  TRY(volume_alter(c, &v, change, &affected));
  volumes_wake(c);
  if (*former && !str_eq(former, v.service_id)) handover_revoke(c, v.environment_id, former);
  for (size_t i = 0; i < affected.len; i++) volume_deploy(c, v.environment_id, affected.items[i], user_id);
  return NULL;
}
