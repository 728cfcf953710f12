/* Names on an environment's network: the files that aardvark-dns reads (one per network, in
 * `<netavark's config folder>/aardvark-dns/`) and the signal that makes it read them again.
 *
 * netavark writes a network's file once, when the network is made; the entries of the instances are
 * ours.  A signal makes aardvark-dns close its sockets for a fraction of a millisecond, which is
 * why the resolv.conf of instances asks again after a second (measured: 10 of 20 reloads lost one
 * of 5,000 questions per second). */
#ifndef TRAMWAY_ENGINE_LOCAL_NAMES_H
#define TRAMWAY_ENGINE_LOCAL_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

#define NAMES_DOMAIN "railway.internal"

struct names_entry {
  const char *id; /* also answered as a name; unique */
  const char *address, *address6;
  const char *label;        /* NULL: no further names */
  const char *former_label; /* NULL or "": none */
};

/* The file's text.  Pure. */
char *names_render(const char *gateway, const char *gateway6, const struct names_entry *entries,
                   size_t len);

/* /etc/resolv.conf and /etc/hosts of an instance.  Pure. */
char *names_resolv_conf(const char *gateway, const char *gateway6);
char *names_hosts(const char *hostname, const char *address, const char *address6);

/* Replaces the network's file and tells aardvark-dns.  An equal file is left alone. */
fallible names_publish(const char *config_dir, const char *network, const char *text);

/* Whether aardvark-dns runs. */
bool names_alive(const char *config_dir);

/* Ends it; netavark does so by itself when it takes the last network down, unless a file of a
 * network that is long gone is in the way. */
void names_stop(const char *config_dir);

#endif
