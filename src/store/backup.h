/* Tables: backups, backup_schedules, backup_repositories, backup_wals, backup_restores.  Inserts fill id and
 * created_us where they are empty; updates write the whole row. */
#ifndef TRAMWAY_STORE_BACKUP_H
#define TRAMWAY_STORE_BACKUP_H

#include "model/backup.h"
#include "store/db.h"

fallible backup_insert(db *d, struct backup *b);
fallible backup_get(db *d, const char *id, struct backup *ret_backup); /* also a deleted one */
fallible backup_find(db *d, const char *id, bool *ret_found, struct backup *ret_backup);
fallible backup_update(db *d, const struct backup *b);
fallible backup_purge(db *d, const char *id);
/* Newest first; of all states. */
fallible backup_list(db *d, const char *volume_instance_id, struct backup_list *ret_list);
/* READY base backups of all volumes that the service has had there, newest first. */
fallible backup_list_bases(db *d, const char *environment_id, const char *service_id, struct backup_list *ret_list);
/* The ids that backups or log name and that no volume instance has any more. */
fallible backup_list_orphans(db *d, struct strv *ret_volume_instances);
fallible backup_forget_volume(db *d, const char *volume_instance_id); /* every row of it */

fallible backup_schedule_find(db *d, const char *volume_instance_id, bool *ret_found,
                              struct backup_schedule *ret_schedule);
fallible backup_schedule_list_by_environment(db *d, const char *environment_id, struct backup_schedule_list *ret_list);
fallible backup_schedule_set(db *d, struct backup_schedule *s);

fallible backup_repository_find(db *d, const char *volume_instance_id, bool *ret_found,
                                struct backup_repository *ret_repository);
fallible backup_repository_set(db *d, struct backup_repository *r);

fallible backup_wal_insert(db *d, struct backup_wal *w);
fallible backup_wal_list(db *d, const char *volume_instance_id, struct backup_wal_list *ret_list); /* oldest first */
fallible backup_wal_delete(db *d, const char *id);

fallible backup_restore_insert(db *d, struct backup_restore *r);
fallible backup_restore_find(db *d, const char *id, bool *ret_found, struct backup_restore *ret_restore);
fallible backup_restore_find_by_service(db *d, const char *target_service_id, bool *ret_found,
                                        struct backup_restore *ret_restore);
/* The one that is done and filled this volume instance. */
fallible backup_restore_find_by_target(db *d, const char *target_instance_id, bool *ret_found,
                                       struct backup_restore *ret_restore);
fallible backup_restore_update(db *d, const struct backup_restore *r);
fallible backup_restore_list_running(db *d, struct backup_restore_list *ret_list);
fallible backup_restore_forget_before(db *d, int64_t finished_us);

#endif
