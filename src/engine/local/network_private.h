/* Shared by network.c (numbers, addresses, texts) and network_setup.c (making and removing). */
#ifndef TRAMWAY_ENGINE_LOCAL_NETWORK_PRIVATE_H
#define TRAMWAY_ENGINE_LOCAL_NETWORK_PRIVATE_H

#include <net/if.h>

#include "base/list.h"
#include "base/map.h"
#include "engine/local/network.h"

enum { NETWORK_HOSTS = 256 };

enum network_state { NETWORK_ABSENT, NETWORK_READY };

struct networks {
  loop *loop;
  struct networks_config config;
  char *state_file;
  char *dns_dir;       /* <run_dir>/netavark */
  char *bridge_prefix; /* "<name>-e" */
  uint32_t first4;     /* host byte order */
  unsigned count;      /* how many /24 and /64 the pools hold */
  struct in6_addr first6;
  map *by_environment;    /* → struct network */
  struct list operations; /* waiting and (first) running; netavark runs one at a time, because its
                             iptables chains are shared and it takes no lock */
  bool running, server_starting;
  int firewall_listings;   /* on their way */
  unsigned firewall_times; /* how often our table was set */
  char *firewall; /* our table as nft lists it, since it was set last; NULL: not known yet */
};

struct network {
  struct networks *all;
  char *environment_id, *name, *anchor_id, *anchor_path;
  char *ready_path; /* there once netavark has finished: tells a network from half of one */
  unsigned number;
  char bridge[IF_NAMESIZE];
  enum network_state state;
  bool keep_bridge; /* when it is made anew: what hangs on the bridge stays there */
  bool hosts[NETWORK_HOSTS];
  int next_host;
};

fallible networks_save(const networks *n);
void network_free(network *w);

#endif
