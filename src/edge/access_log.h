/* The edge's access log: one JSON object per line, written by HAProxy itself into a file that it
 * was given at its start, so that lines are kept while tramd is away.  Query strings are left out:
 * they may hold tokens.  Lines that do not begin with '{' are HAProxy's own notices. */
#ifndef TRAMWAY_EDGE_ACCESS_LOG_H
#define TRAMWAY_EDGE_ACCESS_LOG_H

#include "loop/loop.h"

#define ACCESS_LOG_MAX_BYTES (64 * 1024 * 1024)

/* When the file has become longer than that, copies it to "<path>.1" and empties it (HAProxy keeps
 * the file open, so it cannot be renamed away; lines that come between the two are lost). */
void access_log_bound(loop *l, const char *path);

#endif
