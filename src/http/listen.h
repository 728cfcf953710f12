/* Listening sockets: TCP over IPv4 and IPv6, and unix. */
#ifndef TRAMWAY_HTTP_LISTEN_H
#define TRAMWAY_HTTP_LISTEN_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct listen_socket {
  int fd;        /* non-blocking, close-on-exec; -1 when closed */
  char *address; /* the real one: "127.0.0.1:41233", "[::1]:8080", "unix:/run/x.sock" */
  int port;      /* 0 for a unix socket */
  char *path;    /* of a unix socket, else NULL */
  dev_t device;  /* of the file at `path`, so that a successor's socket is not removed */
  ino_t inode;
};

/* Opens "127.0.0.1:8080", "[::1]:0", "*:80" (IPv6 and IPv4) or "unix:/run/x.sock".  Host names are
 * looked up (blocking).  ERR_INVALID for anything else, ERR_CONFLICT when it is in use. */
fallible listen_open(const char *address, mode_t unix_mode, struct listen_socket *ret_socket);

/* Closes it and removes a unix socket's file; listen_done also frees the texts. */
void listen_close(struct listen_socket *s);
void listen_done(struct listen_socket *s);

#endif
