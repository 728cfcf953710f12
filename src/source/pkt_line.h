/* Packets of git's wire format (gitprotocol-common(5)): four hex digits of length, then the payload.
 * What receive-pack is asked and answers is made of them; with side-band-64k the first byte of an
 * answer's payload says what the rest is.  Pure. */
#ifndef TRAMWAY_SOURCE_PKT_LINE_H
#define TRAMWAY_SOURCE_PKT_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

#define PKT_LINE_MAX 65520 /* with its length; gitprotocol-common(5) */

enum pkt_band { PKT_BAND_DATA = 1, PKT_BAND_PROGRESS = 2, PKT_BAND_ERROR = 3 };

struct pkt_line {
  const char *payload; /* borrowed; NULL for a flush packet and its like */
  size_t len;
};

/* Reads the packet at the start of `data`: how many bytes it takes, 0 when it is not whole yet, -1 when
 * that is no packet. */
ssize_t pkt_line_read(const char *data, size_t len, struct pkt_line *ret_line);

void pkt_line_add(struct str *out, const void *payload, size_t len); /* len < PKT_LINE_MAX - 4 */
void pkt_line_add_flush(struct str *out);

/* A line that the pusher's git shows as "remote: <text>"; a long one is cut. */
void pkt_line_add_progress(struct str *out, const char *text);

/* ---- what a push asks for ---- */

#define GIT_SHA_SIZE 41
#define REF_UPDATES_MAX 1000

struct ref_update {
  char before[GIT_SHA_SIZE], after[GIT_SHA_SIZE]; /* 40 hex digits; zeros: not there */
  char *ref;                                      /* "refs/heads/main" */
};

struct ref_updates {
  struct ref_update *items;
  size_t len, capacity;
  bool side_band;    /* the pusher takes progress lines */
};

/* Reads the commands at the start of a push's body, up to their flush packet.  ERR_INVALID for what are
 * none, ERR_LIMIT for more than REF_UPDATES_MAX or when `len` bytes do not hold them all. */
fallible ref_updates_read(const char *body, size_t len, struct ref_updates *ret_updates);
void ref_updates_done(struct ref_updates *u);
#define auto_ref_updates __attribute__((cleanup(ref_updates_done))) struct ref_updates

/* "main" of an update of refs/heads/main that does not delete it, else NULL; borrowed. */
const char *ref_update_branch(const struct ref_update *u);

#endif
