/* The edge: a HAProxy that outlives tramd and is told which host names lead to which instances.
 *
 * Order: edge_new, edge_start, then edge_set_routes as often as the desired state changes.  Routes
 * may be set before edge_start has finished: they are applied as soon as HAProxy answers.
 * edge_free lets HAProxy run on (a restart of tramd costs no request); edge_stop ends it.
 *
 * The configuration holds numbered backends ("slots") in reserve, and a map from host to slot.  A
 * new service claims a slot and goes live by commands on HAProxy's runtime socket: neither a first
 * deploy nor a switch to a new deployment needs a reload (docs/adr/0003-edge-backend-slots.md).
 *
 * Everything happens on the loop and nothing blocks.  What is desired is applied whole and in
 * order: new servers are ready before old ones stop getting requests, hosts appear after the
 * servers behind them.  When HAProxy does not answer or has died, it is started again and the
 * desired state applied anew, for as long as the edge object lives; every wait has a deadline.
 *
 * HTTP only: certificates come with their own issue. */
#ifndef TRAMWAY_EDGE_EDGE_H
#define TRAMWAY_EDGE_EDGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "loop/loop.h"
#include "model/repair.h"

typedef struct edge edge;

#define EDGE_MAX_ROUTES 20000
#define EDGE_MAX_HOSTS 256   /* of one route */
#define EDGE_MAX_TARGETS 128 /* of one route, also while a switch has old and new ones */
#define EDGE_MAX_KEY 64      /* letters, digits, '-', '_' */
#define EDGE_MAX_PROXIES 10000
#define EDGE_MAX_ALLOWED 256         /* networks of one TCP proxy */
#define EDGE_PROXY_CONNECTIONS 500   /* of one TCP proxy at a time; more are closed at once */

struct edge_options {
  const char *run_dir; /* a folder of the edge's own: configuration, maps, sockets, pid file */
  const char *const *listen; /* "127.0.0.1:8080", "[::1]:8080", "0.0.0.0:80" */
  size_t listen_len;         /* 1 … 16; what the machine does not have is left out until it has it */
  const char *const *tcp_listen; /* addresses of TCP proxies: "0.0.0.0", "::" (which is IPv6 alone) */
  size_t tcp_listen_len;         /* 0 … 16; none: no TCP proxy is ever open */
  const char *unit;          /* systemd's unit that runs HAProxy; NULL or "": a process of its own */
  const char *haproxy;       /* NULL: looked up in PATH */
  const char *user;          /* NULL: "haproxy", else "nobody"; only matters when tramd is root */
  const char *edge_name;     /* value of X-Railway-Edge; NULL: "tramway/local" */
  const char *access_log;    /* file of which the last 64 MiB are kept; NULL: none */
};

/* Why a route without a usable target has none; chooses what its visitors read. */
enum edge_route_state {
  EDGE_ROUTE_ACTIVE,   /* it should have: 502 "Application failed to respond" */
  EDGE_ROUTE_STARTING, /* the first deployment is on its way: 503 "Application is starting" */
  EDGE_ROUTE_SLEEPING, /* 503 "Application is sleeping" (unless the target is what wakes it) */
  EDGE_ROUTE_NONE,     /* 503 "Application has no deployment" */
};

struct edge_target {
  const char *address; /* numeric IPv4 or IPv6 */
  uint16_t port;
};

struct edge_route {
  const char *key;          /* the service instance's id: the same service, the same key */
  const char *const *hosts; /* host names, any letter case; "*.example.com" is a wildcard
                               for one label.  A host belongs to one route */
  size_t hosts_len;
  const struct edge_target *targets; /* requests go to the one with the fewest */
  size_t targets_len;
  enum edge_route_state state;
};

typedef void edge_done_fn(void *arg, err *e); /* owns `e`; NULL is success */

/* Validates and copies `options`; starts nothing. */
fallible edge_new(loop *l, const struct edge_options *options, edge **ret_edge);

/* Who is told when HAProxy had ended, or did not have what it was told, and was put right. */
void edge_on_repair(edge *g, repair_fn *fn, void *arg);

/* Adopts the HAProxy that an earlier tramd left in run_dir (comparing what it runs with what it
 * should), or starts one.  `done` is called when it answers, or with the reason why it cannot be
 * started (a listen address in use, a broken installation); the edge keeps trying after that. */
void edge_start(edge *g, edge_done_fn *done, void *arg);

/* Makes `routes` the whole desired state; copies them.  Fails at once (and changes nothing) with
 * ERR_INVALID for a bad host, address or key, with ERR_CONFLICT for a host or key that is there
 * twice, with ERR_LIMIT beyond the limits above.  Otherwise `done` (may be NULL) is called once:
 * when this state, or a later one, is live, or with the error of the first try; tries go on. */
