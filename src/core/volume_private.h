/* What the files of core/ share of volumes. */
#ifndef TRAMWAY_CORE_VOLUME_PRIVATE_H
#define TRAMWAY_CORE_VOLUME_PRIVATE_H

#include "core/internal.h"
#include "core/volume.h"

/* ---- volumes.c: the rows.  All of these in the caller's transaction; then volumes_wake ---- */

/* In that environment.  `ret_affected` gets the ids of the services that mount something else now. */
fallible volume_add(core *c, const struct volume *v, const char *environment_id, const char *service_id,
                    const char *mount_path, int64_t size_bytes);
fallible volume_alter(core *c, struct volume_instance *v, const struct core_volume_change *change,
                      struct strv *ret_affected);
fallible volume_trash(core *c, struct volume_instance *v); /* volume_trash.c */
fallible volume_trash_list(core *c, struct volume_instance_list *list); /* what they belong to is deleted */
/* The name of a volume that has none: "<service>-volume", or "volume".  The caller owns it. */
fallible volume_stem(core *c, const char *service_id, char **ret_stem);

/* Inserts it; the name is given, or a free one made of `stem`'s. */
fallible volume_make(core *c, const char *project_id, const char *name, const char *stem, struct volume *ret_volume);

fallible volume_check_changeable(const struct volume_instance *v);
/* That it may be attached to the service: ERR_NOT_FOUND, ERR_CONFLICT. */
fallible volume_check_service(core *c, const struct volume_instance *v, const char *service_id);
/* Deploys a service whose mounts have changed, if it is deployed.  The change is recorded: what keeps the deployment
 * from being made is logged, and the next one has it. */
void volume_deploy(core *c, const char *environment_id, const char *service_id, const char *user_id);

/* Marks it deleted, its volume with it. */
fallible service_instance_leave(core *c, const struct service_instance *instance);

/* ERR_CONFLICT when the service instance has a volume and is to have more than one replica. */
fallible volume_check_replicas(core *c, const char *service_id, const char *environment_id, int64_t replicas);

/* A new, empty volume for `to`, with the same schedules of backups, when `from` has one: of the same volume in another environment, or with
 * `name_stem` of a volume of its own. */
fallible volume_duplicate(core *c, const struct service_instance *from, const struct service_instance *to,
                     const char *name_stem);

/* ---- volume_work.c: what the engine does for them ---- */

void volumes_wake(core *c); /* makes, grows and destroys what is due, at the end of this turn */
void volumes_stop(core *c);
void volumes_free(core *c);

/* ---- volume_watch.c: how full they are ---- */

void volume_watch_start(core *c);
void volume_watch_retime(core *c); /* the interval may be another one, or there is none any more */
void volume_watch_stop(core *c);

/* ---- volume_mounts.c: which deployment mounts what ---- */

struct mount {
  struct volume_instance volume;
  char *name, *path; /* of the volume; where it is mounted, which may not be where the volume says now */
};
void mount_done(struct mount *m);
#define auto_mount __attribute__((cleanup(mount_done))) struct mount

/* Of a deployment that went live what its release says, of another what is attached to its service now (of a
 * rollback at the place of then).  ERR_CONFLICT: what it had mounted is no longer its service's. */
fallible mount_of_deployment(core *c, const struct deployment *d, bool *ret_found, struct mount *ret_mount);

/* For those who only tell of it: of `d`, or with NULL what is attached to the service now; what is gone is not found. */
fallible mount_to_tell(core *c, const struct deployment *d, const char *service_id, const char *environment_id,
                       bool *ret_found, struct mount *ret_mount);

/* ERR_CONFLICT when its settings do not go with what it mounts: replicas, requiredMountPath. */
fallible mount_check(const struct deployment *d, const struct mount *m, bool found);

json_t *mount_facts(const struct mount *m, bool found); /* for the release */

#endif
