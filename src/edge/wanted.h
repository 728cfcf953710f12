/* The desired routes, checked and in one spelling: hosts in lower case, addresses as inet_ntop
 * writes them.  Only text that passed here gets into HAProxy's configuration or commands. */
#ifndef TRAMWAY_EDGE_WANTED_H
#define TRAMWAY_EDGE_WANTED_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "edge/edge.h"

typedef struct wanted wanted;

struct wanted_target {
  char address[INET6_ADDRSTRLEN];
  uint16_t port;
};

struct wanted_route {
  char key[EDGE_MAX_KEY + 1];
  enum edge_route_state reason;
  struct strv hosts;
  struct wanted_target *targets;
  size_t targets_len;
};

/* Errors as edge_set_routes has them. */
fallible wanted_new(const struct edge_route *routes, size_t routes_len, wanted **ret_wanted);
void wanted_free(wanted *w); /* accepts NULL */

size_t wanted_len(const wanted *w);
const struct wanted_route *wanted_route(const wanted *w, size_t index);
bool wanted_has_host(const wanted *w, const char *host);

/* Targets in one spelling, the same one once; the caller frees them.  Errors as edge_set_routes has them. */
fallible wanted_targets(const struct edge_target *from, size_t from_len, struct wanted_target **ret_targets,
                        size_t *ret_len);

bool wanted_is_key(const char *text);
bool wanted_is_host(const char *text); /* a host name, or one behind "*." */

static inline void wanted_cleanup_(wanted **w) {
  wanted_free(*w);
}
#define auto_wanted __attribute__((cleanup(wanted_cleanup_))) wanted

#endif
