/* The rules of [disk], and what `tram disk` shows. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/disk_private.h"

/* ---- the rules ---- */

struct usage_space disk_space(const struct disk *d) {
  struct usage_space space = {0};
  auto_err *e = usage_space_of(d->data_dir, &space);
  if (e) log_warn("disk", "%s", err_message(e));
  return space;
}

int64_t disk_reserve(const struct disk *d, const struct usage_space *space) {
  int64_t configured = d->core->options.disk_reserve_bytes;
  return configured ? configured : usage_reserve(space);
}

static int64_t budget_of(const struct disk *d, const struct usage_space *space) {
  return d->core->options.disk_budget_bytes ? d->core->options.disk_budget_bytes : space->total_bytes / 2;
}

char *disk_size_text(int64_t bytes) {
  return bytes < 1000000000 ? str_format("%lld MB", (long long)(bytes / 1000000))
                            : str_format("%.1f GB", (double)bytes / 1e9);
}

bool disk_is_short(const struct usage_space *space, int64_t reserve) {
  return space->total_bytes && space->free_bytes < reserve;
}

err *disk_short_error(const struct disk *d, const struct usage_space *space, int64_t reserve) {
  auto_free char *free_text = disk_size_text(space->free_bytes), *reserve_text = disk_size_text(reserve);
  return err_new(ERR_LIMIT,
                 "the disk that holds %s has %s free, and builds leave %s untouched: `tram disk` shows what uses it; "
                 "remove what is not needed, or lower keep_images, budget or reserve in [disk] of tramway.toml",
                 d->data_dir, free_text, reserve_text);
}

/* ---- the report ---- */

/* clang-format off */
static const char *const kind_names[CORE_DISK_KINDS] = {
  "images", "base images", "build cache", "snapshots", "git mirrors", "logs", "instances", "database",
  "volumes", "backups", "other",
};
/* clang-format on */

static void add_amount(struct core_disk_kind *kind, const struct disk_amount *held, const struct disk_amount *freed) {
  kind->count += held->count;
  kind->bytes += held->bytes;
  kind->reclaimable_bytes += freed->bytes;
}

struct disk_state disk_state_of(const struct disk *d, const struct disk_items *items) {
  const struct usage_space *space = &d->facts.space;
  int64_t reserve = disk_reserve(d, space);
  return (struct disk_state){.items = items->items,
                             .len = items->len,
                             .layer_bytes = d->facts.images.layer_bytes,
                             .layers_len = d->facts.images.layers_len,
                             .now_us = clock_now_us(),
                             .keep_us = d->core->options.disk_keep_ms * 1000,
                             .budget_bytes = budget_of(d, space),
                             /* some more than the reserve, so that the next build fits */
                             .short_bytes = disk_is_short(space, reserve) ? reserve + reserve / 4 - space->free_bytes : 0};
}

static void report_items(struct disk *d, const struct disk_items *items) {
  static const unsigned kind_of[DISK_KIND_COUNT] = {[DISK_IMAGE] = 0, [DISK_BASE] = 1,     [DISK_STEP] = 2,
                                                    [DISK_CACHE] = 2, [DISK_SNAPSHOT] = 3, [DISK_MIRROR] = 4};
  auto_disk_plan all = {0};
  struct disk_state state = disk_state_of(d, items);
  state.budget_bytes = -1; /* what could go at the most */
  disk_plan_make(&state, &all);
  for (size_t kind = 0; kind < DISK_KIND_COUNT; kind++)
    add_amount(&d->report.kinds[kind_of[kind]], &all.held[kind], &all.freed[kind]);
}

static int64_t report_logs(struct disk *d, const struct disk_logs *logs) {
  int64_t bytes = 0;
  for (size_t i = 0; i < logs->len; i++)
    if (logs->items[i].fate == DISK_LOG_GOES) bytes += logs->items[i].bytes;
  d->report.kinds[5] = (struct core_disk_kind){
      .count = (int64_t)d->facts.logs.len, .bytes = d->facts.logs_bytes, .reclaimable_bytes = bytes};
  return bytes;
}

void disk_make_report(struct disk *d, const struct disk_items *items, const struct disk_logs *logs) {
  struct core_disk *r = &d->report;
  memset(r->kinds, 0, sizeof r->kinds);
  report_items(d, items);
  report_logs(d, logs);
  r->kinds[6].bytes = d->facts.instances_bytes;
  r->kinds[7].bytes = d->facts.database_bytes;
  r->kinds[8].bytes = d->facts.volumes_bytes;
  r->kinds[9].bytes = d->facts.backups_bytes;
  r->kinds[10].bytes = d->facts.other_bytes;
  r->used_bytes = 0;
  for (size_t i = 0; i < CORE_DISK_KINDS; i++) {
    r->kinds[i].name = kind_names[i];
    r->used_bytes += r->kinds[i].bytes;
  }
  r->total_bytes = d->facts.space.total_bytes;
  r->free_bytes = d->facts.space.free_bytes;
  r->reserve_bytes = disk_reserve(d, &d->facts.space);
  r->budget_bytes = budget_of(d, &d->facts.space);
  r->looked_us = clock_now_us();
}

const struct core_disk *core_disk(const core *c) {
  return &c->disk->report;
}

