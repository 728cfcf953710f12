/* A run: see disk.h. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "core/disk_private.h"
#include "loop/work.h"
#include "store/artifact.h"

/* ---- a run ---- */

static void begin(struct disk *d);

static void forget_lists(struct disk *d) {
  strv_done(&d->images);
  strv_done(&d->paths);
  strv_done(&d->cuts);
}

/* One that fails keeps nothing else from going; the first failure is told.  Takes `e`. */
static void note(err **first, err *e) {
  if (*first)
    err_free(e);
  else
    *first = e;
}

void disk_finish(struct disk *d, err *e) {
  struct core_disk *r = &d->report;
  note(&d->failure, e);
  e = d->failure;
  d->failure = NULL;
  if (e && !d->core->stopping) log_error("disk", "%s", err_message(e));
  str_replace_owned(&r->problem, e ? err_message(e) : "");
  err_free(e);
  if (d->collect) d->collected_ms = clock_monotonic_ms();
  if (d->collect && d->complete) d->tried_ms = d->collected_ms;
  r->runs++;
  d->phase = DISK_IDLE;
  d->urgent = false;
  forget_lists(d);
  disk_facts_done(&d->facts);
  queue_wake(d->core);
  if (!d->again || d->core->stopping) return;
  d->collect = d->again_collects;
  d->again = d->again_collects = false;
  begin(d);
}

static void say_freed(struct disk *d) {
  struct core_disk *r = &d->report;
  r->freed_bytes = d->held_before > r->used_bytes ? d->held_before - r->used_bytes : 0;
  r->collected_us = clock_now_us();
  auto_free char *freed = disk_size_text(r->freed_bytes);
  if (r->removed) log_info("disk", "removed %lld items that nothing needs any more: %s", (long long)r->removed, freed);
}

/* Once each time that it becomes so. */
static void warn_if_short(struct disk *d) {
  const struct core_disk *r = &d->report;
  bool is_short = r->free_bytes < r->reserve_bytes;
  if (is_short && !d->warned) {
    auto_err *e = disk_short_error(d, &d->facts.space, r->reserve_bytes);
    log_warn("disk", "%s", err_message(e));
  }
  d->warned = is_short;
}

static err *read_and_report(struct disk *d, struct disk_items *items, struct disk_logs *logs) {
  core *c = d->core;
  struct disk_log_rules rules = {
      .now_us = clock_now_us(), .keep_us = c->options.log_keep_ms * 1000, .owner_bytes = c->options.log_bytes};
  TRY(disk_items_make(c, &d->facts, items));
  TRY(disk_logs_make(c, &d->facts, logs));
  disk_plan_logs(&rules, logs->items, logs->len);
  disk_make_report(d, items, logs);
  return NULL;
}

static void on_looked_again(void *arg, err *e) {
  struct disk *d = arg;
  struct disk_items items = {0};
  struct disk_logs logs = {0};
  if (!e && !d->core->stopping) e = read_and_report(d, &items, &logs);
  if (!e && d->collect) {
    say_freed(d);
    warn_if_short(d);
  }
  free(items.items);
  disk_logs_done(&logs);
  disk_finish(d, e);
}

static err *look(void *arg) {
  struct disk *d = arg;
  return disk_look(&d->places, &d->facts);
}

static void on_files_removed(void *arg, err *e) {
  struct disk *d = arg;
  note(&d->failure, e);
  if (d->core->stopping) {
    disk_finish(d, NULL);
    return;
  }
  d->phase = DISK_LOOKING_AGAIN;
  disk_facts_done(&d->facts);
  work_start(d->core->loop, look, on_looked_again, d);
}

/* What could not be deleted is there at the next run, too. */
static err *remove_files(void *arg) {
  struct disk *d = arg;
  err *first = NULL;
  int64_t freed;
  note(&first, snapshot_clear_aside(d->places.snapshots));
  note(&first, git_mirror_clear_aside(d->places.git));
  for (size_t i = 0; i < d->paths.len; i++) note(&first, file_remove_tree(d->paths.items[i]));
  for (size_t i = 0; i < d->cuts.len; i++)
    note(&first, log_keep_trim(d->logs_dir, d->cuts.items[i], d->cut_bytes[i], &freed));
  return first;
}

static void on_images_removed(void *arg, err *e) {
  struct disk *d = arg;
  note(&d->failure, e); /* the files can go all the same */
  d->phase = DISK_REMOVING_FILES;
  work_start(d->core->loop, remove_files, on_files_removed, d);
}

static bool has_row(const struct disk_item *item) {
  return item->kind == DISK_IMAGE || (item->kind == DISK_SNAPSHOT && !item->is_leftover);
}

static err *forget_rows(struct disk *d, const struct disk_items *items, const struct disk_plan *plan) {
  core *c = d->core;
  auto_db_transaction t = {0};
  TRY(db_begin(c->db, &t));
  for (size_t i = 0; i < plan->len; i++) {
    const struct disk_item *item = &items->items[plan->goes[i]];
    if (!has_row(item)) continue;
    TRY(item->kind == DISK_IMAGE ? image_forget(c->db, item->name) : snapshot_forget(c->db, item->name));
  }
  return db_commit(&t);
}