fallible edge_set_routes(edge *g, const struct edge_route *routes, size_t routes_len,
                         edge_done_fn *done, void *arg);

/* ---- TCP proxies: a port of this machine leads to a port of a service ---- */

struct edge_proxy {
  const char *key; /* as of a route: begins with the service instance's id */
  uint16_t port;   /* the public one */
  const struct edge_target *targets; /* connections go to the one with the fewest; none: they are closed */
  size_t targets_len;
  const char *const *allow; /* the networks that may connect, "203.0.113.0/24"; none: everybody */
  size_t allow_len;
};

/* Makes `proxies` all that there are; copies them.  Fails at once, and changes nothing, as edge_set_routes
 * does.  What they lead to, and who may connect, changes together with the routes that are set next.
 *
 * A proxy that is new needs a reload, and those are spread out: it opens a moment later, at the worst a minute.
 * Connections of one that goes are closed; of one whose allow list gets shorter they stay.  One whose port
 * somebody else has stays closed, the others do not suffer, and it is opened when the port is free. */
fallible edge_set_proxies(edge *g, const struct edge_proxy *proxies, size_t proxies_len);

/* Whether it takes connections now. */
bool edge_proxy_is_open(const edge *g, const char *key);

/* Whether no program of this machine, ours included, listens on that port, on whatever address. */
bool edge_port_is_free(uint16_t port);

/* What a target still holds.  A stream is a WebSocket or an event stream: waiting for its end is in
 * vain, its app has to be told. */
struct edge_sessions {
  unsigned requests, streams;
  unsigned connections; /* of TCP proxies */
};

/* A target that is no longer in its route gets no new requests, but those it has go on.  This counts
 * them, for all `addresses` together and in all routes of `service` (whose keys are that text, or
 * begin with it and '-'), in the running HAProxy and in those that are ending after a reload. */
typedef void edge_sessions_fn(void *arg, err *e, struct edge_sessions sessions);
void edge_drained(edge *g, const char *service, const struct strv *addresses, edge_sessions_fn *fn,
                  void *arg);

/* ---- what happened: counted from the access log ---- */

/* While `all`, which it is at first, every request is in the log.  Otherwise small answers of apps that
 * succeed are left out, which is most of what logging costs; everything that may still be under way
 * when `all` is asked for again is in it.  To be asked for before what is to be counted begins. */
void edge_log_requests(edge *g, bool all);

/* Where the log ends now; 0 without a log.  Positions stay valid over restarts of everything. */
int64_t edge_log_position(const edge *g);

struct edge_leaver {     /* an instance that left the routes in the time that is counted */
  const char *address;
  int64_t killed_us; /* from when on its end cut what it held; 0: it ended by itself */
};

struct edge_tally {
  int64_t served;  /* answered in whole by an app, whatever the status; without streams */
  int64_t streams; /* WebSockets and event streams that ended */
  int64_t failed;  /* answered by the edge (502, 503, 504), or broken off on the app's side */
  int64_t aborted; /* by the client */
  int64_t app_errors; /* of the served: status 500 and more */
  int64_t slowest_ms; /* of the served */
  int64_t drained, cut; /* what the leavers held when the time began, by how it ended */
  bool complete;        /* false: a part of the log is gone */
};

/* Counts what ended between two positions in the routes of `service`; copies its arguments. */
typedef void edge_tally_fn(void *arg, err *e, const struct edge_tally *tally);
struct edge_tally_question {
  const char *service;
  int64_t from, to;   /* positions */
  int64_t began_us;   /* what the leavers held then is drained or cut */
  const struct edge_leaver *leavers;
  size_t leavers_len;
};
void edge_tally(edge *g, const struct edge_tally_question *question, edge_tally_fn *fn, void *arg);

/* Writes the configuration anew and reloads without losing a connection.  Not needed for routes. */
void edge_reload(edge *g, edge_done_fn *done, void *arg);

/* Ends HAProxy: no new connections, open ones get `grace_ms`, then everything is killed.  Removes
 * the files in run_dir.  `done` is called when no process is left. */
void edge_stop(edge *g, int64_t grace_ms, edge_done_fn *done, void *arg);

/* Lets go of HAProxy, which runs on.  Open callbacks are called with ERR_BUSY.  Not from one of the
 * edge's own callbacks.  When a program is just being run (a start, a check before a reload), the
 * loop must turn until it has ended.  Accepts NULL. */
void edge_free(edge *g);

#endif
