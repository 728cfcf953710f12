#include "engine/local/network.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "engine/local/network_private.h"

enum { STATE_FILE_LIMIT = 16 * 1024 * 1024, NUMBERS_MAX = 65536 };

static err *parse_pools(networks *n) {
  struct address_net v4, v6;
  if (!address_parse_net(n->config.ipv4_pool, &v4) || v4.family != AF_INET ||
      v4.prefix > NETWORK_PREFIX || v4.prefix < 8)
    return err_new(ERR_INVALID, "the IPv4 pool '%s' must be a network of /8 to /24",
                   n->config.ipv4_pool);
  if (!address_parse_net(n->config.ipv6_pool, &v6) || v6.family != AF_INET6 ||
      v6.prefix > NETWORK_PREFIX6 || v6.prefix < 16)
    return err_new(ERR_INVALID, "the IPv6 pool '%s' must be a network of /16 to /64",
                   n->config.ipv6_pool);
  uint32_t first4;
  memcpy(&first4, v4.bytes, sizeof first4);
  n->first4 = ntohl(first4);
  memcpy(&n->first6, v6.bytes, sizeof n->first6);
  int bits4 = NETWORK_PREFIX - v4.prefix, bits6 = NETWORK_PREFIX6 - v6.prefix;
  n->count = 1u << (bits4 < bits6 ? bits4 : bits6);
  return NULL;
}

static void add_network(networks *n, const char *environment_id, unsigned number) {
  network *w = mem_zalloc(sizeof *w);
  w->all = n;
  w->environment_id = str_dup(environment_id);
  w->number = number;
  w->name = str_format("%s%u", n->bridge_prefix, number);
  snprintf(w->bridge, sizeof w->bridge, "%s", w->name);
  w->anchor_id = str_format("%s-anchor", w->name);
  w->anchor_path = str_format("%s/netns/%s", n->config.run_dir, w->name);
  w->ready_path = str_format("%s/netns/%s.ready", n->config.run_dir, w->name);
  w->next_host = NETWORK_ANCHOR + 1;
  w->hosts[NETWORK_ANCHOR] = true;
  map_set(n->by_environment, environment_id, w);
}

void network_free(network *w) {
  free(w->environment_id);
  free(w->name);
  free(w->anchor_id);
  free(w->anchor_path);
  free(w->ready_path);
  free(w);
}

static err *load(networks *n) {
  if (!file_exists(n->config.state_file)) return NULL;
  auto_str text = STR_EMPTY;
  TRY(file_read(n->config.state_file, STATE_FILE_LIMIT, &text));
  auto_json *object = NULL;
  TRY(json_parse(text.data, text.len, n->config.state_file, &object));
  const char *environment_id;
  json_t *number;
  json_object_foreach(object, environment_id, number) {
    if (!json_is_integer(number) || json_integer_value(number) < 0 ||
        json_integer_value(number) >= NUMBERS_MAX)
      return err_new(ERR_CORRUPT, "%s: '%s' has no number", n->config.state_file, environment_id);
    add_network(n, environment_id, (unsigned)json_integer_value(number));
  }
  return NULL;
}

network *networks_next(const networks *n, size_t *cursor) {
  const char *key;
  void *value = NULL;
  return map_next(n->by_environment, cursor, &key, &value) ? value : NULL;
}

err *networks_save(const networks *n) {
  auto_json *object = json_object();
  size_t cursor = 0;
  for (network *w; (w = networks_next(n, &cursor));)
    json_object_set_new(object, w->environment_id, json_integer(w->number));
  auto_free char *text = json_to_pretty_text(object);
  return file_write(n->config.state_file, text, strlen(text), 0600);
}

err *networks_new(loop *l, const struct networks_config *config, networks **ret_networks) {
  networks *n = mem_zalloc(sizeof *n);
  n->loop = l;
  n->config = *config;
  n->state_file = str_dup(config->state_file);
  n->config.state_file = n->state_file;
  n->dns_dir = path_join(config->run_dir, "netavark");
  n->bridge_prefix = str_format("%s-e", config->name);
  n->by_environment = map_new();
  list_init(&n->operations);
  err *e = parse_pools(n);
  if (!e) e = load(n);
  if (e) {
    networks_free(n);
    return e;
  }
  *ret_networks = n;
  return NULL;
}

void networks_free(networks *n) {
  if (!n) return;
  size_t cursor = 0;
  for (network *w; (w = networks_next(n, &cursor));)
    network_free(w);
  map_free(n->by_environment);
  free(n->dns_dir);
  free(n->state_file);
  free(n->firewall);
  free(n->bridge_prefix);
  free(n);
}

bool networks_busy(const networks *n) {
  return n->running || n->server_starting || n->firewall_listings || !list_empty(&n->operations);
}

network *networks_find(const networks *n, const char *environment_id) {
  return map_get(n->by_environment, environment_id);
}

static unsigned find_number(const networks *n) {
  auto_free bool *taken = mem_zalloc(n->count);
  size_t cursor = 0;
  for (network *w; (w = networks_next(n, &cursor));)
    if (w->number < n->count) taken[w->number] = true;
  unsigned number = 0;
  while (number < n->count && taken[number])
    number++;
  return number;
}

