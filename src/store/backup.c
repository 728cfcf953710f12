#include "store/backup.h"

#include "base/str.h"
#include "store/row.h"

static const struct table backups = {"backups", &backup_shape};
static const struct table schedules = {"backup_schedules", &backup_schedule_shape};
static const struct table repositories = {"backup_repositories", &backup_repository_shape};
static const struct table wals = {"backup_wals", &backup_wal_shape};
static const struct table restores = {"backup_restores", &backup_restore_shape};

err *backup_insert(db *d, struct backup *b) {
  return row_insert(d, &backups, b);
}

err *backup_get(db *d, const char *id, struct backup *ret_backup) {
  return row_get(d, &backups, "WHERE t.id = ?1", DB_BIND(db_text(id)), id, ret_backup);
}

err *backup_find(db *d, const char *id, bool *ret_found, struct backup *ret_backup) {
  return row_find(d, &backups, "WHERE t.id = ?1", DB_BIND(db_text(id)), ret_found, ret_backup);
}

err *backup_update(db *d, const struct backup *b) {
  return row_change(d, &backups,
                    "UPDATE backups SET state = ?2, snapshot_id = ?3, checksum = ?4, label = ?5, problem = ?6,"
                    " size_bytes = ?7, added_bytes = ?8, volume_bytes = ?9, paused_ms = ?10, took_ms = ?11,"
                    " taken_us = ?12, expires_us = ?13, is_locked = ?14, drilled_us = ?15, drill_ms = ?16,"
                    " drill_problem = ?17, drill_checksum = ?18, method = ?19, wal_first = ?20,"
                    " wal_last = ?21, image = ?22 WHERE id = ?1",
                    DB_BIND(db_text(b->id), db_text(backup_state_name(b->state)), db_text(b->snapshot_id),
                            db_text(b->checksum), db_text(b->label), db_text(b->problem), db_int(b->size_bytes),
                            db_int(b->added_bytes), db_int(b->volume_bytes), db_int(b->paused_ms), db_int(b->took_ms),
                            db_int(b->taken_us), db_int(b->expires_us), db_int(b->is_locked), db_int(b->drilled_us),
                            db_int(b->drill_ms), db_text(b->drill_problem), db_text(b->drill_checksum),
                            db_text(backup_method_name(b->method)), db_text(b->wal_first), db_text(b->wal_last), db_text(b->image)),
                    b->id);
}

err *backup_purge(db *d, const char *id) {
  return row_change(d, &backups, "DELETE FROM backups WHERE id = ?1", DB_BIND(db_text(id)), id);
}

err *backup_list(db *d, const char *volume_instance_id, struct backup_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &backups, "WHERE t.volume_instance_id = ?1 ORDER BY t.seq DESC",
                              DB_BIND(db_text(volume_instance_id)), &rows_));
}

err *backup_list_bases(db *d, const char *environment_id, const char *service_id, struct backup_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &backups,
                              "WHERE t.environment_id = ?1 AND t.service_id = ?2 AND t.state = 'READY' AND t.method = 'POSTGRES'"
                              " ORDER BY t.taken_us DESC",
                              DB_BIND(db_text(environment_id), db_text(service_id)), &rows_));
}

err *backup_list_orphans(db *d, struct strv *ret_volume_instances) {
  auto_db_stmt *s = NULL;
  TRY(db_query(d,
               "SELECT volume_instance_id FROM backups UNION SELECT volume_instance_id FROM backup_wals"
               " UNION SELECT volume_instance_id FROM backup_repositories EXCEPT SELECT id FROM volume_instances",
               DB_NONE, &s));
  for (bool row;;) {
    TRY(db_step(s, &row));
    if (!row) return NULL;
    strv_add(ret_volume_instances, db_column_text(s, 0));
  }
}

err *backup_forget_volume(db *d, const char *volume_instance_id) {
  static const char *const statements[] = {
      "DELETE FROM backups WHERE volume_instance_id = ?1", "DELETE FROM backup_wals WHERE volume_instance_id = ?1",
      "DELETE FROM backup_schedules WHERE volume_instance_id = ?1",
      "DELETE FROM backup_repositories WHERE volume_instance_id = ?1"};
  for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
    TRY(db_run(d, statements[i], DB_BIND(db_text(volume_instance_id)), NULL));
  return NULL;
}

