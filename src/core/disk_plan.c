#include "core/disk_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

struct making {
  const struct disk_state *state;
  size_t *references;   /* of each layer, by what is kept */
  enum disk_kind *owner; /* of each layer: whom it counts for */
  bool *gone;           /* of each item */
  struct disk_plan *plan;
  int64_t held_bytes;
};

/* ---- what it takes ---- */

static void find_owners(struct making *m) {
  static const enum disk_kind last_to_first[] = {DISK_STEP, DISK_IMAGE, DISK_BASE};
  const struct disk_state *s = m->state;
  for (size_t n = 0; n < ARRAY_LEN(last_to_first); n++)
    for (size_t i = 0; i < s->len; i++)
      for (size_t k = 0; s->items[i].kind == last_to_first[n] && k < s->items[i].layers_len; k++)
        m->owner[s->items[i].layers[k]] = last_to_first[n];
}

/* What is not gone, by kind; their sum. */
static int64_t count_kept(const struct making *m, struct disk_amount amounts[DISK_KIND_COUNT]) {
  const struct disk_state *s = m->state;
  int64_t sum = 0;
  memset(amounts, 0, DISK_KIND_COUNT * sizeof *amounts);
  for (size_t i = 0; i < s->len; i++) {
    if (m->gone[i]) continue;
    amounts[s->items[i].kind].count++;
    amounts[s->items[i].kind].bytes += s->items[i].bytes;
  }
  for (size_t layer = 0; layer < s->layers_len; layer++)
    if (m->references[layer]) amounts[m->owner[layer]].bytes += s->layer_bytes[layer];
  for (size_t kind = 0; kind < DISK_KIND_COUNT; kind++) sum += amounts[kind].bytes;
  return sum;
}

static void set_freed(const struct making *m) {
  struct disk_plan *plan = m->plan;
  struct disk_amount left[DISK_KIND_COUNT];
  plan->freed_bytes = plan->held_bytes - count_kept(m, left);
  for (size_t kind = 0; kind < DISK_KIND_COUNT; kind++) {
    plan->freed[kind].count = plan->held[kind].count - left[kind].count;
    plan->freed[kind].bytes = plan->held[kind].bytes - left[kind].bytes;
  }
}

/* ---- pins ---- */

static bool begins_with_layers(const struct disk_item *item) {
  return item->kind == DISK_STEP || item->kind == DISK_BASE;
}

static int newest_first(const void *a, const void *b) {
  const struct disk_item *x = *(struct disk_item *const *)a, *y = *(struct disk_item *const *)b;
  if (x->last_used_us != y->last_used_us) return x->last_used_us < y->last_used_us ? 1 : -1;
  return strcmp(x->name, y->name);
}

/* What a pinned image begins with. */
static void pin_parents(const struct disk_state *s) {
  auto_free bool *pinned = mem_zalloc(s->layers_len + 1);
  auto_free size_t *kept = mem_zalloc((s->layers_len + 1) * sizeof *kept); /* steps per top layer */
  auto_free struct disk_item **parents = mem_alloc((s->len + 1) * sizeof *parents);
  size_t len = 0;
  for (size_t i = 0; i < s->len; i++) {
    struct disk_item *item = &s->items[i];
    if (item->pin == DISK_PARENT) item->pin = DISK_UNPINNED; /* of an earlier plan */
    if (begins_with_layers(item)) parents[len++] = item;
    for (size_t k = 0; item->pin && item->kind == DISK_IMAGE && k < item->layers_len; k++)
      pinned[item->layers[k]] = true;
  }
  qsort(parents, len, sizeof *parents, newest_first);
  for (size_t i = 0; i < len; i++) {
    struct disk_item *item = parents[i];
    if (item->pin || !item->layers_len || !pinned[item->layers[0]]) continue;
    if (item->kind == DISK_STEP && kept[item->layers[0]]++ >= DISK_PARENTS_MAX) continue;
    item->pin = DISK_PARENT;
  }
}

/* ---- what goes ---- */

static int rank_of(const struct disk_item *item) {
  return item->is_leftover ? 0 : item->kind == DISK_BASE ? 2 : 1;
}

