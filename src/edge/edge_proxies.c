/* What TCP proxies need of the edge beside what routes do: ports that somebody else may have, reloads for new
 * ones, and the end of the connections of those that are gone. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "edge/edge_internal.h"

/* Each reload leaves a process for as long as somebody stays connected through it, and the oldest of them end
 * when there are too many (haproxy_config.c): whoever makes and deletes proxies all day does not get many. */
#define OPENING_FIRST_MS 500
#define OPENING_LAST_MS 60000
#define OPENING_CALM_MS 300000 /* after so long without one the next comes at once */

/* ---- ports ---- */

/* A family that the machine does not have is no hindrance: nobody listens there. */
static bool can_bind(int family, const void *address, socklen_t len, bool beside) {
  int reason = edge_try_bind(family, address, len, beside);
  return !reason || reason == EAFNOSUPPORT || reason == EADDRNOTAVAIL;
}

/* `beside`: those who share, as all HAProxys do, are no hindrance. */
static bool is_free(uint16_t port, bool beside) {
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  return can_bind(AF_INET, &v4, sizeof v4, beside) && can_bind(AF_INET6, &v6, sizeof v6, beside);
}

bool edge_port_is_free(uint16_t port) {
  return is_free(port, false);
}

/* HAProxy does not start, and does not reload, when it cannot have one of its ports.  Where it was killed
 * its workers may still be there for a moment; else who shares would get a part of the connections. */
static void look_at_port(edge *g, struct wanted_proxy *w) {
  const struct proxy *present = proxies_find(&g->proxies, w->port);
  bool beside = !g->running && g->ended_pid;
  bool blocked = !(present && present->open) && (!g->tcp_here.len || !is_free(w->port, beside));
  if (blocked && !w->blocked && g->tcp_here.len) {
    auto_free char *cause = str_format("another program listens on port %u", w->port);
    edge_tell_repair(g, "TCP proxy", w->key, cause, "opening it", "it stays closed until that ends");
  }
  w->blocked = blocked;
}

/* What one of another version listens on is not known, and reloading takes it over. */
static void look_at_ports(edge *g) {
  for (size_t i = 0; !g->outdated && i < g->wanted_proxies.len; i++) look_at_port(g, &g->wanted_proxies.items[i]);
}

/* ---- what is wanted ---- */

/* What is known of a port stays known: it is told once. */
static void keep_blocked(const struct wanted_proxies *before, struct wanted_proxies *now) {
  for (size_t i = 0, b = 0; i < now->len; i++) {
    while (b < before->len && before->items[b].port < now->items[i].port) b++;
    if (b < before->len && before->items[b].port == now->items[i].port)
      now->items[i].blocked = before->items[b].blocked && str_eq(before->items[b].key, now->items[i].key);
  }
}

err *edge_set_proxies(edge *g, const struct edge_proxy *proxies, size_t proxies_len) {
  struct wanted_proxies made = {0};
  TRY(err_wrap(wanted_proxies_make(proxies, proxies_len, &made), "edge"));
  keep_blocked(&g->wanted_proxies, &made);
  wanted_proxies_done(&g->wanted_proxies);
  g->wanted_proxies = made;
  g->wanted_generation++;
  edge_kick(g);
  return NULL;
}

bool edge_proxy_is_open(const edge *g, const char *key) {
  for (size_t i = 0; i < g->proxies.len; i++)
    if (str_eq(g->proxies.items[i].slot.key, key))
      return g->running && !g->must_sync && !g->must_reload && g->proxies.items[i].open; /* a reload has begun
                                                                                            with the result */
  return false;
}

/* ---- following it ---- */

static void on_opening(void *arg) {
  edge *g = arg;
  timer_stop(g->opening);
  g->opening = NULL;
  g->must_reload = true;
  edge_kick(g);
}

static void open_soon(edge *g) {
  int64_t since_ms = clock_monotonic_ms() - g->opened_ms;
  if (g->opening) return;
  if (!g->opened_ms || since_ms >= g->opening_pause_ms)
    g->must_reload = true;
  else
    g->opening = timer_start(g->loop, g->opening_pause_ms - since_ms, 0, on_opening, g);
}

