/* What the engine does for volumes: they are made, grow, and are destroyed when their time in the trash is over.
 *
 * Each is wanted by its row, and looked at again until it is so: at the start, after a change, and when the
 * next one's time has come.  DELETING is recorded before anything is destroyed; the row goes last. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/volume_private.h"
#include "store/volume.h"

enum { LATER_MAX_MS = 3600 * 1000, TRY_AGAIN_MS = 10 * 1000 };

struct volume_work {
  core *core;
  char id[ID_SIZE];
  int64_t size_bytes;
};

static void arm(core *c, int64_t wait_ms);

static struct volume_work *begin(core *c, const struct volume_instance *v) {
  struct volume_work *w = mem_zalloc(sizeof *w);
  w->core = c;
  w->size_bytes = v->size_bytes;
  id_copy(w->id, v->id);
  map_set(c->volume_works, w->id, w);
  return w;
}

static void end(struct volume_work *w) {
  map_remove(w->core->volume_works, w->id);
  free(w);
}

/* ---- made, grown ---- */

/* The engine knows volumes by their ids, which people do not. */
static const char *in_words(const struct volume_work *w, const err *problem) {
  auto_free char *prefix = str_format("volume '%s': ", w->id);
  const char *text = err_message(problem);
  return str_starts(text, prefix) ? text + strlen(prefix) : text;
}

static err *record_made(core *c, const struct volume_work *w, const err *problem) {
  auto_volume_instance v = {0};
  TRY(volume_instance_get(c->db, w->id, &v));
  bool moved_on = volume_is_trashed(&v) || (v.state != VOLUME_UPDATING && v.state != VOLUME_ERROR);
  bool outgrown = !problem && v.size_bytes != w->size_bytes;
  if (moved_on || outgrown) return NULL;
  if (problem && v.state == VOLUME_ERROR && str_eq(v.problem, in_words(w, problem))) return NULL;
  v.state = problem ? VOLUME_ERROR : VOLUME_READY;
  str_replace_owned(&v.problem, problem ? in_words(w, problem) : NULL);
  return volume_instance_update(c->db, &v, clock_now_us());
}

static void on_made(void *arg, err *e) {
  struct volume_work *w = arg;
  core *c = w->core;
  auto_err *problem = e;
  auto_err *failed = c->stopping ? NULL : record_made(c, w, problem);
  if (problem && !c->stopping) log_warn("core", "volume %s: %s; trying again", w->id, err_message(problem));
  if (failed) log_error("core", "volume %s: %s", w->id, err_message(failed));
  end(w);
  if (problem || (failed && err_code_of(failed) != ERR_NOT_FOUND))
    arm(c, TRY_AGAIN_MS);
  else
    volumes_wake(c);
}

static void make(core *c, const struct volume_instance *v) {
  struct volume_work *w = begin(c, v);
  engine_volume_apply(c->engine, &(struct engine_volume){.id = w->id, .size_bytes = w->size_bytes}, on_made, w);
}

/* ---- destroyed ---- */

static err *record_destroyed(core *c, const char *id) {
  auto_volume_instance v = {0};
  auto_db_transaction t = {0};
  TRY(volume_instance_get(c->db, id, &v));
  TRY(db_begin(c->db, &t));
  TRY(volume_instance_purge(c->db, id));
  TRY(volume_purge(c->db, v.volume_id));
  return db_commit(&t);
}

static void on_destroyed(void *arg, err *e) {
  struct volume_work *w = arg;
  core *c = w->core;
  if (!e && !c->stopping) e = record_destroyed(c, w->id);
  if (e && !c->stopping) log_warn("core", "destroying volume %s: %s; trying again", w->id, err_message(e));
  bool again = e != NULL;
  err_free(e);
  end(w);
  if (again) arm(c, TRY_AGAIN_MS);
}

static err *destroy(core *c, struct volume_instance *v) {
  if (v->state != VOLUME_DELETING) {
    v->state = VOLUME_DELETING;
    TRY(volume_instance_update(c->db, v, clock_now_us()));
  }
  log_info("core", "volume %s is destroyed", v->id);
  struct volume_work *w = begin(c, v);
  engine_volume_remove(c->engine, w->id, on_destroyed, w);
  return NULL;
}

/* ---- what is due ---- */

static err *look_at_live(core *c) {
  auto_volume_instance_list list = {0};
  TRY(volume_instance_list(c->db, &list));
  for (size_t i = 0; i < list.len; i++) {
    const struct volume_instance *v = &list.items[i];
    bool wanted = v->state == VOLUME_UPDATING || v->state == VOLUME_ERROR, holds = false;
    if (!wanted || map_has(c->volume_works, v->id)) continue;
    TRY(approval_holds_all(c, v->environment_id, &holds)); /* a stranger sets nothing of the disk aside */
    if (!holds) make(c, v);
  }
  return NULL;
}

static err *look_at_trash(core *c) {
  auto_volume_instance_list list = {0};
  TRY(volume_instance_list_trashed(c->db, &list));
  for (size_t i = 0; i < list.len; i++) {
    struct volume_instance *v = &list.items[i];
    int64_t wait_us = v->state == VOLUME_DELETING ? 0 : core_volume_destroyed_us(c, v) - clock_now_us();
    if (map_has(c->volume_works, v->id)) continue;
    if (wait_us > 0)
      arm(c, wait_us / 1000 + 1);
    else
      TRY(destroy(c, v));
  }
  return NULL;
}

static void look(void *arg) {
  core *c = arg;
  c->volumes_due = false;
  if (c->stopping || !c->started) return;
  timer_stop(c->volume_timer);
  c->volume_timer = NULL;
  auto_err *e = look_at_live(c);
  if (!e) e = look_at_trash(c);
  if (!e) return;
  log_error("core", "volumes: %s; trying again", err_message(e));
  arm(c, c->options.retry_ms);
}

static void on_timer(void *arg) {
  volumes_wake(arg);
}

/* The soonest of what was asked for: a look arms it anew. */
static void arm(core *c, int64_t wait_ms) {
  int64_t due_ms = clock_monotonic_ms() + wait_ms;
  if (c->stopping || (c->volume_timer && c->volume_due_ms <= due_ms)) return;
  timer_stop(c->volume_timer);
  c->volume_due_ms = due_ms;
  c->volume_timer = timer_start(c->loop, wait_ms < LATER_MAX_MS ? wait_ms : LATER_MAX_MS, 0, on_timer, c);
}

void volumes_wake(core *c) {
  if (c->volumes_due || c->stopping) return;
  c->volumes_due = true;
  loop_defer(c->loop, look, c);
}

void volumes_stop(core *c) {
  timer_stop(c->volume_timer);
  c->volume_timer = NULL;
}

void volumes_free(core *c) {
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(c->volume_works, &cursor, &id, &value)) free(value);
  map_free(c->volume_works);
}
