/* When the disk is looked at and tidied, and who must wait or is refused meanwhile. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/disk_private.h"
#include "loop/work.h"

enum {
  FIRST_RUN_MS = 60 * 1000, /* after the start: what a former tramd left */
  SOON_MS = 10 * 1000,
  HOURLY_MS = 3600 * 1000,
  CALM_TICK_MS = 15 * 1000,
  BUILD_TICK_MS = 1000,
  TRIED_MS = 60 * 1000, /* a run that did not help is not repeated for each build that asks */
};

/* ---- builds and uploads ---- */

bool disk_holds_builds(disk *d) {
  if (d->phase == DISK_WAITING && !queue_is_building(d->core)) disk_collect(d);
  return d->phase == DISK_WAITING || d->phase == DISK_REMOVING_IMAGES;
}

void disk_build_waits(disk *d) {
  if (d->phase == DISK_REMOVING_IMAGES && !d->urgent) builder_stop_removing(d->core->builder);
}

static void collect_now(struct disk *d) {
  if (d->phase == DISK_IDLE || !d->collect) core_disk_look(d->core, true);
  d->urgent = true;
}

enum disk_answer disk_admits_build(disk *d, err **ret_why) {
  struct usage_space space = disk_space(d);
  int64_t reserve = disk_reserve(d, &space);
  if (!disk_is_short(&space, reserve)) return DISK_ADMITS;
  bool tried = d->tried_ms != DISK_NEVER_MS && clock_monotonic_ms() - d->tried_ms < TRIED_MS;
  if (d->phase == DISK_IDLE && tried) {
    *ret_why = disk_short_error(d, &space, reserve);
    return DISK_REFUSES;
  }
  collect_now(d);
  return DISK_IS_ASKED_AGAIN;
}

err *core_disk_admits_source(core *c, int64_t *ret_room_bytes) {
  struct usage_space space = disk_space(c->disk);
  int64_t reserve = disk_reserve(c->disk, &space);
  if (disk_is_short(&space, reserve)) {
    if (c->disk->phase == DISK_IDLE) core_disk_look(c, true); /* the next try may find room */
    return disk_short_error(c->disk, &space, reserve);
  }
  if (ret_room_bytes) *ret_room_bytes = space.total_bytes ? space.free_bytes - reserve / 2 : INT64_MAX;
  return NULL;
}

/* ---- the timers ---- */

static void on_tick(void *arg);

static void set_tick(struct disk *d, int64_t delay_ms) {
  timer_stop(d->tick);
  d->tick = timer_start(d->core->loop, delay_ms, 0, on_tick, d);
}

static void stop_builds(core *c, const err *why) {
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(c->runs, &cursor, &id, &value))
    if (run_is_building(value)) run_fail_with(value, why);
}

/* A build that fills the disk is ended before it takes what the platform itself needs. */
static void watch_builds(struct disk *d, const struct usage_space *space, int64_t reserve) {
  if (!disk_is_short(space, reserve / 2)) return;
  auto_err *e = disk_short_error(d, space, reserve);
  stop_builds(d->core, e);
}

static err *cut_logs(void *arg) {
  struct disk *d = arg;
  int64_t freed;
  for (size_t i = 0; i < d->running.len; i++)
    TRY(log_keep_trim(d->logs_dir, d->running.items[i], d->running_bytes, &freed));
  return NULL;
}

static void on_logs_cut(void *arg, err *e) {
  struct disk *d = arg;
  d->cutting = false;
  strv_done(&d->running);
  if (e && err_code_of(e) != ERR_CONFLICT) log_warn("disk", "bounding logs: %s", err_message(e));
  err_free(e); /* a file system that cannot do it was named at the start of the first run */
}

static void add_running(void *arg, const struct instance_report *report) {
  struct strv *ids = arg;
  auto_free char *id = str_ndup(report->workload_id, strnlen(report->workload_id, ID_SIZE - 1));
  if (!strv_has(ids, id)) strv_add(ids, id);
}

/* An app that writes much would fill the disk within the hour. */
static void cut_running_logs(struct disk *d) {
  if (d->cutting) return;
  engine_each(d->core->engine, NULL, add_running, &d->running);
  if (!d->running.len) return;
  d->cutting = true;
  d->running_bytes = d->core->options.log_bytes;
  work_start(d->core->loop, cut_logs, on_logs_cut, d);
}

static void on_tick(void *arg) {
  struct disk *d = arg;
  bool building = queue_is_building(d->core);
  int64_t now_ms = clock_monotonic_ms();
  struct usage_space space = disk_space(d);
  int64_t reserve = disk_reserve(d, &space);
  if (building) watch_builds(d, &space, reserve);
  bool recently = d->collected_ms != DISK_NEVER_MS && now_ms - d->collected_ms < TRIED_MS;
  bool due = d->collected_ms != DISK_NEVER_MS && now_ms - d->collected_ms > HOURLY_MS;
  if (d->phase == DISK_IDLE && (due || (disk_is_short(&space, reserve) && !recently))) core_disk_look(d->core, true);
  cut_running_logs(d);
  set_tick(d, building ? BUILD_TICK_MS : CALM_TICK_MS);
}

static void on_soon(void *arg) {
  struct disk *d = arg;
  timer_stop(d->soon);
  d->soon = NULL;
  core_disk_look(d->core, true);
}

void disk_soon(disk *d) {
  if (!d->soon && d->tick) d->soon = timer_start(d->core->loop, SOON_MS, 0, on_soon, d);
}

void disk_build_begins(disk *d) {
  if (d->tick) set_tick(d, BUILD_TICK_MS);
}

void disk_start(disk *d) {
  set_tick(d, CALM_TICK_MS);
  d->soon = timer_start(d->core->loop, FIRST_RUN_MS, 0, on_soon, d);
}

void disk_stop(disk *d) {
  timer_stop(d->tick);
  timer_stop(d->soon);
  d->tick = d->soon = NULL;
  if (d->phase == DISK_WAITING) disk_finish(d, NULL);
}
