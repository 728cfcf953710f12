#include "core/backup_wal_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { NAME_LEN = 24, TIMELINE_LEN = 8, LAST_OF_FILE = 0xff };
enum { NEAR = 32 };
#define LATEST_S 1e11 /* files may be dated as whoever made them likes */

bool wal_is_segment(const char *name) {
  return strlen(name) == NAME_LEN && strspn(name, "0123456789ABCDEF") == NAME_LEN;
}

static unsigned long long number_of(const char *segment) {
  unsigned high, low;
  if (sscanf(segment + TIMELINE_LEN, "%8X%8X", &high, &low) != 2) return 0;
  return (unsigned long long)high * (LAST_OF_FILE + 1) + low;
}

bool wal_follows(const char *segment, const char *next) {
  return strncmp(segment, next, TIMELINE_LEN) == 0 && number_of(segment) + 1 == number_of(next);
}

err *wal_of_label(const char *label, char **ret_segment) {
  const char *line = label ? strstr(label, "START WAL LOCATION:") : NULL;
  const char *file = line ? strstr(line, "(file ") : NULL;
  auto_free char *name = file ? str_ndup(file + 6, strcspn(file + 6, ")\n")) : NULL;
  if (!name || !wal_is_segment(name)) return err_new(ERR_CORRUPT, "the backup's label does not say where its log begins");
  *ret_segment = name;
  name = NULL;
  return NULL;
}

/* ---- the archive ---- */

