#include "engine/local/firewall.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { NFT_DEADLINE_MS = 10000, RULESET_LIMIT = 4 * 1024 * 1024 };

/* A set or map may not be empty in nft's syntax, so what would be empty is left out. */
static void add_pairs(struct str *out, const struct strv *bridges) {
  str_add(out, "  set same_environment {\n    type ifname . ifname\n");
  for (size_t i = 0; i < bridges->len; i++)
    str_addf(out, "%s\"%s\" . \"%s\"", i ? ", " : "    elements = { ", bridges->items[i],
             bridges->items[i]);
  str_add(out, bridges->len ? " }\n  }\n" : "  }\n");
}

static void add_input_chain(struct str *out, const char *prefix, const int *edge_ports) {
  str_addf(out,
           "  chain input {\n"
           "    type filter hook input priority filter - 10; policy accept;\n"
           "    iifname != \"%s*\" accept\n"
           "    ct state established,related accept\n"
           "    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept\n"
           "    fib daddr . iif type local icmp type echo-request accept\n"
           "    fib daddr . iif type local icmpv6 type echo-request accept\n"
           "    fib daddr . iif type local udp dport 53 accept\n"
           "    fib daddr . iif type local tcp dport 53 accept\n",
           prefix);
  for (size_t i = 0; edge_ports && edge_ports[i]; i++)
    str_addf(out, "    tcp dport %d accept\n", edge_ports[i]);
  str_add(out, "    fib daddr type { broadcast, multicast } drop\n"
               "    reject with icmpx admin-prohibited\n"
               "  }\n");
}

/* 169.254.169.254 and fd00:ec2::254 answer with a cloud machine's own credentials. */
static void add_forward_chain(struct str *out, const char *prefix) {
  str_addf(out,
           "  chain forward {\n"
           "    type filter hook forward priority filter - 10; policy accept;\n"
           "    iifname . oifname @same_environment accept\n"
           "    iifname \"%s*\" ip daddr 169.254.0.0/16 reject with icmpx admin-prohibited\n"
           "    iifname \"%s*\" ip6 daddr { fd00:ec2::254, fe80::/10 } reject with icmpx "
           "admin-prohibited\n"
           "    oifname \"%s*\" ct state established,related accept\n"
           "    oifname \"%s*\" reject with icmpx admin-prohibited\n"
           "  }\n",
           prefix, prefix, prefix, prefix);
}

char *firewall_render(const char *table, const char *prefix, const struct strv *bridges,
                      const int *edge_ports) {
  auto_str out = STR_EMPTY;
  str_addf(&out, "table inet %s {}\ndelete table inet %s\ntable inet %s {\n", table, table, table);
  add_pairs(&out, bridges);
  add_input_chain(&out, prefix, edge_ports);
  add_forward_chain(&out, prefix);
  str_add(&out, "}\n");
  return str_take(&out);
}

struct run {
  firewall_done_fn *done;
  void *arg;
};

static void on_nft_done(void *arg, const struct spawn_result *result) {
  struct run run = *(struct run *)arg;
  free(arg);
  run.done(run.arg, err_wrap(spawn_result_err(result), "setting the firewall"));
}

void firewall_apply(loop *l, const char *text, firewall_done_fn *done, void *arg) {
  const char *const argv[] = {"nft", "-f", "-", NULL};
  struct spawn_options options = {
      .argv = argv, .input = text, .input_len = strlen(text), .deadline_ms = NFT_DEADLINE_MS};
  struct run *run = mem_alloc(sizeof *run);
  *run = (struct run){done, arg};
  err *e = spawn_start(l, &options, on_nft_done, run, NULL);
  if (!e) return;
  free(run);
  done(arg, err_wrap(e, "setting the firewall"));
}

void firewall_remove(loop *l, const char *table, firewall_done_fn *done, void *arg) {
  auto_free char *text = str_format("table inet %s {}\ndelete table inet %s\n", table, table);
  firewall_apply(l, text, done, arg);
}

struct reading {
  firewall_read_fn *done;
  void *arg;
};

static void on_read(void *arg, const struct spawn_result *result) {
  struct reading r = *(struct reading *)arg;
  free(arg);
  r.done(r.arg, err_wrap(spawn_result_err(result), "reading the firewall"), result->output ? result->output : "");
}

/* -s: without counters, which change; -a: with handles, by which a rule is known. */
void firewall_read(loop *l, const char *table, firewall_read_fn *done, void *arg) {
  const char *const whole[] = {"nft", "-s", "-a", "list", "ruleset", NULL};
  const char *const one[] = {"nft", "-s", "-a", "list", "table", "inet", table, NULL};
  struct spawn_options options = {
      .argv = table ? one : whole, .deadline_ms = NFT_DEADLINE_MS, .collect_limit = RULESET_LIMIT};
  struct reading *r = mem_alloc(sizeof *r);
  *r = (struct reading){done, arg};
  err *e = spawn_start(l, &options, on_read, r, NULL);
  if (!e) return;
  free(r);
  done(arg, err_wrap(e, "reading the firewall"), "");
}
