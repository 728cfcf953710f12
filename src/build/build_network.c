#include "build/build_network.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "build/build_firewall.h"
#include "loop/spawn.h"
#include "loop/timer.h"

#define NETAVARK "/usr/lib/podman/netavark"

enum { DEADLINE_MS = 20000, FIRST_HOST = 2, NETAVARK_TRIES = 4, NETAVARK_RETRY_MS = 250 };

struct build_networks {
  loop *loop;
  const struct builder_config *config;
  char *subnet, *tag, *state_dir, *bridge;
  uint32_t base; /* the subnet's own address */
  int slots;
  bool taken[BUILD_NETWORK_SLOTS];
  bool closing_firewall; /* its table is being deleted: opens wait, or it would be theirs */
  struct list waiting;   /* struct change.link */
};

/* One open or close under way. */
struct change {
  struct list link; /* in networks->waiting */
  build_networks *networks;
  int slot;
  char *path, *name;
  build_network_done_fn *opened;
  build_network_closed_fn *closed;
  void *arg;
  err *not_started; /* its first program */
  int tries; /* of netavark's setup */
  timer *retry;
};

err *build_networks_new(loop *l, const struct builder_config *config, const char *subnet, const char *tag,
                        const char *state_dir, build_networks **ret_networks) {
  auto_free char *address = str_dup(subnet);
  char *slash = strchr(address, '/');
  long long bits = 0;
  struct in_addr parsed;
  if (slash) *slash = '\0';
  if (!slash || !str_to_int(slash + 1, 8, 29, &bits) || inet_pton(AF_INET, address, &parsed) != 1)
    return err_new(ERR_INVALID, "build subnet '%s': expected an IPv4 network like 10.214.0.0/24", subnet);
  TRY(file_make_dirs(state_dir, 0700));
  long long hosts = (1LL << (32 - bits)) - 3; /* network, bridge, broadcast */
  build_networks *n = mem_zalloc(sizeof *n);
  n->loop = l;
  n->config = config;
  n->subnet = str_dup(subnet);
  n->tag = str_dup(tag);
  n->state_dir = str_dup(state_dir);
  n->bridge = str_format("twb-%s", tag);
  list_init(&n->waiting);
  n->base = ntohl(parsed.s_addr) & ~(uint32_t)((1LL << (32 - bits)) - 1);
  n->slots = hosts < BUILD_NETWORK_SLOTS ? (int)hosts : BUILD_NETWORK_SLOTS;
  *ret_networks = n;
  return NULL;
}

void build_networks_free(build_networks *n) {
  if (!n) return;
  free(n->subnet);
  free(n->tag);
  free(n->state_dir);
  free(n->bridge);
  free(n);
}

static char *address_of(const build_networks *n, uint32_t host) {
  struct in_addr address = {.s_addr = htonl(n->base + host)};
  char text[INET_ADDRSTRLEN];
  inet_ntop(AF_INET, &address, text, sizeof text);
  return str_dup(text);
}

/* The MTU of the way out: a tunnel's is below Ethernet's, and lost "too big" messages would let
 * downloads hang. */
static int outer_mtu(void) {
  auto_str routes = STR_EMPTY;
  err_ignore(file_read("/proc/net/route", 65536, &routes));
  for (const char *line = str_text(&routes); line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
    char device[32], destination[16];
    if (sscanf(line, "%31s %15s", device, destination) != 2 || !str_eq(destination, "00000000")) continue;
    auto_free char *path = str_format("/sys/class/net/%s/mtu", device);
    auto_str mtu = STR_EMPTY;
    err_ignore(file_read(path, 64, &mtu));
    int value = atoi(str_text(&mtu));
    if (value >= 576) return value;
  }
  return 1500;
}

/* What netavark wants to read; the same for setup and teardown. */
static char *definition(const build_networks *n, int slot) {
  const char *bridge = n->bridge;
  auto_free char *name = str_format("twb-%s-%d", n->tag, slot);
  auto_free char *gateway = address_of(n, 1);
  auto_free char *own = address_of(n, (uint32_t)(FIRST_HOST + slot));
  auto_free char *mtu = str_format("%d", outer_mtu());
  char id[SHA256_HEX_SIZE];
  secret_sha256_hex(bridge, strlen(bridge), id);
  auto_json *value = json_pack(
      "{s:s, s:s, s:{s:{s:[s], s:s}}, s:{s:{s:s, s:s, s:s, s:s, s:[{s:s, s:s}], s:b, s:b, s:b, "
      "s:{s:s}, s:{s:s, s:s}}}}",
      "container_id", name, "container_name", name, "networks", bridge, "static_ips", own,
      "interface_name", "eth0", "network_info", bridge, "name", bridge, "id", id, "driver", "bridge",
      "network_interface", bridge, "subnets", "subnet", n->subnet, "gateway", gateway, "ipv6_enabled",
      0, "internal", 0, "dns_enabled", 0, "ipam_options", "driver", "host-local", "options", "isolate",
      "true", "mtu", mtu);
  return json_to_text(value);
}

