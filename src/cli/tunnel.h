/* A port of this machine whose connections go to a port of a running instance, each over a WebSocket of its own
 * (model/streams.h). */
#ifndef TRAMWAY_CLI_TUNNEL_H
#define TRAMWAY_CLI_TUNNEL_H

#include <sys/types.h>

#include "base/err.h"
#include "cli/client.h"

#define TUNNEL_CONNECTIONS_MAX 100 /* at a time; further ones wait */

/* Listens on 127.0.0.1; port 0 is a free one. */
fallible tunnel_listen(int port, int *ret_fd, int *ret_port);

/* Carries the connections of `listen_fd` to `target` (the query of the URL), each in a process of its own, until
 * the process `child` has ended: *ret_status is its exit status, 128 + n when signal n ended it.  With 0 for
 * ever.  Interrupts are the child's business meanwhile. */
fallible tunnel_serve(struct client *c, const char *target, int listen_fd, pid_t child, int *ret_status);

#endif