static int by_name(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static void take_line(char *line, struct wal_listing *l) {
  char *space = strchr(line, ' ');
  if (!space) return;
  *space = '\0';
  double mtime = strtod(space + 1, NULL);
  if (!(mtime > 0 && mtime < LATEST_S)) mtime = 0;
  if (str_eq(line, "recovery.signal") || str_eq(line, "standby.signal")) {
    l->recovers = true;
  } else if (wal_is_segment(line)) {
    strv_add(&l->segments, line);
    int64_t us = (int64_t)(mtime * 1e6);
    if (!l->first_us || us < l->first_us) l->first_us = us;
    if (us > l->last_us) l->last_us = us;
  } else if (str_ends(line, ".backup")) {
    strv_add(&l->others, line);
  }
}

void wal_listing_read(const char *text, struct wal_listing *ret_listing) {
  auto_strv lines = STRV_EMPTY;
  *ret_listing = (struct wal_listing){0};
  strv_split(&lines, text, '\n');
  for (size_t i = 0; i < lines.len; i++) take_line(lines.items[i], ret_listing);
  struct strv *s = &ret_listing->segments;
  if (s->len) qsort(s->items, s->len, sizeof *s->items, by_name);
}

void wal_listing_done(struct wal_listing *l) {
  strv_done(&l->segments);
  strv_done(&l->others);
}

/* ---- pieces ---- */

static bool holds(const struct backup_wal *w, const char *segment) {
  return strncmp(w->first, segment, TIMELINE_LEN) == 0 && strcmp(w->first, segment) <= 0 && strcmp(segment, w->last) <= 0;
}

size_t wal_run(const struct strv *segments, size_t start) {
  size_t end = start + 1;
  while (end < segments->len && wal_follows(segments->items[end - 1], segments->items[end])) end++;
  return end - start;
}

err *wal_listing_check(const struct wal_listing *l) {
  size_t runs = 0;
  for (size_t start = 0; start < l->segments.len; start += wal_run(&l->segments, start)) runs++;
  if (runs <= WAL_RUNS_MAX) return NULL;
  return err_new(ERR_LIMIT, "the archive has %zu gaps: something else than Postgres puts files into it", runs - 1);
}

/* Most often it is among the latest. */
bool wal_is_held(const struct backup_wal_list *list, const struct strv *segments) {
  for (size_t i = 0; i < segments->len; i++) {
    bool held = false;
    for (size_t j = list->len; j-- > 0 && !held;) held = holds(&list->items[j], segments->items[i]);
    if (!held) return false;
  }
  return true;
}

/* The one that holds `segment`, or else follows `before`, and goes farthest. */
static const struct backup_wal *farthest(const struct backup_wal_list *list, const char *segment, const char *before) {
  const struct backup_wal *found = NULL;
  for (size_t i = 0; i < list->len; i++) {
    const struct backup_wal *w = &list->items[i];
    bool fits = segment ? holds(w, segment) : wal_follows(before, w->first) || holds(w, before);
    if (before && strcmp(w->last, before) <= 0) continue;
    if (fits && (!found || strcmp(w->last, found->last) > 0)) found = w;
  }
  return found;
}

/* A timeline that began after it: a promoted one goes on under a new number, from about the same place. */
static const struct backup_wal *next_timeline(const struct backup_wal_list *list, const char *after) {
  const struct backup_wal *found = NULL;
  for (size_t i = 0; i < list->len; i++) {
    const struct backup_wal *w = &list->items[i];
    bool later = strncmp(w->first, after, TIMELINE_LEN) > 0 && number_of(w->first) <= number_of(after) + 1;
    if (later && (!found || strcmp(w->first, found->first) < 0 ||
                  (str_eq(w->first, found->first) && strcmp(w->last, found->last) > 0)))
      found = w;
  }
  return found;
}

err *wal_cover(const struct backup_wal_list *list, const char *first, const char *last, size_t **ret_indices,
               size_t *ret_len) {
  auto_free size_t *indices = mem_zalloc((list->len + 1) * sizeof *indices);
  size_t len = 0;
  const struct backup_wal *w = farthest(list, first, NULL);
  if (!w) return err_new(ERR_NOT_FOUND, "the log's segment %s is in no backup", first);
  while (w && len < list->len) {
    indices[len++] = (size_t)(w - list->items);
    if (last && strcmp(w->last, last) >= 0) break;
    const struct backup_wal *next = farthest(list, NULL, w->last);
    w = next ? next : next_timeline(list, w->last);
  }
  if (last && strcmp(list->items[indices[len - 1]].last, last) < 0)
    return err_new(ERR_NOT_FOUND, "the log after segment %s is in no backup", list->items[indices[len - 1]].last);
  *ret_indices = indices;
  *ret_len = len;
  indices = NULL;
  return NULL;
}

static size_t first_near(size_t index, size_t distance) {
  return index > distance ? index - distance : 0;
}

/* What holds it came soon after it: a piece is all that was in the archive then. */
static bool is_held_by_another(const struct backup_wal_list *list, size_t index) {
  const struct backup_wal *w = &list->items[index];
  for (size_t i = first_near(index, NEAR); i < list->len && i <= index + NEAR; i++) {
    const struct backup_wal *other = &list->items[i];
    bool same = str_eq(other->first, w->first) && str_eq(other->last, w->last);
    if (i != index && holds(other, w->first) && holds(other, w->last) && (!same || i > index)) return true;
  }
  return false;
}

static bool is_needed(const struct backup_wal *w, const struct backup *b, bool in_window) {
  if (b->method != BACKUP_POSTGRES || b->state != BACKUP_READY || !b->wal_first || !b->wal_last) return false;
  if (in_window) return strcmp(w->last, b->wal_first) >= 0;
  return strcmp(w->last, b->wal_first) >= 0 && strcmp(w->first, b->wal_last) <= 0;
}

static bool is_spare(const struct backup_wal_list *list, size_t index, const struct backup_list *backups, int64_t window_us) {
  if (is_held_by_another(list, index)) return true;
  bool any_base = false;
  for (size_t i = 0; i < backups->len; i++) {
    const struct backup *b = &backups->items[i];
    if (b->state == BACKUP_TAKING) return false; /* it may begin there */
    any_base |= b->method == BACKUP_POSTGRES && b->state == BACKUP_READY;
    if (is_needed(&list->items[index], b, b->taken_us >= window_us)) return false;
  }
  return any_base; /* without a base it is what the first one will begin with */
}

/* Pieces of two timelines may be in one snapshot, which recorded them one after the other: they go together. */
bool wal_is_spare(const struct backup_wal_list *list, size_t index, const struct backup_list *backups, int64_t window_us) {
  for (size_t i = first_near(index, WAL_RUNS_MAX); i < list->len && i <= index + WAL_RUNS_MAX; i++) {
    bool together = i == index || (list->items[i].snapshot_id && str_eq(list->items[i].snapshot_id, list->items[index].snapshot_id));
    if (together && !is_spare(list, i, backups, window_us)) return false;
  }
  return true;
}