static void change_free(struct change *c) {
  free(c->path);
  free(c->name);
  free(c);
}

static err *run(struct change *c, const char *const *argv, const char *input, spawn_done_fn *done) {
  struct spawn_options options = {
      .argv = argv,
      .input = input,
      .input_len = input ? strlen(input) : 0,
      .deadline_ms = DEADLINE_MS,
      .collect_limit = 65536,
  };
  return spawn_start(c->networks->loop, &options, done, c, NULL);
}

static err *run_netavark(struct change *c, const char *verb, spawn_done_fn *done) {
  const char *argv[] = {NETAVARK, "--config", c->networks->state_dir, verb, c->path, NULL};
  auto_free char *input = definition(c->networks, c->slot);
  return run(c, argv, input, done);
}

static struct change *change_new(build_networks *n, int slot, void *arg) {
  struct change *c = mem_zalloc(sizeof *c);
  c->networks = n;
  c->slot = slot;
  c->name = str_format("twb-%s-%d", n->tag, slot);
  c->path = str_format("/run/netns/%s", c->name);
  c->arg = arg;
  list_init(&c->link);
  return c;
}

static bool any_taken(const build_networks *n) {
  for (int i = 0; i < n->slots; i++)
    if (n->taken[i]) return true;
  return false;
}

/* --- close --- */

static void start_open(struct change *c);

static void report_closed(struct change *c) {
  if (c->closed) c->closed(c->arg);
  change_free(c);
}

static void close_firewall(void *arg);

static void on_firewall_closed(void *arg, err *e) {
  struct change *c = arg;
  build_networks *n = c->networks;
  if (e) log_warn("build", "removing %s", err_message(e));
  bool again = e && ++c->tries < NETAVARK_TRIES;
  err_free(e);
  if (again) {
    c->retry = timer_start(n->loop, NETAVARK_RETRY_MS, 0, close_firewall, c);
    return;
  }
  n->closing_firewall = false;
  while (!n->closing_firewall && !list_empty(&n->waiting)) {
    struct change *next = CONTAINER_OF(n->waiting.next, struct change, link);
    list_remove(&next->link);
    start_open(next);
  }
  report_closed(c);
}

static void close_firewall(void *arg) {
  struct change *c = arg;
  timer_stop(c->retry);
  c->retry = NULL;
  build_firewall_remove(c->networks->loop, c->networks->bridge, on_firewall_closed, c);
}

/* The last one out closes the firewall. */
static void leave(struct change *c) {
  build_networks *n = c->networks;
  if (any_taken(n) || n->closing_firewall) {
    report_closed(c);
    return;
  }
  n->closing_firewall = true;
  c->tries = 0;
  close_firewall(c);
}

static void start_close(void *arg);

/* What is left of one would be in the way of the next build. */
static bool close_again(struct change *c, const err *e) {
  if (!e || ++c->tries >= NETAVARK_TRIES) return false;
  c->retry = timer_start(c->networks->loop, NETAVARK_RETRY_MS, 0, start_close, c);
  return true;
}

static void finish_close(struct change *c, err *e) {
  if (e) log_warn("build", "removing the network namespace '%s': %s", c->name, err_message(e));
  bool again = close_again(c, e);
  err_free(e);
  if (again) return;
  c->networks->taken[c->slot] = false;
  leave(c);
}

static void on_deleted(void *arg, const struct spawn_result *result) {
  finish_close(arg, spawn_result_err(result));
}

static void on_torn_down(void *arg, const struct spawn_result *result) {
  struct change *c = arg;
  auto_err *e = spawn_result_err(result);
  if (e) log_debug("build", "network of '%s': %s", c->name, err_message(e));
  if (close_again(c, e)) return;
  if (!file_exists(c->path) && errno == ENOENT) {
    finish_close(c, NULL);
    return;
  }
  const char *argv[] = {"ip", "netns", "delete", c->name, NULL};
  err *failed = run(c, argv, NULL, on_deleted);
  if (failed) finish_close(c, failed);
}

static void start_close(void *arg) {
  struct change *c = arg;
  timer_stop(c->retry);
  c->retry = NULL;
  err *e = run_netavark(c, "teardown", on_torn_down);
  if (e) finish_close(c, e);
}

void build_network_close(build_networks *n, int slot, build_network_closed_fn *done, void *arg) {
  struct change *c = change_new(n, slot, arg);
  c->closed = done;
  start_close(c);
}

/* --- open --- */

static void fail_open(struct change *c, err *e) {
  build_network_close(c->networks, c->slot, NULL, NULL);
  c->opened(c->arg, err_wrap(e, "making the build's network"), -1, NULL);
  change_free(c);
}

static err *write_one(const char *path) {
  auto_fd fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, "1", 1) != 1) return err_errno(errno, "writing '%s'", path);
  return NULL;
}

/* Isolated ports reach the bridge's own address, not each other.  A port of another build may vanish
 * meanwhile. */
