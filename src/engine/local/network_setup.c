#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/local/firewall.h"
#include "engine/local/link.h"
#include "engine/local/names.h"
#include "engine/local/netavark_rules.h"
#include "engine/local/netns.h"
#include "engine/local/network_private.h"
#include "loop/spawn.h"
#include "loop/timer.h"
#include "loop/work.h"

enum { NETAVARK_DEADLINE_MS = 30000, NETAVARK_TRIES = 4, NETAVARK_RETRY_MS = 250 };

/* Making or removing one network; several steps, one operation at a time. */
struct operation {
  struct list link;
  network *network;
  bool removal, forget;
  int tries;
  timer *retry;
  network_done_fn *done;
  void *arg;
};

static void run_next(networks *n);
static void run_netavark(void *arg);
static void on_anchor_ready(void *arg, err *e);

/* --- Steps on the worker pool ---------------------------------------------------- */

static bool is_namespace(const char *path) {
  struct statfs info;
  return statfs(path, &info) == 0 && info.f_type == NSFS_MAGIC;
}

static err *drop_anchor(const network *w) {
  if (unlink(w->ready_path) < 0 && errno != ENOENT)
    return err_errno(errno, "removing '%s'", w->ready_path);
  while (umount2(w->anchor_path, MNT_DETACH) == 0)
    continue;
  if (unlink(w->anchor_path) < 0 && errno != ENOENT)
    return err_errno(errno, "removing '%s'", w->anchor_path);
  return w->keep_bridge ? NULL : link_delete(w->bridge);
}

static err *bind_namespace(void *arg) {
  const network *w = arg;
  if (mount("/proc/thread-self/ns/net", w->anchor_path, NULL, MS_BIND, NULL) < 0)
    return err_errno(errno, "binding a network namespace to '%s'", w->anchor_path);
  return NULL;
}

static err *prepare_anchor(void *arg) {
  const network *w = ((struct operation *)arg)->network;
  auto_free char *folder = path_join(w->all->config.run_dir, "netns");
  TRY(file_make_dirs(folder, 0700));
  TRY(file_make_dirs(w->all->dns_dir, 0700));
  TRY(drop_anchor(w));
  TRY(file_write_fast(w->anchor_path, "", 0, 0600));
  return netns_run(-1, bind_namespace, (void *)w);
}

/* The kernel takes the links of ended instances away in its own time; to netavark a bridge with links is
 * still in use, and it would leave its rules. */
static err *delete_links(void *arg) {
  const network *w = ((struct operation *)arg)->network;
  auto_free char *path = str_format("/sys/class/net/%s/brif", w->bridge);
  DIR *folder = opendir(path);
  err *e = NULL;
  for (struct dirent *entry; !e && folder && (entry = readdir(folder));)
    if (str_starts(entry->d_name, LINK_PREFIX)) e = link_delete(entry->d_name);
  if (folder) closedir(folder);
  return e;
}

static err *remove_anchor(void *arg) {
  return drop_anchor(((struct operation *)arg)->network);
}

/* The bridge's hardware address follows from its gateway's, as those of instances do: a bridge that is
 * made anew is the same to those who know its address. */
static err *complete_setup(void *arg) {
  network *w = ((struct operation *)arg)->network;
  struct in_addr gateway = network_address(w, NETWORK_GATEWAY);
  unsigned char address[6] = {0x02, 0x74};
  memcpy(address + 2, &gateway, sizeof gateway);
  TRY(link_set_address(w->bridge, address));
  return file_write_fast(w->ready_path, "", 0, 0600);
}

/* --- The operation --------------------------------------------------------------- */

struct listing {
  networks *all;
  unsigned times;
};

/* The answer to an earlier setting is of no use. */
static void on_firewall_listed(void *arg, err *e, const char *text) {
  struct listing listing = *(struct listing *)arg;
  networks *n = listing.all;
  free(arg);
  n->firewall_listings--;
  if (e) /* somebody deleted it at once: the next look sets it again */
    log_debug("engine", "%s", err_message(e));
  if (listing.times == n->firewall_times) str_replace_owned(&n->firewall, text);
  err_free(e);
}

static void list_firewall(networks *n) {
  struct listing *listing = mem_alloc(sizeof *listing);
  *listing = (struct listing){n, n->firewall_times};
  n->firewall_listings++;
  firewall_read(n->loop, n->config.name, on_firewall_listed, listing);
}

struct setting {
  networks *all;
  firewall_done_fn *done;
  void *arg;
};

/* What nft makes of it is the measure for later looks; nobody waits for that. */
static void on_firewall_set(void *arg, err *e) {
  struct setting s = *(struct setting *)arg;
  free(arg);
  if (!e) list_firewall(s.all);
  s.done(s.arg, e);
}

