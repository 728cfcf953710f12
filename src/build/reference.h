/* Image references: "node:20-alpine" → docker.io/library/node:20-alpine.  Pure. */
#ifndef TRAMWAY_BUILD_REFERENCE_H
#define TRAMWAY_BUILD_REFERENCE_H

#include <stdbool.h>

#include "base/err.h"

struct reference {
  char *registry;   /* "docker.io", "ghcr.io", "localhost:5000" */
  char *repository; /* "library/node" */
  char *tag;        /* "latest" when none and no digest is given; else "" */
  char *digest;     /* "sha256:…" or "" */
};

/* Grammar: github.com/distribution/reference; a first part with a dot, a colon or "localhost" is the
 * registry. */
fallible reference_parse(const char *text, struct reference *ret_reference);
void reference_done(struct reference *r);
char *reference_text(const struct reference *r); /* in full; the caller owns it */

#endif