void edge_proxies_reloaded(edge *g) {
  int64_t now_ms = clock_monotonic_ms();
  bool calm = !g->opened_ms || now_ms - g->opened_ms >= OPENING_CALM_MS;
  g->opening_pause_ms = calm ? OPENING_FIRST_MS : g->opening_pause_ms * 2;
  if (g->opening_pause_ms > OPENING_LAST_MS) g->opening_pause_ms = OPENING_LAST_MS;
  g->opened_ms = now_ms;
}

static size_t apply(edge *g, struct strv *commands) {
  return proxies_apply(&g->proxies, &g->wanted_proxies, &g->proxies_paths, commands, &g->closing);
}

bool edge_follow(edge *g, struct strv *ret_commands) {
  look_at_ports(g);
  if (apply(g, ret_commands) || edge_has_more_addresses(g)) open_soon(g);
  return routes_apply(&g->live, g->wanted, &g->maps, ret_commands) > 0;
}

/* The commands are not needed: the new process begins with the result. */
void edge_proxies_claim(edge *g) {
  auto_strv commands = STRV_EMPTY;
  edge_find_addresses(g);
  look_at_ports(g);
  apply(g, &commands);
  proxies_claim(&g->proxies, &g->wanted_proxies);
  apply(g, &commands);
}

void edge_proxies_lost(edge *g) {
  for (size_t i = 0; i < g->proxies.len; i++) g->proxies.items[i].open = false;
}

/* ---- the end of connections ---- */

static void end_closing(edge *g, err *e) {
  if (!e) {
    strv_done(&g->closing);
    g->closing = STRV_EMPTY;
  }
  edge_activity_end(g, e);
}

/* The workers one after the other, the present one first; 0: that was the last. */
static int worker_at(const struct observe_processes *p, size_t index) {
  if (index < p->current_len) return p->current[index];
  index -= p->current_len;
  return index < p->old_len ? p->old[index] : 0;
}

static void ask_worker(edge *g, const char *what, runtime_done_fn *done) {
  auto_free char *command = str_format("@!%d %s", worker_at(&g->processes, g->closing_worker), what);
  runtime_ask_master(g->loop, g->master_socket, command, EDGE_MASTER_DEADLINE_MS, done, g, &g->conversation);
}

static void close_in_worker(edge *g);

/* A worker that has ended meanwhile has no connections, and one that has no such server none to it. */
static void on_closed(void *arg, err *e, const struct strv *replies) {
  edge *g = arg;
  (void)replies;
  err_ignore(e);
  if (++g->closed < g->closing_commands.len) {
    ask_worker(g, g->closing_commands.items[g->closed], on_closed);
    return;
  }
  g->closing_worker++;
  close_in_worker(g);
}

static void take_commands(edge *g, struct strv *commands) {
  strv_done(&g->closing_commands);
  g->closing_commands = *commands;
  g->closed = 0;
  if (g->closing_commands.len) {
    ask_worker(g, g->closing_commands.items[0], on_closed);
  } else {
    g->closing_worker++;
    close_in_worker(g);
  }
}

static void on_connections(void *arg, err *e, const struct strv *replies) {
  edge *g = arg;
  struct strv commands = STRV_EMPTY;
  if (!e) observe_proxy_sessions(replies->items[0], &g->closing, &commands);
  err_ignore(e);
  take_commands(g, &commands);
}

/* An old worker, whose frontends have stopped, closes connections one by one only. */
static void close_in_worker(edge *g) {
  if (!worker_at(&g->processes, g->closing_worker)) {
    end_closing(g, NULL);
  } else if (g->closing_worker >= g->processes.current_len) {
    ask_worker(g, "show sess", on_connections);
  } else {
    struct strv commands = STRV_EMPTY;
    for (size_t i = 0; i < g->closing.len; i++)
      strv_addf(&commands, "shutdown sessions server %s", g->closing.items[i]);
    take_commands(g, &commands);
  }
}

static void on_closing_processes(void *arg, err *e, const struct strv *replies) {
  edge *g = arg;
  if (e) {
    end_closing(g, e); /* just after a reload the master is away for a moment: tried again */
    return;
  }
  observe_processes(replies->items[0], &g->processes);
  g->closing_worker = 0;
  close_in_worker(g);
}

void edge_proxies_close(edge *g) {
  g->activity = "closing the connections of TCP proxies that are gone";
  runtime_ask_master(g->loop, g->master_socket, "show proc", EDGE_MASTER_DEADLINE_MS, on_closing_processes, g,
                     &g->conversation);
}