static void set_firewall(networks *n, firewall_done_fn *done, void *arg) {
  auto_strv bridges = STRV_EMPTY;
  size_t cursor = 0;
  for (network *w; (w = networks_next(n, &cursor));)
    if (w->state == NETWORK_READY) strv_add(&bridges, w->bridge);
  auto_free char *text =
      firewall_render(n->config.name, n->bridge_prefix, &bridges, n->config.edge_ports);
  str_replace_owned(&n->firewall, NULL);
  n->firewall_times++;
  struct setting *s = mem_alloc(sizeof *s);
  *s = (struct setting){n, done, arg};
  firewall_apply(n->loop, text, on_firewall_set, s);
}

static void finish(void *arg, err *e) {
  struct operation *o = arg;
  networks *n = o->network->all;
  auto_free char *name = str_dup(o->network->name);
  if (e && !o->removal) o->network->state = NETWORK_ABSENT;
  o->network->keep_bridge = false;
  if (o->removal && o->forget && !e) {
    map_remove(n->by_environment, o->network->environment_id);
    network_free(o->network);
    e = networks_save(n);
  }
  list_remove(&o->link);
  n->running = false;
  if (o->done)
    o->done(o->arg, err_wrap(e, "network '%s'", name));
  else
    err_ignore(e);
  free(o);
  run_next(n);
}

static void on_anchor_removed(void *arg, err *e) {
  struct operation *o = arg;
  o->network->state = NETWORK_ABSENT;
  if (e)
    finish(o, e);
  else
    set_firewall(o->network->all, finish, o);
}

static void on_retry(void *arg) {
  struct operation *o = arg;
  timer_stop(o->retry);
  o->retry = NULL;
  if (o->removal)
    run_netavark(o);
  else
    work_start(o->network->all->loop, prepare_anchor, on_anchor_ready, o);
}

static void try_again(struct operation *o) {
  o->retry = timer_start(o->network->all->loop, NETAVARK_RETRY_MS, 0, on_retry, o);
}

/* Tries over, or nothing to try again for. */
static void removal_tried(struct operation *o, err *e) {
  if (e) log_warn("engine", "taking down network '%s': %s", o->network->name, err_message(e));
  err_ignore(e);
  work_start(o->network->all->loop, remove_anchor, on_anchor_removed, o);
}

static void on_setup_complete(void *arg, err *e) {
  struct operation *o = arg;
  if (e) {
    finish(o, e);
    return;
  }
  o->network->state = NETWORK_READY;
  set_firewall(o->network->all, finish, o);
}

/* netavark of another owner (buildah, Podman) may change the same chains at the same moment, which
 * makes either fail: try again.  It says why on standard output. */
static void on_netavark_done(void *arg, const struct spawn_result *result) {
  struct operation *o = arg;
  err *e = spawn_result_err(result);
  if (e && !str_empty(result->output)) e = err_wrap(e, "%s", result->output);
  if (e && ++o->tries < NETAVARK_TRIES) {
    err_ignore(e);
    try_again(o);
  } else if (o->removal) {
    removal_tried(o, e);
  } else if (e) {
    finish(o, e);
  } else {
    work_start(o->network->all->loop, complete_setup, on_setup_complete, o);
  }
}

static void run_netavark(void *arg) {
  struct operation *o = arg;
  network *w = o->network;
  const struct networks_config *c = &w->all->config;
  auto_free char *text = network_netavark_json(w);
  auto_strv argv = STRV_EMPTY;
  strv_add_all(&argv, c->monitor_argv);
  strv_add_all(&argv, (const char *const[]){
                          c->netavark, "--config", w->all->dns_dir, "--aardvark-binary",
                          c->aardvark, o->removal ? "teardown" : "setup", w->anchor_path, NULL});
  struct spawn_options options = {.argv = (const char *const *)argv.items,
                                  .input = text,
                                  .input_len = strlen(text),
                                  .deadline_ms = NETAVARK_DEADLINE_MS,
                                  .collect_limit = 4096};
  err *e = spawn_start(w->all->loop, &options, on_netavark_done, o, NULL);
  if (e) finish(o, e);
}

static void on_links_deleted(void *arg, err *e) {
  if (e) log_warn("engine", "%s", err_message(e));
  err_free(e);
  run_netavark(arg);
}

static void on_anchor_ready(void *arg, err *e) {
  if (e)
    finish(arg, e);
  else
    run_netavark(arg);
}

static void on_noted(void *arg, err *e) {
  struct operation *o = arg;
  if (e)
    finish(o, e);
  else
    work_start(o->network->all->loop, prepare_anchor, on_anchor_ready, o);
}

static void run_next(networks *n) {
  if (n->running || list_empty(&n->operations)) return;
  n->running = true;
  struct operation *o = CONTAINER_OF(n->operations.next, struct operation, link);
  network *w = o->network;
  if (o->removal && !is_namespace(w->anchor_path) && !link_exists(w->bridge)) {
    w->state = NETWORK_ABSENT;
    set_firewall(n, finish, o);
  } else if (o->removal) {
    work_start(n->loop, delete_links, on_links_deleted, o);
  } else if (w->state == NETWORK_READY) {
    finish(o, NULL);
  } else {
    netavark_rules_note(n->loop, n->config.run_dir, on_noted, o);
  }
}

