#include "model/backup.h"

MODEL_ENUM_WORDS(backup_kind, "kind of backup", "MANUAL", "DAILY", "WEEKLY", "MONTHLY");
MODEL_ENUM_WORDS(backup_state, "state of a backup", "TAKING", "READY", "FAILED", "DELETING", "DELETED");
MODEL_ENUM_WORDS(backup_method, "method of a backup", "FILES", "POSTGRES");
MODEL_ENUM_WORDS(backup_restore_kind, "kind of restore", "VOLUME", "PITR", "DRILL");
MODEL_ENUM_WORDS(backup_restore_state, "state of a restore", "RUNNING", "DONE", "FAILED");

#define F(member) FIELD(struct backup, member)
static const struct field backup_fields[] = {
    F(id), F(volume_instance_id), F(project_id), F(environment_id), F(service_id), F(creator_id), F(name), F(image),
    ENUM_FIELD(struct backup, kind, backup_kind_names),
    ENUM_FIELD(struct backup, state, backup_state_names),
    ENUM_FIELD(struct backup, method, backup_method_names),
    F(snapshot_id), F(checksum), F(label), F(wal_first), F(wal_last), F(problem), F(size_bytes), F(added_bytes), F(volume_bytes), F(paused_ms),
    F(took_ms), F(created_us), F(taken_us), F(expires_us), F(is_locked), F(drilled_us), F(drill_ms), F(drill_problem),
    F(drill_checksum),
};
#undef F
const struct shape backup_shape = SHAPE("backup", struct backup, backup_fields);

#define F(member) FIELD(struct backup_schedule, member)
static const struct field backup_schedule_fields[] = {
    F(id), F(volume_instance_id), F(daily), F(weekly), F(monthly), F(created_us), F(updated_us),
};
#undef F
const struct shape backup_schedule_shape = SHAPE("backup schedule", struct backup_schedule, backup_schedule_fields);

json_t *backup_schedule_kinds(const struct backup_schedule *s) {
  json_t *kinds = json_array();
  if (s->daily) json_array_append_new(kinds, json_string(backup_kind_name(BACKUP_DAILY)));
  if (s->weekly) json_array_append_new(kinds, json_string(backup_kind_name(BACKUP_WEEKLY)));
  if (s->monthly) json_array_append_new(kinds, json_string(backup_kind_name(BACKUP_MONTHLY)));
  return kinds;
}

err *backup_schedule_read(const json_t *kinds, struct backup_schedule *s) {
  const json_t *item;
  size_t i;
  if (!json_is_array(kinds)) return err_new(ERR_INVALID, "must be a list of DAILY, WEEKLY and MONTHLY");
  json_array_foreach(kinds, i, item) {
    enum backup_kind kind = BACKUP_MANUAL;
    const char *word = json_string_value(item);
    if (word) TRY(backup_kind_parse(word, &kind));
    if (kind == BACKUP_MANUAL) return err_new(ERR_INVALID, "must be a list of DAILY, WEEKLY and MONTHLY");
    s->daily |= kind == BACKUP_DAILY;
    s->weekly |= kind == BACKUP_WEEKLY;
    s->monthly |= kind == BACKUP_MONTHLY;
  }
  return NULL;
}

#define F(member) FIELD(struct backup_repository, member)
static const struct field backup_repository_fields[] = {
    F(id),      F(volume_instance_id), F(bytes),  F(measured_us), F(checked_us),
    F(problem), F(alerted_us),         F(wal_us), F(wal_closed_us), F(created_us),
};
#undef F
const struct shape backup_repository_shape =
    SHAPE("repository of backups", struct backup_repository, backup_repository_fields);

#define F(member) FIELD(struct backup_wal, member)
static const struct field backup_wal_fields[] = {
    F(id), F(volume_instance_id), F(snapshot_id), F(first), F(last), F(segments), F(first_us), F(created_us),
};
#undef F
const struct shape backup_wal_shape = SHAPE("piece of log", struct backup_wal, backup_wal_fields);

#define F(member) FIELD(struct backup_restore, member)
static const struct field backup_restore_fields[] = {
    F(id), F(backup_id), F(volume_instance_id), F(target_volume_id), F(target_instance_id), F(target_service_id),
    F(user_id),
    ENUM_FIELD(struct backup_restore, kind, backup_restore_kind_names),
    ENUM_FIELD(struct backup_restore, state, backup_restore_state_names),
    F(target_us), F(problem), F(created_us), F(finished_us),
};
#undef F
const struct shape backup_restore_shape = SHAPE("restore", struct backup_restore, backup_restore_fields);
