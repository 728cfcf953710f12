/* Volumes as their users see them (reference 2.10): made, attached, grown, deleted, brought back.
 *
 * A service has at most one volume in an environment and then one replica; at most one deployment has it
 * mounted at a time (core/handover.h).  A change that concerns what a service mounts deploys it again, if it
 * is deployed.  What is deleted is in the trash for options.volume_trash_ms, with its data: restored, it is as
 * it was. */
#ifndef TRAMWAY_CORE_VOLUME_H
#define TRAMWAY_CORE_VOLUME_H

#include "core/core.h"
#include "engine/volume.h"
#include "model/volume.h"

#define VOLUME_SIZE_BYTES_DEFAULT (1000 * VOLUME_MB) /* it is set aside whole: docs/adr/0013 */
#define VOLUME_TRASH_MS_DEFAULT (48LL * 3600 * 1000) /* reference 2.10 */

struct core_volume_request {
  const char *project_id;
  const char *environment_id; /* NULL: in each that is no pull request's; "": in none yet */
  const char *service_id;     /* to attach it to; NULL or "": none */
  const char *mount_path;
  const char *name;           /* NULL: made of the service's */
  int64_t size_bytes;         /* 0: the installation's default */
  const char *user_id;        /* who deploys; "" for a project token */
};
fallible core_volume_create(core *c, const struct core_volume_request *request, struct volume *ret_volume);

fallible core_volume_rename(core *c, const char *id, const char *name);

struct core_volume_change {
  const char *mount_path; /* NULL: as it is */
  const char *service_id; /* NULL: as it is; "": detached */
  int64_t size_bytes;     /* 0: as it is; never less, ERR_CONFLICT */
};
fallible core_volume_change(core *c, const char *volume_instance_id, const struct core_volume_change *change,
                            const char *user_id);

fallible core_volume_delete(core *c, const char *id, const char *user_id); /* in every environment */
fallible core_volume_instance_delete(core *c, const char *id, const char *user_id);

/* Out of the trash: to where it was, or into `environment_id` (of the same workspace), detached.
 * ERR_CONFLICT when it is not in the trash, or where it was is gone. */
fallible core_volume_restore(core *c, const char *volume_instance_id, const char *environment_id,
                             const char *user_id);

/* When the data of one in the trash are destroyed. */
int64_t core_volume_destroyed_us(const core *c, const struct volume_instance *v);

#endif
