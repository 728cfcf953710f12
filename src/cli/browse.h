/* What is typed at the prompt of `volume browse`: words, and paths in the volume.  Pure. */
#ifndef TRAMWAY_CLI_BROWSE_H
#define TRAMWAY_CLI_BROWSE_H

#include "base/err.h"
#include "base/str.h"

/* Words are divided by blanks; '…' and "…" hold them together, a backslash before a character takes that as it is
 * (not in '…').  '#' at the beginning of a word begins a comment.  ERR_INVALID: a quote is not closed. */
fallible browse_words(const char *line, struct strv *ret_words);

/* `path` as seen from `folder`, an absolute path: without ".", ".." and doubled '/'; above "/" is "/".  It ends with
 * '/' when `path` says that a folder is meant: "a/", ".", "..".  The caller owns it. */
char *browse_path(const char *folder, const char *path);

#endif
