/* Which TCP sockets listen in a process's network namespace, from the kernel's sock_diag.  Its
 * /proc/<pid>/net/tcp says the same, but is found by looking through all places for connections of
 * the whole host: 10 ms on a machine with 24 GB, and a deploy waits for it. */
#ifndef TRAMWAY_ENGINE_LOCAL_SOCKET_DIAG_H
#define TRAMWAY_ENGINE_LOCAL_SOCKET_DIAG_H

#include <sys/types.h>

#include "engine/local/sockets.h"

/* Adds to `sockets`, which holds *len of SOCKETS_MAX.  Fails on kernels without sock_diag too. */
fallible socket_diag_listening(pid_t pid, struct listening_socket *sockets, size_t *len);

#endif
