/* Backups of volume instances: what was taken, when it goes, how the last try to restore it went (reference
 * 2.10).  What is in them lies in a repository (backup/restic.h), one per volume instance. */
#ifndef TRAMWAY_MODEL_BACKUP_H
#define TRAMWAY_MODEL_BACKUP_H

#include "model/shape.h"

/* Who asked for it; in the order of how long they are kept. */
enum backup_kind { BACKUP_MANUAL, BACKUP_DAILY, BACKUP_WEEKLY, BACKUP_MONTHLY };
MODEL_ENUM(backup_kind);

enum backup_state {
  BACKUP_TAKING,
  BACKUP_READY,
  BACKUP_FAILED,   /* `problem` says why; nothing of it is kept */
  BACKUP_DELETING, /* being taken out of the repository */
  BACKUP_DELETED,  /* for a day, so that who asked for it learns */
};
MODEL_ENUM(backup_state);

enum backup_method {
  BACKUP_FILES,    /* all files at one moment */
  BACKUP_POSTGRES, /* a base backup, which write-ahead log follows */
};
MODEL_ENUM(backup_method);

struct backup {
  char id[ID_SIZE];
  char volume_instance_id[ID_SIZE];
  char project_id[ID_SIZE];
  char environment_id[ID_SIZE];
  char service_id[ID_SIZE]; /* that had the volume then; "" */
  char creator_id[ID_SIZE]; /* of a manual one: the user; "" */
  char *name;
  char *image; /* of the database that ran with it, "tramway/postgres:15"; NULL: of none */
  enum backup_kind kind;
  enum backup_state state;
  enum backup_method method;
  char *snapshot_id;  /* in the repository; NULL until there is one */
  char *checksum;     /* over all names and contents */
  char *label;        /* of POSTGRES: backup_label */
  char *wal_first, *wal_last; /* of POSTGRES: the segments of log without which it cannot be restored */
  char *problem;
  int64_t size_bytes, added_bytes; /* of the files; of them not in the repository before */
  int64_t volume_bytes;            /* the volume's size then: what a new one for it needs */
  int64_t paused_ms;  /* how long its service stood still for it */
  int64_t took_ms;
  int64_t created_us;
  int64_t taken_us;   /* of when its files are */
  int64_t expires_us; /* 0: never */
  bool is_locked;
  int64_t drilled_us; /* 0: not yet */
  int64_t drill_ms;
  char *drill_problem;  /* why it could not be restored; NULL: it could */
  char *drill_checksum; /* of what a restored one answered */
};
MODEL_STRUCT(backup);
#define auto_backup MODEL_AUTO(backup)
#define auto_backup_list MODEL_AUTO(backup_list)

/* What a volume instance has instead of the default, which is all three. */
struct backup_schedule {
  char id[ID_SIZE];
  char volume_instance_id[ID_SIZE];
  bool daily, weekly, monthly;
  int64_t created_us, updated_us;
};
MODEL_STRUCT(backup_schedule);
/* As Railway's documents say it, which call it this: ["DAILY", "WEEKLY", "MONTHLY"], those that there are, in that
 * order.  The caller owns it; ERR_INVALID. */
#define BACKUP_SCHEDULES "backupSchedules"
json_t *backup_schedule_kinds(const struct backup_schedule *s);
fallible backup_schedule_read(const json_t *kinds, struct backup_schedule *s);
#define auto_backup_schedule MODEL_AUTO(backup_schedule)

/* What is known of a volume instance's repositories. */
struct backup_repository {
  char id[ID_SIZE];
  char volume_instance_id[ID_SIZE];
  int64_t bytes, measured_us;
  int64_t checked_us;      /* when every pack was last found in its place; 0: never */
  char *problem;           /* of what went wrong last; NULL: nothing */
  int64_t alerted_us;      /* when its owner was told of that, or of a backup that is too old */
  int64_t wal_us;          /* up to when there is write-ahead log; 0: none */
  int64_t wal_closed_us;   /* since when all of it is there, as nothing runs with the volume; 0: it goes on */
  int64_t created_us;
};
MODEL_STRUCT(backup_repository);
#define auto_backup_repository MODEL_AUTO(backup_repository)

/* Write-ahead log of a Postgres that is in its repository: consecutive segments, in one snapshot. */
struct backup_wal {
  char id[ID_SIZE];
  char volume_instance_id[ID_SIZE];
  char *snapshot_id;
  char *first, *last; /* names of segments: 24 hex digits */
  int64_t segments;
  int64_t first_us, created_us; /* from when to when what they hold happened, about */
};
MODEL_STRUCT(backup_wal);
#define auto_backup_wal MODEL_AUTO(backup_wal)
#define auto_backup_wal_list MODEL_AUTO(backup_wal_list)

enum backup_restore_kind {
  RESTORE_VOLUME, /* to a new volume, to be swapped in */
  RESTORE_PITR,   /* to a new service beside the old one */
  RESTORE_DRILL,  /* to nothing that stays */
};
MODEL_ENUM(backup_restore_kind);

enum backup_restore_state { RESTORE_RUNNING, RESTORE_DONE, RESTORE_FAILED };
MODEL_ENUM(backup_restore_state);

struct backup_restore {
  char id[ID_SIZE];
  char backup_id[ID_SIZE];
  char volume_instance_id[ID_SIZE]; /* that was backed up */
  char target_volume_id[ID_SIZE], target_instance_id[ID_SIZE], target_service_id[ID_SIZE]; /* made for it; or "" */
  char user_id[ID_SIZE];
  enum backup_restore_kind kind;
  enum backup_restore_state state;
  int64_t target_us; /* of PITR; 0: as late as there is log */
  char *problem;
  int64_t created_us, finished_us;
};
MODEL_STRUCT(backup_restore);
#define auto_backup_restore MODEL_AUTO(backup_restore)
#define auto_backup_restore_list MODEL_AUTO(backup_restore_list)

#endif
