/* A command inside a running instance, over a WebSocket (model/streams.h).
 *
 * With a tty the terminal is raw meanwhile, and is put back also when a signal ends the program. */
#ifndef TRAMWAY_CLI_EXEC_H
#define TRAMWAY_CLI_EXEC_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "cli/client.h"

#define EXEC_CHUNK 32768 /* bytes of standard input per message */

struct exec {
  const char *target; /* the query: "serviceId=…&environmentId=…" */
  const struct strv *argv;
  bool tty;
};

/* Runs it to its end; *ret_status is its exit status, 128 + n when signal n ended it. */
fallible exec_run(struct client *c, const struct exec *x, int *ret_status);

/* What a text message of the server says.  ERR_CORRUPT when it says nothing.  Pure, for tests. */
fallible exec_read_end(const char *text, size_t len, int *ret_status);

/* Whether standard input and output are both a terminal. */
bool exec_has_terminal(void);

#endif
