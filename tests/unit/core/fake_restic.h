/* restic without a program: it defines what of backup/restic.h core calls, so that the linker takes none of the real
 * one out of the library.  Snapshots are numbers. */
#ifndef TRAMWAY_TESTS_CORE_FAKE_RESTIC_H
#define TRAMWAY_TESTS_CORE_FAKE_RESTIC_H

#include "backup/restic.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/str.h"

struct restic {
  loop *loop;
  struct list jobs;
  const char *fail; /* every job fails with this */
  bool hold;        /* answers do not come */
  bool stopped, due;
  int taken;
  struct strv done; /* "backup <repository> <volume>@<snapshot>", … */
  char *password;
};

struct restic_job {
  struct list link;
  restic *owner;
  restic_done_fn *done;
  void *arg;
  json_t *answer;
};

static inline void fake_restic_answer(void *r_) {
  restic *r = r_;
  r->due = false;
  for (bool any = true; any && (!r->hold || r->stopped);) {
    any = false;
    LIST_FOREACH(j, &r->jobs, restic_job, link) {
      struct restic_result result = {.answer = j->answer, .output = ""};
      err *e = r->stopped ? err_new(ERR_BUSY, "cancelled") : r->fail ? err_new(ERR_IO, "%s", r->fail) : NULL;
      list_remove(&j->link);
      j->done(j->arg, e, e ? NULL : &result);
      json_decref(j->answer);
      free(j);
      any = true;
      break;
    }
  }
}

static inline void fake_restic_wake(restic *r) {
  if (!r->due) loop_defer(r->loop, fake_restic_answer, r);
  r->due = true;
}

static inline restic *fake_restic_new(loop *l) {
  restic *r = mem_zalloc(sizeof *r);
  r->loop = l;
  list_init(&r->jobs);
  return r;
}

static inline void fake_restic_free(restic *r) {
  strv_done(&r->done);
  free(r->password);
  free(r);
}

static inline err *fake_job(restic *r, const struct restic_job_options *o, json_t *answer, restic_job **ret_job) {
  restic_job *j = mem_zalloc(sizeof *j);
  *j = (restic_job){.owner = r, .done = o->done, .arg = o->arg, .answer = answer};
  list_push(&r->jobs, &j->link);
  fake_restic_wake(r);
  if (ret_job) *ret_job = j;
  return NULL;
}

void restic_set_engine(restic *r, engine *en_) {
  (void)r, (void)en_;
}
void restic_set_place(restic *r, const struct restic_place *place) {
  str_replace_owned(&r->password, place->password);
}
void restic_stop(restic *r) {
  r->stopped = true;
  fake_restic_wake(r);
}
bool restic_is_quiet(const restic *r) {
  return list_empty(&r->jobs) && !r->due;
}

err *restic_backup(restic *r, const struct restic_job_options *o, const struct restic_backup *b, restic_job **ret_job) {
  char id[16];
  snprintf(id, sizeof id, "%08x", ++r->taken);
  strv_addf(&r->done, "backup %s %s@%s", o->repository, b->from.volume_id, b->from.snapshot ? b->from.snapshot : "");
  return fake_job(r, o, json_pack("{s:s, s:i, s:i}", "snapshot_id", id, "total_bytes_processed", 1000, "data_added", 10), ret_job);
}
err *restic_restore(restic *r, const struct restic_job_options *o, const char *snapshot, const struct restic_files *to,
                    const char *const *includes, restic_job **ret_job) {
  (void)includes;
  strv_addf(&r->done, "restore %s %s to %s", o->repository, snapshot, to->volume_id);
  return fake_job(r, o, NULL, ret_job);
}
err *restic_describe(restic *r, const struct restic_job_options *o, const char *snapshot, restic_job **ret_job) {
  return fake_job(r, o, json_pack("[{s:s}]", "tree", snapshot), ret_job);
}
err *restic_forget(restic *r, const struct restic_job_options *o, const char *const *snapshots, bool prunes, restic_job **ret_job) {
  (void)prunes;
  for (; *snapshots; snapshots++) strv_addf(&r->done, "forget %s %s", o->repository, *snapshots);
  return fake_job(r, o, NULL, ret_job);
}
err *restic_stats(restic *r, const struct restic_job_options *o, restic_job **ret_job) {
  return fake_job(r, o, json_pack("{s:i}", "total_size", 5000000), ret_job);
}
err *restic_remove(restic *r, const struct restic_job_options *o, restic_job **ret_job) {
  strv_addf(&r->done, "remove %s", o->repository);
  return fake_job(r, o, NULL, ret_job);
}

#endif
