/* Makes a build's log out of what buildah prints: lines cut and cleaned, its STEP headings short,
 * its noise left out; and remembers enough to say what failed.  Pure. */
#ifndef TRAMWAY_BUILD_BUILDAH_LOG_H
#define TRAMWAY_BUILD_BUILDAH_LOG_H

#include "base/err.h"
#include "base/str.h"
#include "build/build.h"
#include "build/dockerfile.h"

#define BUILD_LINE_LIMIT 65536
enum { BUILDAH_LOG_TAIL = 10 }; /* lines of the failing command that its error repeats */

typedef struct buildah_log buildah_log;

/* `file_name` ("Dockerfile", "backend/Dockerfile") and `steps` are for the error; steps may be NULL;
 * both are borrowed for as long as the log lives. */
buildah_log *buildah_log_new(const char *file_name, const struct dockerfile_steps *steps,
                             build_line_fn *on_line, void *arg);
void buildah_log_free(buildah_log *log);

void buildah_log_take(buildah_log *log, int fd, const char *data, size_t len);
void buildah_log_end(buildah_log *log); /* what is left without a newline */

/* "RUN npm run build (line 12 of Dockerfile) failed with exit status 1: <last lines>". */
fallible buildah_log_error(const buildah_log *log);

/* Valid UTF-8 without control characters, at most BUILD_LINE_LIMIT bytes; the caller owns it.  Of a
 * progress bar drawn with carriage returns the last state stays. */
char *build_line_clean(const char *data, size_t len);

#endif
