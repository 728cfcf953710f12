/* Finds secrets in texts and puts "[redacted NAME]" in their place: as they are, one line of them, quoted
 * for JSON, encoded for URLs, and in base64 wherever they stand in what was encoded (all three alignments,
 * both alphabets).
 *
 *     redactor *r = redactor_new();
 *     redactor_add(r, "API_KEY", "s3cr3t…");        as often as needed
 *     redactor_ready(r);                            from here on it does not change
 *     if (redact(r, text, len, &out)) …             out has the text without secrets
 *
 * Which values are secrets is for the caller to say; none shorter than REDACT_MIN is looked for, as it would
 * be found in ordinary words.  A text is searched in one go with skips (Wu and Manber, "A fast algorithm for
 * multi-pattern searching", 1994, with blocks of two bytes), however many secrets there are. */
#ifndef TRAMWAY_BASE_REDACT_H
#define TRAMWAY_BASE_REDACT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

typedef struct redactor redactor;

#define REDACT_MIN 6            /* bytes of a secret that is looked for */
#define REDACT_MIN_ENCODED 8    /* also in base64 */
#define REDACT_MIN_LINE 16      /* of a line of a secret with several lines */
#define REDACT_BYTES_MAX 4096   /* of a longer secret only the beginning is looked for, and that is replaced */
#define REDACT_PATTERNS_MAX 8192 /* beyond, further secrets are not looked for */

redactor *redactor_new(void);
redactor *redactor_ref(redactor *r); /* NULL stays NULL */
void redactor_free(redactor *r);     /* the last one wipes it; NULL is accepted */

void redactor_add(redactor *r, const char *name, const char *value);
void redactor_ready(redactor *r);
bool redactor_is_empty(const redactor *r); /* NULL is */

/* Appends the text without secrets to *out and is true; false when there is none in it, and *out is as it
 * was.  `r` may be NULL.  Needs no lock: it changes nothing. */
bool redact(const redactor *r, const char *text, size_t len, struct str *out);

/* The next secret at or behind `from`, for those who replace it themselves; false: there is none. */
struct redact_match {
  size_t at, len;
  const char *name; /* borrowed */
};
bool redact_find(const redactor *r, const char *text, size_t len, size_t from, struct redact_match *ret_match);

static inline void redactor_cleanup_(redactor **r) {
  redactor_free(*r);
}
#define auto_redactor __attribute__((cleanup(redactor_cleanup_))) redactor

#endif
