/* What the owner of a volume is told of its backups: when something begins to fail, once a day while it does, and when
 * it works again.  Never for each try: a place that cannot be reached for a night would be a thousand messages. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/backup_private.h"
#include "store/backup.h"
#include "store/volume.h"

#define DAY_US (24LL * 3600 * 1000000)

/* How a repository's problem begins, so that what works again takes back what it said itself.  A backup that is taken
 * proves the log and the place, too. */
static const char *const begins[] = {[BACKUP_ACT_TAKE] = "", [BACKUP_ACT_LOG] = "its log: ", [BACKUP_ACT_TIDY] = "removing old ones: "};

void backup_note_time(map *m, const char *volume_instance_id, int64_t ms) {
  free(map_remove(m, volume_instance_id));
  if (ms) map_set(m, volume_instance_id, mem_dup(&ms, sizeof ms));
}

int64_t backup_noted_time(const map *m, const char *volume_instance_id) {
  const int64_t *ms = map_get(m, volume_instance_id);
  return ms ? *ms : 0;
}

void backup_forget_times(map *m) {
  size_t cursor = 0;
  const char *id;
  void *ms;
  while (map_next(m, &cursor, &id, &ms)) free(ms);
  map_free(m);
}

err *backup_known(core *c, const char *volume_instance_id, struct backup_repository *ret_known) {
  bool found = false;
  TRY(backup_repository_find(c->db, volume_instance_id, &found, ret_known));
  id_copy(ret_known->volume_instance_id, volume_instance_id);
  return NULL;
}

/* The problem is that the volume never had a file: nobody need be told. */
static bool is_of_nothing(core *c, const char *volume_instance_id, const char *problem) {
  auto_backup_list list = {0};
  if (!problem || !strstr(problem, RESTIC_NOTHING)) return false;
  auto_err *e = backup_list(c->db, volume_instance_id, &list);
  for (size_t i = 0; i < list.len; i++)
    if (list.items[i].state == BACKUP_READY) return false; /* it had: where are they? */
  return e == NULL;
}

static err *note_failure(struct backups *b, const char *id, enum backup_act act, const char *problem) {
  auto_backup_repository known = {0};
  auto_volume_instance v = {0};
  int64_t now_us = clock_now_us();
  TRY(backup_known(b->core, id, &known));
  TRY(volume_instance_get(b->core->db, id, &v));
  if (volume_is_trashed(&v)) return NULL;
  bool told = known.problem && known.alerted_us && backup_age_us(now_us, known.alerted_us) < DAY_US;
  bool quiet = told || is_of_nothing(b->core, id, problem);
  auto_free char *whole = str_format("%s%s", begins[act], problem);
  str_replace_owned(&known.problem, whole);
  if (!quiet) known.alerted_us = now_us;
  TRY(backup_repository_set(b->core->db, &known));
  if (!quiet)
    backup_event(b->core, &v, EVENT_CRITICAL, "failed", whole,
                 "earlier backups are not touched; it is tried again, and told once a day until it works");
  return NULL;
}

static err *note_success(struct backups *b, const char *id, enum backup_act act) {
  auto_backup_repository known = {0};
  auto_volume_instance v = {0};
  TRY(backup_known(b->core, id, &known));
  if (!known.problem || !str_starts(known.problem, begins[act])) return NULL;
  TRY(volume_instance_get(b->core->db, id, &v));
  auto_free char *was = str_format("what failed works again; it was: %s", known.problem);
  bool told = known.alerted_us != 0;
  str_replace_owned(&known.problem, NULL);
  known.alerted_us = 0;
  TRY(backup_repository_set(b->core->db, &known));
  if (told) backup_event(b->core, &v, EVENT_INFO, "recovered", was, "backups are taken as before");
  return NULL;
}

void backup_failing(struct backups *b, const char *volume_instance_id, enum backup_act act, const char *problem) {
  auto_err *e = note_failure(b, volume_instance_id, act, problem);
  if (e && err_code_of(e) != ERR_NOT_FOUND) log_warn("backup", "volume %s: %s", volume_instance_id, err_message(e));
}

void backup_working(struct backups *b, const char *volume_instance_id, enum backup_act act) {
  auto_err *e = note_success(b, volume_instance_id, act);
  if (e && err_code_of(e) != ERR_NOT_FOUND) log_warn("backup", "volume %s: %s", volume_instance_id, err_message(e));
}

err *backup_tell_overdue(struct backups *b, const struct volume_instance *v, const struct backup_question *q) {
  auto_backup_repository known = {0};
  if (!backup_is_overdue(q)) return NULL;
  TRY(backup_known(b->core, v->id, &known));
  if (known.alerted_us && backup_age_us(q->now_us, known.alerted_us) < DAY_US) return NULL;
  if (is_of_nothing(b->core, v->id, known.problem)) return NULL;
  auto_free char *outcome = str_format("it is tried again%s%s", known.problem ? "; the last try: " : "", known.problem ? known.problem : "");
  known.alerted_us = q->now_us;
  TRY(backup_repository_set(b->core->db, &known));
  backup_event(b->core, v, EVENT_CRITICAL, "overdue", q->schedule->daily ? "the volume has no backup of the last 36 hours"
                                                                        : "the volume has no backup as young as its schedule wants",
               outcome);
  return NULL;
}

/* The scheduled ones are taken all the same: a disk that is too full is told by itself, a day without a backup is lost. */
err *backup_note_size(struct backups *b, const char *volume_instance_id, int64_t bytes) {
  auto_backup_repository known = {0};
  auto_volume_instance v = {0};
  int64_t quota = b->core->options.backup_quota_bytes;
  TRY(backup_known(b->core, volume_instance_id, &known));
  bool reached = quota && bytes > quota && known.bytes <= quota;
  known.bytes = bytes;
  known.measured_us = clock_now_us();
  TRY(backup_repository_set(b->core->db, &known));
  if (!reached) return NULL;
  TRY(volume_instance_get(b->core->db, volume_instance_id, &v));
  auto_free char *cause = str_format("its backups take %lld MB, and backup.quota is %lld MB", (long long)(bytes / 1000000),
                                     (long long)(quota / 1000000));
  backup_event(b->core, &v, EVENT_WARNING, "quota", cause,
               "scheduled ones are taken on, none by hand: delete some, choose a smaller schedule, or raise the quota");
  return NULL;
}
