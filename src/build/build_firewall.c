#include "build/build_firewall.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/file.h"
#include "base/mem.h"
#include "loop/spawn.h"

enum { NFT_DEADLINE_MS = 10000, HOST_FILE_LIMIT = 65536, LIST_MAX = 16 };

void build_firewall_done(struct build_firewall *f) {
  strv_done(&f->resolvers);
  strv_done(&f->endpoints);
  strv_done(&f->uplinks);
}

/* --- the text --- */

static void add_quoted(struct str *out, const struct strv *names) {
  for (size_t i = 0; i < names->len; i++) str_addf(out, "%s\"%s\"", i ? ", " : "", names->items[i]);
}

/* Asked for in both hooks: an address may be the host's own or another machine's, a cloud's resolver
 * is even its metadata address. */
static void add_given_chain(struct str *out, const struct build_firewall *f) {
  auto_free char *resolvers = strv_join(&f->resolvers, ", ");
  auto_free char *endpoints = strv_join(&f->endpoints, ", ");
  str_add(out, "  chain given {\n");
  if (f->resolvers.len) str_addf(out, "    ip daddr { %s } meta l4proto { tcp, udp } th dport 53 accept\n", resolvers);
  if (f->endpoints.len) str_addf(out, "    ip daddr . tcp dport { %s } accept\n", endpoints);
  str_add(out, "  }\n");
}

/* Neighbours are answered so that a try by IPv6 is refused rather than waited for. */
static void add_input_chain(struct str *out, const struct build_firewall *f) {
  str_addf(out,
           "  chain input {\n"
           "    type filter hook input priority filter - 10; policy accept;\n"
           "    iifname != \"%s\" accept\n"
           "    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n"
           "    jump given\n"
           "    fib daddr type { broadcast, multicast } drop\n"
           "    reject with icmpx admin-prohibited\n"
           "  }\n",
           f->bridge);
}

/* Builds have no IPv6 route, so all of it is made up.  Other bridges are the networks of environments,
 * other containers and virtual machines; the way out may be a bridge too. */
static void add_way_out(struct str *out, const struct build_firewall *f) {
  str_add(out, "  chain out {\n"
               "    jump given\n"
               "    meta nfproto ipv6 reject with icmpx admin-prohibited\n"
               "    ip daddr 169.254.0.0/16 reject with icmpx admin-prohibited\n");
  if (!str_empty(f->private_pool))
    str_addf(out, "    ip daddr %s reject with icmpx admin-prohibited\n", f->private_pool);
  if (f->uplinks.len) {
    str_add(out, "    oifname { ");
    add_quoted(out, &f->uplinks);
    str_add(out, " } accept\n");
  }
  str_add(out, "    meta oifkind \"bridge\" reject with icmpx admin-prohibited\n  }\n");
}

static void add_forward_chain(struct str *out, const struct build_firewall *f) {
  str_addf(out,
           "  chain forward {\n"
           "    type filter hook forward priority filter - 10; policy accept;\n"
           "    iifname \"%s\" goto out\n"
           "    oifname \"%s\" ct state established,related accept\n"
           "    oifname \"%s\" reject with icmpx admin-prohibited\n"
           "  }\n",
           f->bridge, f->bridge, f->bridge);
}

char *build_firewall_render(const struct build_firewall *f) {
  auto_str out = STR_EMPTY;
  str_addf(&out, "table inet %s {}\ndelete table inet %s\ntable inet %s {\n", f->bridge, f->bridge, f->bridge);
  add_given_chain(&out, f);
  add_input_chain(&out, f);
  add_way_out(&out, f);
  add_forward_chain(&out, f);
  str_add(&out, "}\n");
  return str_take(&out);
}

/* --- what is open --- */

static void add_once(struct strv *list, const char *text) {
  if (list->len < LIST_MAX && !strv_has(list, text)) strv_add(list, text);
}