err *backup_schedule_find(db *d, const char *volume_instance_id, bool *ret_found,
                          struct backup_schedule *ret_schedule) {
  return row_find(d, &schedules, "WHERE t.volume_instance_id = ?1", DB_BIND(db_text(volume_instance_id)), ret_found,
                  ret_schedule);
}

err *backup_schedule_list_by_environment(db *d, const char *environment_id, struct backup_schedule_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &schedules,
                              "WHERE t.volume_instance_id IN (SELECT id FROM volume_instances WHERE environment_id = ?1)",
                              DB_BIND(db_text(environment_id)), &rows_));
}

err *backup_schedule_set(db *d, struct backup_schedule *s) {
  return row_upsert(d, &schedules,
                    "ON CONFLICT (volume_instance_id) DO UPDATE SET daily = excluded.daily, weekly = excluded.weekly,"
                    " monthly = excluded.monthly, updated_us = excluded.updated_us",
                    s);
}

err *backup_repository_find(db *d, const char *volume_instance_id, bool *ret_found,
                            struct backup_repository *ret_repository) {
  return row_find(d, &repositories, "WHERE t.volume_instance_id = ?1", DB_BIND(db_text(volume_instance_id)), ret_found,
                  ret_repository);
}

err *backup_repository_set(db *d, struct backup_repository *r) {
  return row_upsert(d, &repositories,
                    "ON CONFLICT (volume_instance_id) DO UPDATE SET bytes = excluded.bytes,"
                    " measured_us = excluded.measured_us, checked_us = excluded.checked_us, problem = excluded.problem,"
                    " alerted_us = excluded.alerted_us, wal_us = excluded.wal_us, wal_closed_us = excluded.wal_closed_us",
                    r);
}

err *backup_wal_insert(db *d, struct backup_wal *w) {
  return row_insert(d, &wals, w);
}

err *backup_wal_list(db *d, const char *volume_instance_id, struct backup_wal_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &wals, "WHERE t.volume_instance_id = ?1 ORDER BY t.seq",
                              DB_BIND(db_text(volume_instance_id)), &rows_));
}

err *backup_wal_delete(db *d, const char *id) {
  return row_change(d, &wals, "DELETE FROM backup_wals WHERE id = ?1", DB_BIND(db_text(id)), id);
}

err *backup_restore_insert(db *d, struct backup_restore *r) {
  return row_insert(d, &restores, r);
}

err *backup_restore_find(db *d, const char *id, bool *ret_found, struct backup_restore *ret_restore) {
  return row_find(d, &restores, "WHERE t.id = ?1", DB_BIND(db_text(id)), ret_found, ret_restore);
}

err *backup_restore_find_by_service(db *d, const char *target_service_id, bool *ret_found,
                                    struct backup_restore *ret_restore) {
  return row_find(d, &restores, "WHERE t.target_service_id = ?1 ORDER BY t.seq DESC LIMIT 1",
                  DB_BIND(db_text(target_service_id)), ret_found, ret_restore);
}

err *backup_restore_find_by_target(db *d, const char *target_instance_id, bool *ret_found,
                                   struct backup_restore *ret_restore) {
  return row_find(d, &restores, "WHERE t.target_instance_id = ?1 AND t.state = 'DONE' ORDER BY t.seq DESC LIMIT 1",
                  DB_BIND(db_text(target_instance_id)), ret_found, ret_restore);
}

err *backup_restore_update(db *d, const struct backup_restore *r) {
  return row_change(d, &restores,
                    "UPDATE backup_restores SET state = ?2, problem = ?3, finished_us = ?4, target_volume_id = ?5,"
                    " target_instance_id = ?6, target_service_id = ?7 WHERE id = ?1",
                    DB_BIND(db_text(r->id), db_text(backup_restore_state_name(r->state)), db_text(r->problem),
                            db_int(r->finished_us), db_id(r->target_volume_id), db_id(r->target_instance_id),
                            db_id(r->target_service_id)),
                    r->id);
}

err *backup_restore_list_running(db *d, struct backup_restore_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &restores, "WHERE t.state = 'RUNNING' ORDER BY t.seq", DB_NONE, &rows_));
}

err *backup_restore_forget_before(db *d, int64_t finished_us) {
  return db_run(d, "DELETE FROM backup_restores WHERE state <> 'RUNNING' AND finished_us < ?1",
                DB_BIND(db_int(finished_us)), NULL);
}