static int first_to_go(const void *a, const void *b, void *items_) {
  const struct disk_item *items = items_, *x = &items[*(const size_t *)a], *y = &items[*(const size_t *)b];
  if (rank_of(x) != rank_of(y)) return rank_of(x) - rank_of(y);
  if (x->last_used_us != y->last_used_us) return x->last_used_us < y->last_used_us ? -1 : 1;
  return strcmp(x->name, y->name);
}

static void drop(struct making *m, size_t i) {
  const struct disk_item *item = &m->state->items[i];
  m->gone[i] = true;
  m->plan->goes[m->plan->len++] = i;
  m->held_bytes -= item->bytes;
  for (size_t k = 0; k < item->layers_len; k++)
    if (--m->references[item->layers[k]] == 0) m->held_bytes -= m->state->layer_bytes[item->layers[k]];
}

static bool is_due(const struct disk_state *s, const struct disk_item *item) {
  bool aged = item->kind != DISK_BASE && item->last_used_us < s->now_us - s->keep_us;
  return item->is_leftover || aged;
}

static bool is_too_much(const struct making *m) {
  int64_t freed = m->plan->held_bytes - m->held_bytes;
  return m->held_bytes > m->state->budget_bytes || freed < m->state->short_bytes;
}

static void choose(struct making *m) {
  const struct disk_state *s = m->state;
  auto_free size_t *order = mem_alloc((s->len + 1) * sizeof *order);
  size_t len = 0;
  for (size_t i = 0; i < s->len; i++)
    if (!s->items[i].pin) order[len++] = i;
  qsort_r(order, len, sizeof *order, first_to_go, s->items);
  for (size_t i = 0; i < len; i++)
    if (is_due(s, &s->items[order[i]])) drop(m, order[i]);
  for (size_t i = 0; i < len && is_too_much(m); i++)
    if (!m->gone[order[i]]) drop(m, order[i]);
}

void disk_plan_make(const struct disk_state *state, struct disk_plan *ret_plan) {
  *ret_plan = (struct disk_plan){.goes = mem_alloc((state->len + 1) * sizeof *ret_plan->goes)};
  auto_free size_t *references = mem_zalloc((state->layers_len + 1) * sizeof *references);
  auto_free enum disk_kind *owner = mem_zalloc((state->layers_len + 1) * sizeof *owner);
  auto_free bool *gone = mem_zalloc(state->len + 1);
  struct making m = {.state = state, .references = references, .owner = owner, .gone = gone, .plan = ret_plan};
  for (size_t i = 0; i < state->len; i++)
    for (size_t k = 0; k < state->items[i].layers_len; k++) references[state->items[i].layers[k]]++;
  find_owners(&m);
  m.held_bytes = ret_plan->held_bytes = count_kept(&m, ret_plan->held);
  pin_parents(state);
  choose(&m);
  set_freed(&m);
}

void disk_plan_done(struct disk_plan *plan) {
  free(plan->goes);
  *plan = (struct disk_plan){0};
}

/* ---- logs ---- */

void disk_plan_logs(const struct disk_log_rules *rules, struct disk_log *logs, size_t len) {
  int64_t room = rules->owner_bytes;
  for (size_t i = 0; i < len; i++) {
    struct disk_log *log = &logs[i];
    if (i == 0 || !str_eq(log->owner, logs[i - 1].owner)) room = rules->owner_bytes;
    bool too_old = log->is_over && log->ended_us < rules->now_us - rules->keep_us;
    bool too_much = log->is_over && log->bytes > room;
    if (!log->owner || too_old || too_much) {
      log->fate = DISK_LOG_GOES;
      if (too_much) room = 0; /* nor does anything older stay */
      continue;
    }
    int64_t least = rules->owner_bytes / 8;
    log->fate = log->is_over || log->bytes <= (room > least ? room : least) ? DISK_LOG_STAYS : DISK_LOG_IS_CUT;
    log->cut_bytes = room > least ? room : least;
    room -= log->fate == DISK_LOG_IS_CUT ? log->cut_bytes : log->bytes;
  }
}
