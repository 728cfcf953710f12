/* Which ports are listened on, from sock_diag (socket_diag.h) or /proc/<pid>/net/tcp and tcp6. */
#ifndef TRAMWAY_ENGINE_LOCAL_SOCKETS_H
#define TRAMWAY_ENGINE_LOCAL_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"

enum { SOCKETS_MAX = 256 };

struct listening_socket {
  struct instance_socket socket;
  uint64_t inode;
};

/* Adds the listening sockets of one such file to `sockets`, which holds *len of SOCKETS_MAX.  Pure.
 */
void sockets_parse(const char *text, bool ipv6, struct listening_socket *sockets, size_t *len);

#endif
