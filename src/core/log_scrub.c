/* Looks every SCRUB_MS for logs that have grown, and takes secrets out of what is new: observe/log_scrub.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "core/internal.h"
#include "loop/work.h"
#include "observe/log_scrub.h"

enum { SCRUB_MS = 1000 };

struct target {
  char *path;
  redactor *redactor;
};

struct log_scrubbing {
  core *core;
  timer *timer;
  map *sizes; /* path → its size when it was looked through last, as a number in the pointer */
  map *seen;  /* in this turn */
  struct target *targets; /* of the job that runs */
  size_t len, capacity;
  bool busy;
};

static void clear_targets(struct log_scrubbing *s) {
  for (size_t i = 0; i < s->len; i++) {
    free(s->targets[i].path);
    redactor_free(s->targets[i].redactor);
  }
  s->len = 0;
}

/* ---- a turn ---- */

static err *scrub_all(void *arg) {
  struct log_scrubbing *s = arg;
  err *first = NULL;
  for (size_t i = 0; i < s->len; i++) {
    err *e = log_scrub_file(s->targets[i].path, s->targets[i].redactor);
    if (first)
      err_ignore(e);
    else
      first = e;
  }
  return first;
}

static void on_scrubbed(void *arg, err *e) {
  struct log_scrubbing *s = arg;
  if (e) log_error("logs", "%s", err_message(e));
  err_free(e);
  s->busy = false;
  clear_targets(s);
}

/* False: what is secret is not known now. */
static bool add_target(struct log_scrubbing *s, const char *deployment_id, const char *path) {
  redactor *r = NULL;
  auto_err *e = redaction_find(s->core, deployment_id, &r);
  if (e) log_error("logs", "%s", err_message(e));
  if (e) return false;
  if (redactor_is_empty(r)) {
    redactor_free(r);
    return true;
  }
  s->targets = mem_grow(s->targets, &s->capacity, s->len + 1, sizeof *s->targets);
  s->targets[s->len++] = (struct target){str_dup(path), r};
  return true;
}

static void look_at(void *arg, const struct instance_report *report) {
  struct log_scrubbing *s = arg;
  auto_free char *id = str_ndup(report->workload_id, strnlen(report->workload_id, ID_SIZE - 1)), *path = NULL;
  err *e = log_store_instance_path(s->core->logs, id, report->instance_id, &path);
  struct stat info;
  if (e || stat(path, &info) < 0) {
    err_ignore(e);
    return;
  }
  map_set(s->seen, path, s);
  void *size = (void *)(intptr_t)info.st_size;
  if (map_get(s->sizes, path) != size && add_target(s, id, path)) map_set(s->sizes, path, size);
}

/* Some end, and are gone, between two turns. */
void log_scrubbing_note(core *c, const struct instance_report *report) {
  struct log_scrubbing *s = c->scrubbing;
  if (!s || report->status == INSTANCE_REMOVED) return; /* its logs may be gone already */
  auto_free char *id = str_ndup(report->workload_id, strnlen(report->workload_id, ID_SIZE - 1)), *path = NULL;
  auto_err *e = log_store_instance_path(c->logs, id, report->instance_id, &path);
  if (!e && !map_has(s->sizes, path)) map_set(s->sizes, path, (void *)(intptr_t)-1);
}

/* Those that have ended are looked through once more: their last words. */
static void look_at_ended(struct log_scrubbing *s) {
  auto_strv ended = STRV_EMPTY;
  const char *path;
  void *size;
  for (size_t cursor = 0; map_next(s->sizes, &cursor, &path, &size);)
    if (!map_has(s->seen, path)) strv_add(&ended, path);
  for (size_t i = 0; i < ended.len; i++) {
    auto_free char *folder = str_ndup(ended.items[i], (size_t)(strrchr(ended.items[i], '/') - ended.items[i]));
    if (add_target(s, strrchr(folder, '/') + 1, ended.items[i])) map_remove(s->sizes, ended.items[i]);
  }
}

static void on_turn(void *arg) {
  struct log_scrubbing *s = arg;
  if (s->busy || !s->core->started) return;
  s->seen = map_new();
  engine_each(s->core->engine, NULL, look_at, s);
  look_at_ended(s);
  map_free(s->seen);
  s->seen = NULL;
  if (!s->len) return;
  s->busy = true;
  work_start(s->core->loop, scrub_all, on_scrubbed, s);
}

void log_scrubbing_start(core *c) {
  c->scrubbing = mem_zalloc(sizeof *c->scrubbing);
  *c->scrubbing = (struct log_scrubbing){.core = c, .sizes = map_new()};
  c->scrubbing->timer = timer_start(c->loop, SCRUB_MS, SCRUB_MS, on_turn, c->scrubbing);
}

void log_scrubbing_stop(core *c) {
  if (!c->scrubbing) return;
  timer_stop(c->scrubbing->timer);
  c->scrubbing->timer = NULL;
}

bool log_scrubbing_is_quiet(const core *c) {
  return !c->scrubbing || !c->scrubbing->busy;
}

void log_scrubbing_free(core *c) {
  struct log_scrubbing *s = c->scrubbing;
  if (!s) return;
  log_scrubbing_stop(c);
  clear_targets(s);
  free(s->targets);
  map_free(s->sizes);
  free(s);
  c->scrubbing = NULL;
}
