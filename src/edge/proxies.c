#include "edge/proxies.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/mem.h"
#include "base/secret.h"

/* ---- what is wanted ---- */

void wanted_proxies_done(struct wanted_proxies *w) {
  for (size_t i = 0; i < w->len; i++) {
    strv_done(&w->items[i].allow);
    free(w->items[i].targets);
  }
  free(w->items);
  *w = (struct wanted_proxies){0};
}

static err *add_network(struct strv *allow, const char *text) {
  struct address_net net;
  char address[INET6_ADDRSTRLEN];
  if (!text || !address_parse_net(text, &net))
    return err_new(ERR_INVALID, "'%.80s' is not a network such as 203.0.113.0/24", text ? text : "");
  address_net_unmap(&net);
  inet_ntop(net.family, net.bytes, address, sizeof address);
  auto_free char *spelled = str_format("%s/%d", address, net.prefix);
  if (!strv_has(allow, spelled)) strv_add(allow, spelled);
  return NULL;
}

static int compare_texts(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted, so that the digest depends on what is in it alone. */
static err *copy_allow(struct wanted_proxy *to, const struct edge_proxy *from) {
  static const char *const everybody[] = {"0.0.0.0/0", "::/0"};
  char hex[SHA256_HEX_SIZE];
  if (from->allow_len > EDGE_MAX_ALLOWED) return err_new(ERR_LIMIT, "more than %d networks", EDGE_MAX_ALLOWED);
  for (size_t i = 0; i < from->allow_len; i++) TRY(add_network(&to->allow, from->allow[i]));
  for (size_t i = 0; !from->allow_len && i < ARRAY_LEN(everybody); i++) strv_add(&to->allow, everybody[i]);
  qsort(to->allow.items, to->allow.len, sizeof *to->allow.items, compare_texts);
  auto_free char *text = strv_join(&to->allow, " ");
  secret_sha256_hex(text, strlen(text), hex);
  memcpy(to->digest, hex, sizeof to->digest - 1);
  return NULL;
}

static err *copy_proxy(struct wanted_proxies *w, const struct edge_proxy *from) {
  if (!from->key || !wanted_is_key(from->key))
    return err_new(ERR_INVALID, "'%.80s' is not a key", from->key ? from->key : "");
  if (!from->port) return err_new(ERR_INVALID, "%s has no port", from->key);
  struct wanted_proxy *to = &w->items[w->len++];
  memcpy(to->key, from->key, strlen(from->key));
  to->port = from->port;
  err *e = copy_allow(to, from);
  if (!e) e = wanted_targets(from->targets, from->targets_len, &to->targets, &to->targets_len);
  return err_wrap(e, "%s", from->key);
}

static int compare_wanted(const void *a_, const void *b_) {
  const struct wanted_proxy *a = a_, *b = b_;
  return (a->port > b->port) - (a->port < b->port);
}

err *wanted_proxies_make(const struct edge_proxy *proxies, size_t proxies_len,
                         struct wanted_proxies *ret_wanted) {
  auto_wanted_proxies w = {0};
  if (proxies_len > EDGE_MAX_PROXIES) return err_new(ERR_LIMIT, "more than %d TCP proxies", EDGE_MAX_PROXIES);
  w.items = mem_zalloc((proxies_len + 1) * sizeof *w.items);
  for (size_t i = 0; i < proxies_len; i++) TRY(err_wrap(copy_proxy(&w, &proxies[i]), "TCP proxy"));
  qsort(w.items, w.len, sizeof *w.items, compare_wanted);
  for (size_t i = 1; i < w.len; i++)
    if (w.items[i].port == w.items[i - 1].port)
      return err_new(ERR_CONFLICT, "TCP proxy: port %u belongs to %s and to %s", w.items[i].port,
                     w.items[i - 1].key, w.items[i].key);
  *ret_wanted = w;
  w = (struct wanted_proxies){0};
  return NULL;
}

static const struct wanted_proxy *find_wanted(const struct wanted_proxies *w, uint16_t port) {
  struct wanted_proxy sought = {.port = port};
  return w->len ? bsearch(&sought, w->items, w->len, sizeof sought, compare_wanted) : NULL;
}

/* ---- what there is ---- */

static void proxy_done(struct proxy *p) {
  free(p->slot.servers);
  strv_done(&p->allow);
}

void proxies_done(struct proxies *p) {
  for (size_t i = 0; i < p->len; i++) proxy_done(&p->items[i]);
  free(p->items);
  *p = (struct proxies){0};
}

static int compare_proxies(const void *a_, const void *b_) {
  const struct proxy *a = a_, *b = b_;
  return (a->port > b->port) - (a->port < b->port);
}

struct proxy *proxies_find(const struct proxies *p, uint16_t port) {
  struct proxy sought = {.port = port};
  return p->len ? bsearch(&sought, p->items, p->len, sizeof sought, compare_proxies) : NULL;
}

struct proxy *proxies_add(struct proxies *p, uint16_t port) {
  struct proxy *present = proxies_find(p, port);
  if (present) return present;
  p->items = mem_grow(p->items, &p->capacity, p->len + 1, sizeof *p->items);
  size_t at = p->len;
  while (at && p->items[at - 1].port > port) at--; /* they come in order: mostly none moves */
  memmove(&p->items[at + 1], &p->items[at], (p->len++ - at) * sizeof *p->items);
  p->items[at] = (struct proxy){.port = port, .allow = STRV_EMPTY};
  snprintf(p->items[at].slot.name, sizeof p->items[at].slot.name, "t%u", port);
  return &p->items[at];
}

/* ---- from the one to the other ---- */

struct change {
  const struct proxies_paths *paths;
  struct strv *commands, *closing;
};

/* No connection goes to its servers any more, and those that do are closed. */
static void empty(const struct change *c, struct proxy *p) {
  for (size_t i = 0; i < p->slot.servers_len; i++) strv_addf(c->closing, "%s/r%zu", p->slot.name, i + 1);
  routes_slot_clear(&p->slot, c->commands);
}

/* `shutdown frontend` would leave a socket that listens and that nobody accepts from, because sockets are handed
 * on to the next process. */
static void forget(const struct change *c, struct proxy *p) {
  if (p->open) strv_addf(c->commands, "disable frontend p%u", p->port);
  p->open = false;
  if (!*p->slot.key) return;
  empty(c, p);
  strv_addf(c->commands, "del map %s %u", c->paths->owners, p->port);
  p->slot.key[0] = p->digest[0] = '\0';
}

const char *proxies_list_of(const char *network) {
  return strchr(network, ':') ? PROXIES_LIST_6 : PROXIES_LIST_4;
}

static void add_acl_command(const struct change *c, const struct proxy *p, const char *verb, const char *network) {
  strv_addf(c->commands, "%s acl %s/%u%s %s", verb, c->paths->allow, p->port, proxies_list_of(network), network);
}

static void follow_allow(const struct change *c, struct proxy *p, const struct wanted_proxy *w) {
  if (!str_eq(p->digest, w->digest)) {
    if (!p->knows_allow) {
      strv_addf(c->commands, "clear acl %s/%u" PROXIES_LIST_4, c->paths->allow, p->port);
      strv_addf(c->commands, "clear acl %s/%u" PROXIES_LIST_6, c->paths->allow, p->port);
    }
    for (size_t i = 0; i < w->allow.len; i++)
      if (!strv_has(&p->allow, w->allow.items[i])) add_acl_command(c, p, "add", w->allow.items[i]);
    for (size_t i = 0; i < p->allow.len; i++)
      if (!strv_has(&w->allow, p->allow.items[i])) add_acl_command(c, p, "del", p->allow.items[i]);
  }
  strv_done(&p->allow);
  p->allow = STRV_EMPTY;
  strv_add_all(&p->allow, (const char *const *)w->allow.items);
  p->knows_allow = true;
}

/* Only once the list is as its digest says. */
static void set_owner(const struct change *c, struct proxy *p, const struct wanted_proxy *w) {
  bool owned = *p->slot.key;
  if (owned && str_eq(p->slot.key, w->key) && str_eq(p->digest, w->digest)) return;
  strv_addf(c->commands, "%s map %s %u %s:%s", owned ? "set" : "add", c->paths->owners, p->port, w->key,
            w->digest);
  memcpy(p->slot.key, w->key, sizeof p->slot.key);
  memcpy(p->digest, w->digest, sizeof p->digest);
}

static void follow(const struct change *c, struct proxy *p, const struct wanted_proxy *w) {
  if (*p->slot.key && !str_eq(p->slot.key, w->key)) empty(c, p); /* it was another's */
  follow_allow(c, p, w);
  routes_slot_follow(&p->slot, w->targets, w->targets_len, c->commands);
  set_owner(c, p, w);
  routes_slot_retire(&p->slot, w->targets, w->targets_len, c->commands);
}

size_t proxies_apply(struct proxies *p, const struct wanted_proxies *w, const struct proxies_paths *paths,
                     struct strv *ret_commands, struct strv *ret_closing) {
  struct change c = {paths, ret_commands, ret_closing};
  size_t closed = 0;
  for (size_t i = 0; i < p->len; i++)
    if (!find_wanted(w, p->items[i].port)) forget(&c, &p->items[i]);
  for (size_t i = 0; i < w->len; i++) {
    struct proxy *present = proxies_find(p, w->items[i].port);
    if (present && present->open)
      follow(&c, present, &w->items[i]);
    else if (!w->items[i].blocked)
      closed++;
  }
  return closed;
}

void proxies_claim(struct proxies *p, const struct wanted_proxies *w) {
  size_t kept = 0;
  for (size_t i = 0; i < p->len; i++) {
    const struct wanted_proxy *sought = find_wanted(w, p->items[i].port);
    if (sought && (p->items[i].open || !sought->blocked))
      p->items[kept++] = p->items[i];
    else
      proxy_done(&p->items[i]);
  }
  p->len = kept;
  for (size_t i = 0; i < w->len; i++)
    if (!w->items[i].blocked) proxies_add(p, w->items[i].port)->open = true;
  for (size_t i = 0; i < p->len; i++) routes_slot_settle(&p->items[i].slot);
}
