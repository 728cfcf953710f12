/* One conversation with a HAProxy socket: commands in, answers out.  The caller has one at a time.
 *
 * `done` is called exactly once, later, on the loop, unless the conversation is cancelled before.
 */
#ifndef TRAMWAY_EDGE_RUNTIME_H
#define TRAMWAY_EDGE_RUNTIME_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "loop/loop.h"

#define RUNTIME_MAX_ANSWER (64 * 1024 * 1024)

typedef struct runtime runtime;

/* `replies` has one item per command, borrowed during the call; empty with an error, which names
 * the first command that HAProxy refused (the later ones were still carried out). */
typedef void runtime_done_fn(void *arg, err *e, const struct strv *replies);

/* `slot`, where the conversation is kept for runtime_cancel, is set back to NULL before `done`. */

/* All `commands` over one connection to the runtime socket at `path`.  They are copied, and must be
 * built from checked parts: no newline, no semicolon, no '<'. */
void runtime_ask(loop *l, const char *path, const struct strv *commands, int64_t deadline_ms,
                 runtime_done_fn *done, void *arg, runtime **slot);

/* One command to the master socket, which has other prompts: the only reply is all that comes until
 * HAProxy closes the connection. */
void runtime_ask_master(loop *l, const char *path, const char *command, int64_t deadline_ms,
                        runtime_done_fn *done, void *arg, runtime **slot);

void runtime_cancel(runtime *r); /* before `done`; accepts NULL */

#endif