/* Nobody can ask for it from here on. */
static err *let_go(struct disk *d, const struct disk_item *item) {
  core *c = d->core;
  d->report.removed++;
  switch (item->kind) {
  case DISK_SNAPSHOT: return snapshot_put_aside(c->snapshots, item->name);
  case DISK_MIRROR: return git_mirror_put_aside(c->git, item->name);
  case DISK_CACHE: strv_add(&d->paths, item->name); return NULL;
  default: strv_add(&d->images, item->name); return NULL;
  }
}

static void let_items_go(struct disk *d, const struct disk_items *items, const struct disk_plan *plan) {
  err *unforgotten = forget_rows(d, items, plan);
  for (size_t i = 0; i < plan->len; i++) {
    const struct disk_item *item = &items->items[plan->goes[i]];
    if (!unforgotten || !has_row(item)) note(&d->failure, let_go(d, item));
  }
  /* A disk that is full takes no change of a row: with what went without one, the next run can. */
  if (unforgotten && d->report.removed) d->again = d->again_collects = true;
  if (unforgotten) note(&d->failure, unforgotten);
}

static void let_logs_go(struct disk *d, const struct disk_logs *logs) {
  for (size_t i = 0; i < logs->len; i++) {
    const struct disk_log *log = &logs->items[i];
    if (log->fate == DISK_LOG_GOES) {
      note(&d->failure, log_store_remove(d->core->logs, log->deployment_id));
      d->report.removed++;
    } else if (log->fate == DISK_LOG_IS_CUT) {
      d->cut_bytes = mem_grow(d->cut_bytes, &d->cut_capacity, d->cuts.len + 1, sizeof *d->cut_bytes);
      d->cut_bytes[d->cuts.len] = log->cut_bytes;
      strv_add(&d->cuts, log->deployment_id);
    }
  }
}

static err *decide(struct disk *d) {
  struct disk_items items = {0};
  struct disk_logs logs = {0};
  err *e = read_and_report(d, &items, &logs);
  d->held_before = d->report.used_bytes;
  d->report.removed = 0;
  if (!e) {
    auto_disk_plan plan = {0};
    struct disk_state state = disk_state_of(d, &items);
    disk_plan_make(&state, &plan);
    let_logs_go(d, &logs);
    let_items_go(d, &items, &plan);
  }
  free(items.items);
  disk_logs_done(&logs);
  return e;
}

void disk_collect(struct disk *d) {
  d->complete = !queue_is_building(d->core);
  err *e = decide(d);
  if (e) {
    disk_finish(d, e);
  } else if (d->images.len) {
    d->phase = DISK_REMOVING_IMAGES;
    builder_remove_images(d->core->builder, &d->images, on_images_removed, d);
  } else {
    on_images_removed(d, NULL);
  }
}

static void on_looked(void *arg, err *e) {
  struct disk *d = arg;
  if (e || d->core->stopping)
    disk_finish(d, e);
  else if (!d->collect)
    on_looked_again(d, NULL);
  else if (d->urgent && queue_is_building(d->core))
    d->phase = DISK_WAITING;
  else
    disk_collect(d);
}

static void begin(struct disk *d) {
  d->phase = DISK_LOOKING;
  work_start(d->core->loop, look, on_looked, d);
}

int64_t core_disk_look(core *c, bool collects) {
  struct disk *d = c->disk;
  if (c->stopping) return d->report.runs;
  if (d->phase == DISK_IDLE) {
    d->collect = collects;
    begin(d);
    return d->report.runs + 1;
  }
  d->again = true;
  d->again_collects |= collects;
  return d->report.runs + 2;
}

/* ---- the life of it ---- */

disk *disk_new(core *c) {
  struct disk *d = mem_zalloc(sizeof *d);
  d->core = c;
  d->data_dir = str_dup(c->options.data_dir); /* it changes only with a restart */
  d->logs_dir = path_join(d->data_dir, "logs");
  d->places = (struct disk_places){.data_dir = d->data_dir,
                                   .snapshots = c->snapshots,
                                   .git = c->git,
                                   .known_layers = map_new(),
                                   .known_snapshots = map_new()};
  d->tried_ms = d->collected_ms = DISK_NEVER_MS;
  d->report.problem = str_dup("");
  return d;
}

bool disk_is_quiet(const disk *d) {
  return d->phase == DISK_IDLE && !d->cutting;
}

void disk_free(disk *d) {
  if (!d) return;
  disk_facts_done(&d->facts);
  forget_lists(d);
  strv_done(&d->running);
  free(d->cut_bytes);
  map_free(d->places.known_layers);
  map_free(d->places.known_snapshots);
  free(d->data_dir);
  free(d->logs_dir);
  free(d->report.problem);
  free(d);
}
