/* Which paths a set of ignore files excludes: the rules of gitignore(5), pure.
 *
 *     ignore *rules = ignore_new();
 *     TRY(ignore_add(rules, "", 0, text, len));          the root's .gitignore
 *     TRY(ignore_add(rules, "web", 0, text, len));       web/.gitignore
 *     if (ignore_path(rules, "web/dist/a.js", false)) …
 *
 * The syntax is git's, whole: `#` comments, `!` negation, `\` escapes, `*`, `?`, `[…]` with ranges,
 * negation and [:classes:], `**` as a component, a leading or inner `/` anchors, a trailing `/`
 * means folders only, trailing spaces do not count, CRLF is accepted.  Bytes are compared, case
 * matters.  Of several rules that match, the one of the highest rank wins, then the one of the
 * deepest folder, then the last.  A path below an excluded folder cannot be included again.
 *
 * Matching takes time in proportion to path × pattern: no pattern makes it slow. */
#ifndef TRAMWAY_SOURCE_IGNORE_H
#define TRAMWAY_SOURCE_IGNORE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Ranks of one folder's files, weakest first.  Railway's CLI lets .railwayignore decide before
 * .ignore, and that before .gitignore, wherever the files lie. */
enum { IGNORE_RANK_GIT, IGNORE_RANK_PLAIN, IGNORE_RANK_RAILWAY, IGNORE_RANKS };

/* Our own limits, against a hostile source: one file's bytes, and rules in all. */
enum { IGNORE_FILE_LIMIT = 1024 * 1024, IGNORE_RULES_LIMIT = 100000 };

typedef struct ignore ignore;

ignore *ignore_new(void);
void ignore_free(ignore *rules); /* NULL is accepted */

/* Adds the rules of one ignore file that lies in `folder` ("" for the root; "a/b").  A file that is
 * added twice is two files, the later stronger.  ERR_LIMIT. */
fallible ignore_add(ignore *rules, const char *folder, int rank, const char *text, size_t len);

enum ignore_verdict { IGNORE_UNDECIDED, IGNORE_EXCLUDED, IGNORE_INCLUDED };

/* What the rules say of this very path ("a/b", no leading "/" or "./"), its parents left aside. */
enum ignore_verdict ignore_verdict(const ignore *rules, const char *path, bool is_folder);

/* Whether the path or one of its parent folders is excluded. */
bool ignore_path(const ignore *rules, const char *path, bool is_folder);

static inline void ignore_cleanup_(ignore **rules) {
  ignore_free(*rules);
}
#define auto_ignore __attribute__((cleanup(ignore_cleanup_))) ignore

#endif