err *networks_get(networks *n, const char *environment_id, network **ret_network) {
  network *w = networks_find(n, environment_id);
  if (!w) {
    unsigned number = find_number(n);
    if (number >= n->count)
      return err_new(
          ERR_LIMIT,
          "the pools %s and %s have room for %u environments: enlarge them or delete some",
          n->config.ipv4_pool, n->config.ipv6_pool, n->count);
    add_network(n, environment_id, number);
    w = networks_find(n, environment_id);
    err *e = networks_save(n);
    if (e) {
      map_remove(n->by_environment, environment_id);
      network_free(w);
      return e;
    }
  }
  *ret_network = w;
  return NULL;
}

/* Numbers are given in turn: an address that was just left is the last to be given again, so that
 * nobody who still holds it reaches somebody else's app. */
err *network_take_host(network *w, int wanted, int *ret_host) {
  int host = wanted;
  if (wanted <= NETWORK_ANCHOR || wanted >= NETWORK_HOSTS - 1 || w->hosts[wanted]) {
    int tries = 0;
    for (host = w->next_host; w->hosts[host] && tries < NETWORK_HOSTS; tries++)
      host = host + 1 < NETWORK_HOSTS - 1 ? host + 1 : NETWORK_ANCHOR + 1;
    if (w->hosts[host])
      return err_new(ERR_LIMIT, "the environment's network has room for %d instances",
                     NETWORK_HOSTS - 2 - NETWORK_ANCHOR);
    w->next_host = host + 1 < NETWORK_HOSTS - 1 ? host + 1 : NETWORK_ANCHOR + 1;
  }
  w->hosts[host] = true;
  *ret_host = host;
  return NULL;
}

void network_release_host(network *w, int host) {
  if (host > NETWORK_ANCHOR && host < NETWORK_HOSTS) w->hosts[host] = false;
}

struct in_addr network_address(const network *w, int host) {
  return (struct in_addr){htonl(w->all->first4 + w->number * 256u + (uint32_t)host)};
}

struct in6_addr network_address6(const network *w, int host) {
  struct in6_addr address = w->all->first6;
  uint64_t top = 0;
  for (int i = 0; i < 8; i++)
    top = top << 8 | address.s6_addr[i];
  top += w->number;
  for (int i = 7; i >= 0; i--, top >>= 8)
    address.s6_addr[i] = (uint8_t)top;
  address.s6_addr[15] = (uint8_t)host;
  return address;
}

char *network_address_text(const network *w, int host, int family) {
  char text[INET6_ADDRSTRLEN];
  struct in_addr v4 = network_address(w, host);
  struct in6_addr v6 = network_address6(w, host);
  inet_ntop(family, family == AF_INET ? (const void *)&v4 : (const void *)&v6, text, sizeof text);
  return str_dup(text);
}

const char *network_bridge(const network *w) {
  return w->bridge;
}

const char *network_name(const network *w) {
  return w->name;
}

const char *network_environment(const network *w) {
  return w->environment_id;
}

const char *network_anchor_path(const network *w) {
  return w->anchor_path;
}

const char *networks_firewall(const networks *n, unsigned *ret_times) {
  *ret_times = n->firewall_times;
  return n->firewall;
}

const char *network_dns_dir(const network *w) {
  return w->all->dns_dir;
}

const char *network_anchor_id(const network *w) {
  return w->anchor_id;
}

bool network_ready(const network *w) {
  return w->state == NETWORK_READY;
}

char *network_subnet_text(const network *w, int family) {
  auto_free char *net = network_address_text(w, 0, family);
  return str_format("%s/%d", net, family == AF_INET ? NETWORK_PREFIX : NETWORK_PREFIX6);
}

static json_t *subnet(const network *w, int family) {
  auto_free char *gateway = network_address_text(w, NETWORK_GATEWAY, family);
  auto_free char *cidr = network_subnet_text(w, family);
  return json_pack("{s:s, s:s}", "subnet", cidr, "gateway", gateway);
}

char *network_netavark_json(const network *w) {
  auto_free char *address = network_address_text(w, NETWORK_ANCHOR, AF_INET);
  auto_free char *address6 = network_address_text(w, NETWORK_ANCHOR, AF_INET6);
  /* The id need only be unique; netavark hashes the name for its chains. */
  auto_json *options = json_pack(
      "{s:s, s:s, s:{s:{s:s, s:[s, s]}}, s:{s:{s:s, s:s, s:s, s:s, s:[o, o], s:b, s:b, s:b}}}",
      "container_id", w->anchor_id, "container_name", w->anchor_id, "networks", w->name,
      "interface_name", "eth0", "static_ips", address, address6, "network_info", w->name, "name",
      w->name, "id", w->anchor_id, "driver", "bridge", "network_interface", w->bridge, "subnets",
      subnet(w, AF_INET), subnet(w, AF_INET6), "ipv6_enabled", 1,
      "internal", 0, "dns_enabled", 1);
  return json_to_text(options);
}
