/* TCP proxies in HAProxy, what there is and what there should be: pure functions from the one to the other,
 * as runtime commands (docs/adr/0014-tcp-proxies.md).
 *
 * The proxy on port 20001 is the frontend "p20001" before the backend "t20001"; who may connect are the ACL
 * files "20001.4" and "20001.6" of a folder.  A map says whose it is: "20001" → "<key>:<digest of the allow list>", so that
 * all can be read back but the lists themselves, of which the digest tells whether they are right. */
#ifndef TRAMWAY_EDGE_PROXIES_H
#define TRAMWAY_EDGE_PROXIES_H

#include "edge/routes.h"

#define PROXIES_DIGEST_SIZE 17

/* ---- what is wanted: checked, and in one spelling ---- */

struct wanted_proxy {
  char key[EDGE_MAX_KEY + 1];
  uint16_t port;
  bool blocked;       /* somebody else has the port: it is left alone until this is false */
  struct strv allow;  /* never empty: "0.0.0.0/0" and "::/0" for everybody */
  char digest[PROXIES_DIGEST_SIZE];
  struct wanted_target *targets;
  size_t targets_len;
};

struct wanted_proxies { /* by port */
  struct wanted_proxy *items;
  size_t len;
};

/* Errors as edge_set_proxies has them. */
fallible wanted_proxies_make(const struct edge_proxy *proxies, size_t proxies_len,
                             struct wanted_proxies *ret_wanted);
void wanted_proxies_done(struct wanted_proxies *w);
#define auto_wanted_proxies __attribute__((cleanup(wanted_proxies_done))) struct wanted_proxies

/* ---- what one HAProxy has ---- */

struct proxy {
  uint16_t port;
  bool open;               /* its frontend takes connections */
  struct routes_slot slot; /* "t<port>" */
  char digest[PROXIES_DIGEST_SIZE];
  bool knows_allow; /* `allow` is what HAProxy has; else only `digest` tells of it */
  struct strv allow;
};

struct proxies { /* by port; begins with {0} */
  struct proxy *items;
  size_t len, capacity;
};

void proxies_done(struct proxies *p);
struct proxy *proxies_find(const struct proxies *p, uint16_t port); /* NULL: none */
struct proxy *proxies_add(struct proxies *p, uint16_t port); /* the present one, or a new one: closed, without servers;
                                                                others move */

struct proxies_paths {
  const char *owners; /* the map */
  const char *allow;  /* the folder of the ACL files */
};

/* Networks of IPv4 and of IPv6 are lists of their own: HAProxy matches an address also as one of the other family
 * (IPv4-mapped, 6to4), so that "::/0" in one list would let in all of IPv4. */
#define PROXIES_LIST_4 ".4"
#define PROXIES_LIST_6 ".6"
const char *proxies_list_of(const char *network); /* the end of the file's name */

/* Changes `p` into what is wanted and appends the commands that make HAProxy follow, and to `ret_closing` the
 * servers ("t20001/r1") whose connections are to be closed in all of its processes.  In an order in which
 * nobody gets through who should not.  Returns how many that should be open are not: they need
 * proxies_claim and a reload. */
size_t proxies_apply(struct proxies *p, const struct wanted_proxies *w, const struct proxies_paths *paths,
                     struct strv *ret_commands, struct strv *ret_closing);

/* Before a configuration is written, behind proxies_apply: those that are wanted and not blocked are there and
 * open, no others are; the next proxies_apply gives them targets.  What drains will do so in the old process. */
void proxies_claim(struct proxies *p, const struct wanted_proxies *w);

#endif