static void add_operation(network *w, bool removal, bool forget, network_done_fn *done, void *arg) {
  struct operation *o = mem_zalloc(sizeof *o);
  *o = (struct operation){
      .network = w, .removal = removal, .forget = forget, .done = done, .arg = arg};
  list_init(&o->link);
  list_push(&w->all->operations, &o->link);
  run_next(w->all);
}

void network_ensure(network *w, network_done_fn *done, void *arg) {
  if (w->state == NETWORK_READY && list_empty(&w->all->operations))
    done(arg, NULL);
  else
    add_operation(w, false, false, done, arg);
}

void network_remove(network *w, bool forget, network_done_fn *done, void *arg) {
  add_operation(w, true, forget, done, arg);
}

void network_mend(network *w, bool keep_bridge, network_done_fn *done, void *arg) {
  w->state = NETWORK_ABSENT;
  w->keep_bridge = keep_bridge;
  add_operation(w, false, false, done, arg);
}

/* --- All of them ----------------------------------------------------------------- */

void networks_adopt(networks *n, network_done_fn *done, void *arg) {
  size_t cursor = 0;
  for (network *w; (w = networks_next(n, &cursor));) {
    if (file_exists(w->ready_path) && is_namespace(w->anchor_path) && link_exists(w->bridge))
      w->state = NETWORK_READY;
  }
  set_firewall(n, done, arg);
}

struct firewall_mending {
  networks *all;
  network_done_fn *done;
  void *arg;
};

static void on_firewall_mended(void *arg, err *e) {
  struct firewall_mending m = *(struct firewall_mending *)arg;
  free(arg);
  m.all->running = false;
  m.done(m.arg, e);
  run_next(m.all);
}

/* As an operation: the table names the networks that are there when it is made. */
void networks_mend_firewall(networks *n, network_done_fn *done, void *arg) {
  struct firewall_mending *m = mem_alloc(sizeof *m);
  *m = (struct firewall_mending){n, done, arg};
  n->running = true;
  set_firewall(n, on_firewall_mended, m);
}

struct remove_all {
  networks *all;
  network_done_fn *done;
  void *arg;
  size_t left;
  err *first;
};

static void on_rules_removed(void *arg, err *e) {
  struct remove_all *r = arg;
  if (r->first)
    err_ignore(e);
  else
    r->first = e;
  r->all->running = false;
  r->done(r->arg, r->first);
  free(r);
}

static void on_firewall_removed(void *arg, err *e) {
  struct remove_all *r = arg;
  if (r->first)
    err_ignore(e);
  else
    r->first = e;
  netavark_rules_remove(r->all->loop, r->all->config.run_dir, on_rules_removed, r);
}

static void on_one_removed(void *arg, err *e) {
  struct remove_all *r = arg;
  if (r->first)
    err_ignore(e);
  else
    r->first = e;
  if (--r->left > 0) return;
  names_stop(r->all->dns_dir);
  r->all->running = true;
  firewall_remove(r->all->loop, r->all->config.name, on_firewall_removed, r);
}

void networks_remove_all(networks *n, network_done_fn *done, void *arg) {
  struct remove_all *r = mem_zalloc(sizeof *r);
  *r = (struct remove_all){.all = n, .done = done, .arg = arg, .left = 1};
  size_t cursor = 0;
  for (network *w; (w = networks_next(n, &cursor));) {
    r->left++;
    network_remove(w, false, on_one_removed, r);
  }
  on_one_removed(r, NULL);
}

static void on_server_started(void *arg, const struct spawn_result *result) {
  networks *n = arg;
  n->server_starting = false;
  auto_err *e = spawn_result_err(result);
  if (e) log_error("engine", "starting aardvark-dns again: %s", err_message(e));
}

static bool is_any_ready(const networks *n) {
  size_t cursor = 0;
  for (network *w; (w = networks_next(n, &cursor));)
    if (w->state == NETWORK_READY) return true;
  return false;
}

bool networks_watch(networks *n) {
  if (n->server_starting || n->running || !is_any_ready(n) || names_alive(n->dns_dir)) return false;
  auto_free char *config_dir = path_join(n->dns_dir, "aardvark-dns");
  auto_strv argv = STRV_EMPTY;
  strv_add_all(&argv, n->config.monitor_argv);
  strv_add_all(&argv, (const char *const[]){n->config.aardvark, "--config", config_dir, "-p", "53",
                                            "run", NULL});
  struct spawn_options options = {.argv = (const char *const *)argv.items,
                                  .deadline_ms = NETAVARK_DEADLINE_MS};
  auto_err *e = spawn_start(n->loop, &options, on_server_started, n, NULL);
  if (e)
    log_error("engine", "starting aardvark-dns again: %s", err_message(e));
  else
    n->server_starting = true;
  return true;
}
