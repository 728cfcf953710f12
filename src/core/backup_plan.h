/* When backups of a volume are due, and when they go (reference 2.10).  Pure; all times in UTC.
 *
 * Each volume has its own minute of the night, so that a machine does not take all backups at once.  A backup
 * that is kept longer also serves as one that is kept shorter.  A slot that was missed (the machine was off)
 * is made up for.
 *
 * The clock may have been wrong: what was written by one that was ahead (a time that is still to come) counts as long
 * past, so that nothing waits for that time. */
#ifndef TRAMWAY_CORE_BACKUP_PLAN_H
#define TRAMWAY_CORE_BACKUP_PLAN_H

#include "model/backup.h"

#define BACKUP_FIRST_US (10LL * 60 * 1000000)  /* a new volume's first one: so long after it was made */
#define BACKUP_RETRY_US (15LL * 60 * 1000000)  /* one that failed; twice as long after each further one, up to 4 h */
#define BACKUP_TOO_OLD_US (36LL * 3600 * 1000000) /* with a daily schedule: its owner is told */
#define BACKUP_DRILL_US (7LL * 86400 * 1000000)   /* one that failed is tried again after a day */
#define BACKUP_DRILL_AFTER_US (3600LL * 1000000)  /* it was taken */
#define BACKUP_SKEW_US (3600LL * 1000000)         /* by which a clock may be set back without having been wrong */
#define BACKUP_WINDOW_US (7LL * 86400 * 1000000) /* how long log is kept without gaps */

/* How long ago that is; INT64_MAX for what is still to come. */
int64_t backup_age_us(int64_t now_us, int64_t then_us);

int64_t backup_kept_us(enum backup_kind kind); /* 0: until somebody deletes it */

/* "17 3 * * *"; the caller owns it. */
char *backup_cron(const char *volume_instance_id, enum backup_kind kind);

/* When the slot of `kind` that `now_us` is in has begun. */
int64_t backup_slot_us(const char *volume_instance_id, enum backup_kind kind, int64_t now_us);

struct backup_question {
  const char *volume_instance_id;
  int64_t made_us; /* the volume */
  const struct backup_schedule *schedule;
  const struct backup_list *backups; /* of the volume, in any order */
  int64_t now_us;
};

/* Whether one is to be taken now, and of what kind. */
bool backup_is_due(const struct backup_question *q, enum backup_kind *ret_kind);

/* The newest READY one that is to be restored for a try now, or NULL. */
const struct backup *backup_to_drill(const struct backup_list *backups, int64_t now_us);

/* The newest READY base backup that was taken before that moment, or NULL.  target 0: of all. */
const struct backup *backup_base_for(const struct backup_list *backups, int64_t target_us);

/* It is to be taken out of the repository: somebody deleted it, what failed left a snapshot, or its time is over.  The
 * newest one that is good stays beyond its time: as long as none can be taken, it is all there is. */
bool backup_goes(const struct backup_list *backups, const struct backup *b, int64_t now_us);

/* A scheduled one is too old, or there is none although the volume is. */
bool backup_is_overdue(const struct backup_question *q);

#endif
