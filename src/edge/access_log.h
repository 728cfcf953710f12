/* The edge's access log: one JSON object and the request's path per line, written by HAProxy
 * itself into a file that it was given at its start, so that lines are kept while tramd is away.  Query
 * strings are left out: they may hold tokens.  Lines that do not begin with '{' are HAProxy's own notices.
 *
 * HAProxy keeps the file open, so it is never renamed or emptied: what is older than the last
 * ACCESS_LOG_KEPT bytes is given back to the file system as a hole.  No line is lost that way, and a
 * position in the file stays valid for good.  `du` shows what it takes, `ls` what it ever had. */
#ifndef TRAMWAY_EDGE_ACCESS_LOG_H
#define TRAMWAY_EDGE_ACCESS_LOG_H

#include "edge/edge.h"

#define ACCESS_LOG_KEPT (64 * 1024 * 1024)

/* Makes the hole when more than twice that is there.  On a file system without holes the file is
 * emptied instead. */
void access_log_bound(loop *l, const char *path);

int64_t access_log_size(const char *path); /* 0: there is none */

/* Adds one line (of `len` bytes, without its newline) to a tally, when it is of the question's
 * service.  Pure. */
void access_log_count(const struct edge_tally_question *question, const char *line, size_t len,
                      struct edge_tally *tally);

/* The whole question, on a pool thread. */
void access_log_tally(loop *l, const char *path, const struct edge_tally_question *question,
                      edge_tally_fn *fn, void *arg);

#endif
