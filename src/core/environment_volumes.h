/* The volumes of an environment's document and of patches on it (core/environment_config.h):
 *
 *   {"volumes": {<volume id>: {"name": "db-volume", "sizeMB": 5000}},
 *    "services": {<service id>: {"volumeMounts": {<volume id>: {"mountPath": "/data",
 *                                                               "backupSchedules": ["DAILY", "WEEKLY", "MONTHLY"]}}}}}
 *
 * In a patch a volume has "isCreated" (a new one; its key is an id or its name) or "isDeleted", or is null,
 * which deletes it; null at a mount detaches it.  What a mount does not name stays: its path, and its schedules, of
 * which null is the default, all three, and [] is none.  A service has at most one mount, and a volume one service.
 * Pure. */
#ifndef TRAMWAY_CORE_ENVIRONMENT_VOLUMES_H
#define TRAMWAY_CORE_ENVIRONMENT_VOLUMES_H

#include "core/environment_config.h"

/* Into the document: "volumes", and a service's "volumeMounts" or NULL.  The caller owns them. */
json_t *environment_volumes_make(const struct environment_rows *rows);
json_t *environment_volumes_mounts(const struct environment_rows *rows, const char *service_id);

/* As somebody sent it, into the one form that the rest takes: keys are ids, paths and sizes are checked.
 * `services`: the read services of the patch, whose volumeMounts are put in order.  `staged`: the patch that is
 * staged, or NULL.  *ret_volumes is NULL when there are none. */
fallible environment_volumes_read(const struct environment_rows *rows, const json_t *staged, const json_t *given,
                                  json_t *services, json_t **ret_volumes);

/* A patch on a document.  Before its services. */
fallible environment_volumes_apply(json_t *config, const json_t *patch);
fallible environment_volumes_apply_mounts(json_t *service, const json_t *patch);
/* After them: the volumes that a deleted service had go with it, but for those that another mounts now. */
void environment_volumes_forget_service(json_t *config, const json_t *service);
/* The document as a whole: that each is mounted at most once, is there, and has one replica. */
fallible environment_volumes_check(const json_t *config);

/* The mount of a volume in a document, and its service's id; NULL when it is detached.  Borrowed. */
const json_t *environment_volumes_mount(const json_t *config, const char *volume_id, const char **ret_service_id);

#endif
