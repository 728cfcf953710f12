/* Which pieces of a Postgres' write-ahead log are needed, and which are not.  Pure.
 *
 * A segment's name is 24 hex digits: timeline (8), then its number in two parts of which the second counts to
 * FF (segments of 16 MiB, which is what Postgres has unless initdb was told otherwise). */
#ifndef TRAMWAY_CORE_BACKUP_WAL_PLAN_H
#define TRAMWAY_CORE_BACKUP_WAL_PLAN_H

#include "base/str.h"
#include "model/backup.h"

bool wal_is_segment(const char *name);
bool wal_follows(const char *segment, const char *next); /* on the same timeline */

/* The first segment a backup_label says the base backup begins with ("START WAL LOCATION: … (file …)"); the
 * caller owns it.  ERR_CORRUPT. */
fallible wal_of_label(const char *label, char **ret_segment);

/* What `find` said of the archive, "<name> <mtime> <size>" in a line each. */
struct wal_listing {
  struct strv segments; /* in order */
  struct strv others;   /* histories of backups and timelines */
  int64_t first_us, last_us; /* of the oldest segment, and of the newest */
  bool recovers;        /* its Postgres reads from there itself, and is not to be disturbed */
};
void wal_listing_read(const char *text, struct wal_listing *ret_listing);
void wal_listing_done(struct wal_listing *l);

/* Whoever has a shell beside Postgres can put files of any name there: ERR_LIMIT when they have more gaps than Postgres
 * leaves.  Each would be a piece, and pieces are compared with each other. */
enum { WAL_RUNS_MAX = 8, WAL_PIECES_MAX = 30000 /* of a volume: a week of them, one each 20 s */ };
fallible wal_listing_check(const struct wal_listing *l);
#define auto_wal_listing __attribute__((cleanup(wal_listing_done))) struct wal_listing

/* How many segments from `start` on follow each other on one timeline: a piece.  After a promotion the archive holds
 * those of two. */
size_t wal_run(const struct strv *segments, size_t start);

/* Whether pieces hold all of these segments already. */
bool wal_is_held(const struct backup_wal_list *list, const struct strv *segments);

/* The fewest pieces that hold every segment from `first` to `last` (NULL: as far as they go): indices into
 * `list`, which is oldest first.  ERR_NOT_FOUND names the segment that is in none.  The caller frees. */
fallible wal_cover(const struct backup_wal_list *list, const char *first, const char *last, size_t **ret_indices,
                   size_t *ret_len);

/* Whether a piece can go: another of about then holds all of it, or no backup that is kept needs it any more: neither its own
 * segments, nor, for the time since the oldest of those that were taken after `window_us`, any. */
bool wal_is_spare(const struct backup_wal_list *list, size_t index, const struct backup_list *backups, int64_t window_us);

#endif
