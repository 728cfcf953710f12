/* Takes secrets out of the log files that conmon writes, soon after it has written them.  conmon writes the
 * files by itself, also while tramd does not run, so there is no place before the disk where that could be
 * done; readers never see a secret all the same (log_store_set_redaction).
 *
 * What is secret is written over in place, "[redacted NAME]" filled up with '*', or '*' alone where it is
 * shorter than that: conmon only ever appends, so no other byte of the file moves.  How far a file has been
 * looked through is kept with it, as an extended attribute; where the file system has none, a file is looked
 * through from its beginning.
 *
 * Blocking: for a pool thread. */
#ifndef TRAMWAY_OBSERVE_LOG_SCRUB_H
#define TRAMWAY_OBSERVE_LOG_SCRUB_H

#include "base/err.h"
#include "base/redact.h"

#define LOG_SCRUB_ATTRIBUTE "user.tramway.scrubbed"

/* Up to the last whole record.  A file that is gone is success. */
fallible log_scrub_file(const char *path, const redactor *r);

#endif
