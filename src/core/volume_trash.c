/* Volumes into the trash and out of it. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/handover.h"
#include "store/project.h"
#include "store/service.h"
#include "store/volume.h"

/* ---- into it ---- */

static err *name_origin(core *c, const struct volume_instance *v, char **ret_origin) {
  auto_project project = {0};
  auto_environment environment = {0};
  auto_service service = {0};
  TRY(project_get(c->db, v->project_id, &project));
  TRY(environment_get(c->db, v->environment_id, &environment));
  if (*v->service_id) TRY(service_get(c->db, v->service_id, &service));
  *ret_origin = service.name ? str_format("%s / %s / %s", project.name, environment.name, service.name)
                             : str_format("%s / %s", project.name, environment.name);
  return NULL;
}

err *volume_trash(core *c, struct volume_instance *v) {
  TRY(volume_check_changeable(v));
  free(v->origin);
  v->origin = NULL;
  TRY(name_origin(c, v, &v->origin));
  memcpy(v->trashed_service_id, v->service_id, ID_SIZE);
  v->service_id[0] = '\0';
  v->state = VOLUME_DELETED;
  v->deleted_us = clock_now_us();
  return volume_instance_update(c->db, v, v->deleted_us);
}

err *volume_trash_list(core *c, struct volume_instance_list *list) {
  for (size_t i = 0; i < list->len; i++) {
    if (list->items[i].state == VOLUME_RESTORING) list->items[i].state = VOLUME_READY; /* its place goes */
    TRY(volume_trash(c, &list->items[i]));
  }
  return NULL;
}

static err *trash_all(core *c, struct volume_instance_list *list) {
  auto_db_transaction t = {0};
  TRY(db_begin(c->db, &t));
  for (size_t i = 0; i < list->len; i++) TRY(volume_trash(c, &list->items[i]));
  return db_commit(&t);
}

/* What was about to run with it does not; its service is deployed without it. */
static void tell_service(core *c, const struct volume_instance *v, const char *user_id) {
  if (!*v->trashed_service_id) return;
  handover_revoke(c, v->environment_id, v->trashed_service_id);
  volume_deploy(c, v->environment_id, v->trashed_service_id, user_id);
}

err *core_volume_delete(core *c, const char *id, const char *user_id) {
  auto_volume v = {0};
  auto_volume_instance_list list = {0};
  TRY(volume_get(c->db, id, &v));
  TRY(volume_instance_list_by_volume(c->db, id, &list));
  TRY(trash_all(c, &list));
  TRY(volume_purge(c->db, id)); /* one that is in no environment */
  volumes_wake(c);
  for (size_t i = 0; i < list.len; i++) tell_service(c, &list.items[i], user_id);
  return NULL;
}

err *core_volume_instance_delete(core *c, const char *id, const char *user_id) {
  auto_volume_instance v = {0};
  TRY(volume_instance_get(c->db, id, &v));
  TRY(volume_trash(c, &v));
  volumes_wake(c);
  tell_service(c, &v, user_id);
  return NULL;
}

int64_t core_volume_destroyed_us(const core *c, const struct volume_instance *v) {
  return v->deleted_us + c->options.volume_trash_ms * 1000;
}

/* ---- and out of it ---- */

static err *check_target(const struct volume_instance *v, const struct environment *to, const struct project *project) {
  if (!volume_is_trashed(v)) return err_new(ERR_CONFLICT, "the volume is not in the trash");
  if (v->state == VOLUME_DELETING) return err_new(ERR_CONFLICT, "the volume's data are being destroyed already");
  if (!str_eq(project->workspace_id, v->workspace_id))
    return err_new(ERR_DENIED, "the environment '%s' is of another workspace", to->name);
  return NULL;
}

/* Its volume, when that may be in the environment; else one of its own, with a free name. */
static err *take_volume(core *c, struct volume_instance *v, const struct environment *to) {
  auto_volume volume = {0}, made = {0};
  auto_volume_instance other = {0};
  bool taken = false, renamed = false;
  TRY(volume_get(c->db, v->volume_id, &volume));
  TRY(volume_instance_find(c->db, volume.id, to->id, &taken, &other));
  TRY(volume_name_exists(c->db, to->project_id, volume.name, &renamed));
  auto_volume_instance_list alive = {0};
  TRY(volume_instance_list_by_volume(c->db, volume.id, &alive));
  bool stays = str_eq(volume.project_id, to->project_id) && !taken && (alive.len || !renamed);
  if (stays) return NULL;
  TRY(volume_make(c, to->project_id, NULL, volume.name, &made));
  id_copy(v->volume_id, made.id);
  return NULL;
}

/* To its service, if that has taken no other meanwhile. */
static err *take_service(core *c, struct volume_instance *v, const struct environment *to) {
  if (!*v->trashed_service_id || !str_eq(v->environment_id, to->id)) return NULL;
  auto_err *why_not = volume_check_service(c, v, v->trashed_service_id);
  if (why_not && err_code_of(why_not) != ERR_NOT_FOUND && err_code_of(why_not) != ERR_CONFLICT) return err_dup(why_not);
  if (!why_not) id_copy(v->service_id, v->trashed_service_id);
  return NULL;
}

static err *take_out(core *c, struct volume_instance *v, const struct environment *to) {
  auto_free char *former = str_dup(v->volume_id);
  auto_db_transaction t = {0};
  TRY(db_begin(c->db, &t));
  TRY(take_volume(c, v, to));
  TRY(take_service(c, v, to));
  id_copy(v->project_id, to->project_id);
  id_copy(v->environment_id, to->id);
  v->trashed_service_id[0] = '\0';
  v->deleted_us = 0;
  v->state = VOLUME_UPDATING;
  str_replace_owned(&v->origin, NULL);
  TRY(volume_instance_update(c->db, v, clock_now_us()));
  TRY(volume_purge(c->db, former));
  return db_commit(&t);
}

err *core_volume_restore(core *c, const char *id, const char *environment_id, const char *user_id) {
  auto_volume_instance v = {0};
  auto_environment to = {0};
  auto_project project = {0};
  TRY(volume_instance_get(c->db, id, &v));
  err *gone = environment_get(c->db, str_empty(environment_id) ? v.environment_id : environment_id, &to);
  if (gone && err_code_of(gone) == ERR_NOT_FOUND && str_empty(environment_id)) {
    err_free(gone);
    return err_new(ERR_CONFLICT, "where the volume was (%s) is gone: say into which environment it shall go",
                   v.origin ? v.origin : "");
  }
  TRY(gone);
  TRY(project_get(c->db, to.project_id, &project));
  TRY(check_target(&v, &to, &project));
  TRY(take_out(c, &v, &to));
  volumes_wake(c);
  if (*v.service_id) volume_deploy(c, v.environment_id, v.service_id, user_id);
  return NULL;
}