static err *isolate_ports(const build_networks *n) {
  auto_free char *folder = str_format("/sys/class/net/%s/brif", n->bridge);
  DIR *ports = opendir(folder);
  if (!ports) return err_errno(errno, "opening '%s'", folder);
  err *e = NULL;
  struct dirent *entry;
  while (!e && (entry = readdir(ports))) {
    auto_free char *port = path_join(folder, entry->d_name);
    auto_free char *path = path_join(port, "isolated");
    if (entry->d_name[0] == '.') continue;
    e = write_one(path);
    if (!e || file_exists(port)) continue;
    err_free(e);
    e = NULL;
  }
  closedir(ports);
  return e;
}

static void set_up(void *arg);

/* What a try that failed has made would be in the way of the next. */
static void on_half_torn_down(void *arg, const struct spawn_result *result) {
  (void)result;
  struct change *c = arg;
  c->retry = timer_start(c->networks->loop, NETAVARK_RETRY_MS, 0, set_up, c);
}

/* netavark fails when another (the engine's, another build's) changes the same chains at the same
 * moment: try again. */
static void on_set_up(void *arg, const struct spawn_result *result) {
  struct change *c = arg;
  err *e = spawn_result_err(result);
  if (e && *result->output) e = err_wrap(e, "%s", result->output); /* netavark's reason is a JSON on stdout */
  if (e && ++c->tries < NETAVARK_TRIES) {
    err_ignore(e);
    e = run_netavark(c, "teardown", on_half_torn_down);
    if (!e) return;
  }
  if (!e) e = isolate_ports(c->networks);
  if (e) {
    fail_open(c, e);
    return;
  }
  c->opened(c->arg, NULL, c->slot, c->path);
  change_free(c);
}

static void set_up(void *arg) {
  struct change *c = arg;
  timer_stop(c->retry);
  c->retry = NULL;
  err *e = run_netavark(c, "setup", on_set_up);
  if (e) fail_open(c, e);
}

static void on_firewall_set(void *arg, err *e) {
  struct change *c = arg;
  if (e)
    fail_open(c, e);
  else
    set_up(c);
}

/* Each open sets the table anew: the host's resolvers and routes may have changed. */
static void set_firewall(struct change *c) {
  build_networks *n = c->networks;
  const struct builder_config *config = n->config;
  struct build_firewall f = {.bridge = n->bridge, .private_pool = config->private_pool};
  build_firewall_add_host(&f);
  const char *const given[] = {config->http_proxy, config->https_proxy, config->debian_mirror,
                               config->debian_security, config->npm_registry};
  for (size_t i = 0; i < ARRAY_LEN(given); i++) build_firewall_add_endpoint(&f, given[i]);
  build_firewall_set(n->loop, &f, on_firewall_set, c);
  build_firewall_done(&f);
}

static void on_added(void *arg, const struct spawn_result *result) {
  struct change *c = arg;
  err *e = spawn_result_err(result);
  if (e)
    fail_open(c, e);
  else
    set_firewall(c);
}

static void report_failed_open(void *arg) {
  struct change *c = arg;
  c->opened(c->arg, err_wrap(c->not_started, "making the build's network"), -1, NULL);
  change_free(c);
}

static void start_open(struct change *c) {
  const char *argv[] = {"ip", "netns", "add", c->name, NULL};
  err *e = run(c, argv, NULL, on_added);
  if (!e) return;
  c->not_started = e;
  c->networks->taken[c->slot] = false;
  loop_defer(c->networks->loop, report_failed_open, c);
}

static int free_slot(const build_networks *n) {
  for (int i = 0; i < n->slots; i++)
    if (!n->taken[i]) return i;
  return -1;
}

void build_network_open(build_networks *n, build_network_done_fn *done, void *arg) {
  int slot = free_slot(n);
  if (slot < 0) {
    done(arg, err_new(ERR_BUSY, "more than %d builds at a time", n->slots), -1, NULL);
    return;
  }
  n->taken[slot] = true;
  struct change *c = change_new(n, slot, arg);
  c->opened = done;
  if (n->closing_firewall)
    list_push(&n->waiting, &c->link);
  else
    start_open(c);
}

/* --- clean --- */

struct cleaning {
  build_networks *networks;
  int next;
  build_network_closed_fn *done;
  void *arg;
};

static void clean_next(void *arg) {
  struct cleaning *c = arg;
  for (; c->next < c->networks->slots; c->next++) {
    auto_free char *path = str_format("/run/netns/twb-%s-%d", c->networks->tag, c->next);
    if (c->networks->taken[c->next] || !file_exists(path)) continue;
    c->networks->taken[c->next] = true;
    build_network_close(c->networks, c->next++, clean_next, c);
    return;
  }
  struct change *last = change_new(c->networks, 0, c->arg);
  last->closed = c->done;
  leave(last);
  free(c);
}

void build_networks_clean(build_networks *n, build_network_closed_fn *done, void *arg) {
  struct cleaning *c = mem_zalloc(sizeof *c);
  *c = (struct cleaning){n, 0, done, arg};
  loop_defer(n->loop, clean_next, c);
}