void build_firewall_add_resolvers(struct build_firewall *f, const char *resolv_conf) {
  auto_strv lines = STRV_EMPTY;
  strv_split(&lines, resolv_conf, '\n');
  for (size_t i = 0; i < lines.len; i++) {
    char address[64];
    if (sscanf(lines.items[i], "nameserver %63s", address) != 1) continue;
    if (address_family(address) == AF_INET && !str_starts(address, "127.")) add_once(&f->resolvers, address);
  }
}

void build_firewall_add_endpoint(struct build_firewall *f, const char *url) {
  const char *authority = str_empty(url) ? NULL : strstr(url, "://");
  if (!authority) return;
  authority += 3;
  size_t len = strcspn(authority, "/?#");
  const char *at = memrchr(authority, '@', len);
  const char *host = at ? at + 1 : authority;
  auto_free char *name = str_ndup(host, (size_t)(authority + len - host));
  char *colon = strchr(name, ':');
  long long port = str_starts(url, "https:") ? 443 : 80;
  if (colon && !str_to_int(colon + 1, 1, 65535, &port)) return;
  if (colon) *colon = '\0';
  if (address_family(name) != AF_INET || str_starts(name, "127.")) return;
  auto_free char *endpoint = str_format("%s . %lld", name, port);
  add_once(&f->endpoints, endpoint);
}

void build_firewall_add_uplinks(struct build_firewall *f, const char *proc_net_route) {
  auto_strv lines = STRV_EMPTY;
  strv_split(&lines, proc_net_route, '\n');
  for (size_t i = 0; i < lines.len; i++) {
    char device[32], destination[16];
    if (sscanf(lines.items[i], "%31s %15s", device, destination) != 2) continue;
    if (str_eq(destination, "00000000") && !strpbrk(device, "\"\\*")) add_once(&f->uplinks, device);
  }
}

static void read_host_file(const char *path, struct build_firewall *f,
                           void (*add)(struct build_firewall *f, const char *text)) {
  auto_str text = STR_EMPTY;
  err_ignore(file_read(path, HOST_FILE_LIMIT, &text));
  add(f, str_text(&text));
}

void build_firewall_add_host(struct build_firewall *f) {
  read_host_file("/etc/resolv.conf", f, build_firewall_add_resolvers);
  /* what buildah gives to builds when the first one names systemd-resolved only */
  read_host_file("/run/systemd/resolve/resolv.conf", f, build_firewall_add_resolvers);
  read_host_file("/proc/net/route", f, build_firewall_add_uplinks);
}

/* --- nft --- */

struct change {
  build_firewall_set_fn *done;
  void *arg;
};

static void on_nft_done(void *arg, const struct spawn_result *result) {
  struct change change = *(struct change *)arg;
  free(arg);
  change.done(change.arg, err_wrap(spawn_result_err(result), "the firewall of builds"));
}

static void run_nft(loop *l, const char *text, build_firewall_set_fn *done, void *arg) {
  const char *const argv[] = {"nft", "-f", "-", NULL};
  struct spawn_options options = {
      .argv = argv, .input = text, .input_len = strlen(text), .deadline_ms = NFT_DEADLINE_MS};
  struct change *change = mem_alloc(sizeof *change);
  *change = (struct change){done, arg};
  err *e = spawn_start(l, &options, on_nft_done, change, NULL);
  if (!e) return;
  free(change);
  done(arg, err_wrap(e, "the firewall of builds"));
}

void build_firewall_set(loop *l, const struct build_firewall *f, build_firewall_set_fn *done, void *arg) {
  auto_free char *text = build_firewall_render(f);
  run_nft(l, text, done, arg);
}

void build_firewall_remove(loop *l, const char *bridge, build_firewall_set_fn *done, void *arg) {
  auto_free char *text = str_format("table inet %s {}\ndelete table inet %s\n", bridge, bridge);
  run_nft(l, text, done, arg);
}
