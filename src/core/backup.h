/* Backups of volumes: taken by schedule (on by default) and by hand, restored beside what lives, and tried.
 *
 * What is in a backup is all files of a volume at one moment.  A Postgres with its log archived is taken as a base
 * backup, while it goes on; its log is put into the repository as it comes, so that it can be restored to any
 * second since its oldest daily base backup.  Any other service stands still for the moment (engine_pause) in
 * which the engine snapshots its volume; MariaDB has written its tables to disk by then, Redis its memory.
 *
 * A restore goes to a new volume, or for a point in time to a new service; nothing that lives is touched before
 * somebody commits the swap, which is a staged change.  A drill restores into a scratch instance and checks it.
 *
 * Of one volume one thing at a time is done, BACKUP_TASKS_MAX of all, and never all of them of one workspace: what it
 * keeps waiting (a database that does not come up, a dump without end) is not to cost others their backups.  Each is a row before it is begun; after a
 * SIGKILL what was under way is recorded as failed, and what it left is removed. */
#ifndef TRAMWAY_CORE_BACKUP_H
#define TRAMWAY_CORE_BACKUP_H

#include "core/core.h"
#include "model/backup.h"

#define BACKUP_NAME_MAX 64
#define BACKUPS_MANUAL_MAX 100 /* of a volume */
enum { BACKUP_TASKS_MAX = 3 };

/* ERR_BUSY: one is being taken; ERR_LIMIT: there are too many, or they take more than their quota. */
fallible core_backup_create(core *c, const char *volume_instance_id, const char *name, const char *user_id,
                            char ret_id[ID_SIZE]);
/* Also a locked one: that is kept from its end, not from people.  ERR_CONFLICT: it is being taken. */
fallible core_backup_delete(core *c, const char *volume_instance_id, const char *id);
fallible core_backup_lock(core *c, const char *volume_instance_id, const char *id); /* it never expires */
fallible core_backup_find(core *c, const char *volume_instance_id, const char *id, struct backup *ret_backup);

/* A first one of what has just come to live in the volume, by no schedule's time; it is kept as a daily one. */
void core_backup_begin(core *c, const char *volume_instance_id);

fallible core_backup_schedule(core *c, const char *volume_instance_id, struct backup_schedule *ret_schedule);
fallible core_backup_set_schedule(core *c, const char *volume_instance_id, const struct backup_schedule *wanted);

/* To a new volume in the same environment; when it is full, the swap is staged there. */
fallible core_backup_restore(core *c, const char *volume_instance_id, const char *id, const char *user_id,
                             char ret_workflow[ID_SIZE]);

/* A new service with the Postgres as it was then: of this volume, or of one that its service had before (it went to a newer
 * version, or a restored volume was swapped in), with the image of that time's major version.  target_us 0: as it is now; `name` NULL:
 * "<source>-restored-YYYYMMDD-HHMM".  ERR_NOT_FOUND: there is no base backup from before; ERR_INVALID: it is no
 * Postgres, or the time is to come. */
fallible core_backup_pitr(core *c, const char *volume_instance_id, int64_t target_us, const char *name,
                          const char *user_id, char ret_workflow[ID_SIZE]);

/* Stages a swap.  Of a service that a point-in-time restore made: the one it was made of gets the restored volume, and
 * the restored service goes; its own volume stays, detached.  Of one whose volume was restored: it gets the one from
 * before back, and the restored one stays, detached.  ERR_CONFLICT: neither is so, the restore is not done, or the
 * volumes are elsewhere meanwhile. */
fallible core_backup_swap(core *c, const char *environment_id, const char *service_id, const char *user_id);

fallible core_backup_drill(core *c, const char *volume_instance_id, const char *user_id, char ret_workflow[ID_SIZE]);

/* Of what the functions above returned, or took, the id of. */
enum core_workflow { CORE_WORKFLOW_NONE, CORE_WORKFLOW_RUNNING, CORE_WORKFLOW_DONE, CORE_WORKFLOW_FAILED };
fallible core_backup_workflow(core *c, const char *id, enum core_workflow *ret_state, char **ret_problem);

/* Of the S3 that backup.location names; kept encrypted. */
fallible core_backup_set_credentials(core *c, const char *access_key_id, const char *secret_access_key);

/* What all backups are encrypted with, made when the first is taken.  Without it they are worthless: whoever
 * administers the installation keeps it elsewhere.  The caller owns and wipes it. */
fallible core_backup_password(core *c, char **ret_password);

/* Where they go, for people; borrowed. */
const char *core_backup_location(const core *c);

/* The seconds that a Postgres can be restored to; 0, 0: none. */
fallible core_backup_window(core *c, const char *volume_instance_id, int64_t *ret_from_us, int64_t *ret_to_us);

#endif
