/* Table: audit_logs, a chain: each row's hash is SHA-256 over the hash of the row before it and over all
 * of its own members, so that a row which was changed, added or taken out in the middle shows.
 *
 * The hash of the newest row is kept in the settings too, and that of the last one which retention took
 * away: the chain begins and ends where it should.  Who can write the whole database can still make a new
 * chain; who wants to notice that notes a head (`tram audit --verify` prints it) elsewhere.
 *
 * A mutation's row is written before the mutation runs, and completed after it.  Neither waits for the
 * disk: the mutation's own commit takes the row along, so that a power loss leaves both or none. */
#ifndef TRAMWAY_STORE_AUDIT_H
#define TRAMWAY_STORE_AUDIT_H

#include "model/audit.h"
#include "store/db.h"
#include "store/page.h"

#define AUDIT_KEEP_US (INT64_C(548) * 86400 * 1000000) /* 18 months, as Railway keeps at most */
#define AUDIT_ROWS_MAX 1000000
#define AUDIT_VERIFY_MAX 5000 /* rows looked at in one call: some tens of milliseconds */

/* Appends *row, filling id, time and hashes, and lets go of what is too old. */
fallible audit_append(db *d, struct audit_log *row);

/* Writes outcome, problem, workspace and payload of the row that was appended last.  ERR_CONFLICT when it
 * is not the last one any more: then it stays STARTED. */
fallible audit_complete(db *d, struct audit_log *row);

struct audit_filter {
  const char *workspace_id;
  bool and_of_none;            /* also what is about no workspace: signing in */
  const char *project_id, *environment_id; /* or NULL */
  const json_t *event_types;   /* array of texts, or NULL */
  int64_t from_us, until_us;   /* 0: open */
};
fallible audit_list(db *d, const struct audit_filter *filter, const struct page *page,
                    struct audit_log_list *ret_list);
fallible audit_get(db *d, const char *id, struct audit_log *ret_row);

struct audit_verdict {
  int64_t rows;                   /* looked at by this call */
  int64_t next;                   /* where to go on; 0: that was the end */
  char broken_id[ID_SIZE];        /* the row that does not fit; "" */
  char *problem;                  /* in words, or NULL: all that was looked at fits */
  char head[SHA256_HEX_SIZE];     /* of the newest row looked at */
};
void audit_verdict_done(struct audit_verdict *v);
#define auto_audit_verdict __attribute__((cleanup(audit_verdict_done))) struct audit_verdict

/* Looks at up to `limit` rows from `from` (0: the oldest). */
fallible audit_verify(db *d, int64_t from, int64_t limit, struct audit_verdict *ret_verdict);

#endif
