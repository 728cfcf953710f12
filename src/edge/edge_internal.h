/* What the parts of the edge share: edge.c (the public face, and what is done next), edge_run.c
 * (activities on the process: find, launch, reload, stop), edge_talk.c (activities on the runtime
 * socket: read back, apply, count sessions), edge_proxies.c (what TCP proxies need beside that), edge_addresses.c (where to listen).
 *
 * One activity at a time.  Each ends with edge_activity_end, which then begins the next. */
#ifndef TRAMWAY_EDGE_EDGE_INTERNAL_H
#define TRAMWAY_EDGE_EDGE_INTERNAL_H

#include "base/list.h"
#include "edge/edge.h"
#include "edge/haproxy.h"
#include "edge/observe.h"
#include "edge/runtime.h"
#include "loop/timer.h"

#define EDGE_TALK_DEADLINE_MS 10000
#define EDGE_MASTER_DEADLINE_MS 2000

enum edge_waiter_kind {
  EDGE_WAIT_START,  /* until HAProxy answers */
  EDGE_WAIT_ROUTES, /* until `generation` is live */
  EDGE_WAIT_RELOAD, /* until a reload that began later has ended */
  EDGE_WAIT_STOP,   /* until no process is left */
};

struct edge_waiter {
  struct list link;
  enum edge_waiter_kind kind;
  uint64_t generation;
  edge_done_fn *fn;
  void *arg;
};

struct edge_question {
  struct list link;
  char service[EDGE_MAX_KEY + 1];
  struct strv addresses;
  edge_sessions_fn *fn;
  void *arg;
  struct edge_sessions sessions;
  struct strv replies; /* of the old worker that is being asked */
  size_t asked;        /* old workers asked so far */
};

struct edge {
  loop *loop;
  /* What edge_new was given. */
  char *run_dir, *program, *user, *group, *edge_name, *access_log, *unit;
  struct strv listen, tcp_listen;
  struct strv here, tcp_here; /* of these, the addresses that this machine has, as of the configuration written last */
  struct haproxy_settings settings;
  char *socket, *master_socket, *hosts_path, *labels_path, *owners_path, *allow_path;
  struct routes_maps maps;
  struct proxies_paths proxies_paths;

  struct routes live; /* what HAProxy has; true while !must_sync */
  wanted *wanted;     /* NULL: nobody has said, so what HAProxy has stays */
  uint64_t wanted_generation, applied_generation;
  struct list waiters, questions;

  struct proxies proxies; /* what HAProxy has; true while !must_sync && !outdated */
  struct wanted_proxies wanted_proxies;
  struct strv closing;    /* servers of TCP proxies whose connections are still to be closed … */
  size_t closing_worker;  /* … in this one of the workers, … */
  struct strv closing_commands; /* … by these, … */
  size_t closed;                /* … of which so many were given */
  timer *opening;         /* until the next reload for TCP proxies may begin */
  int64_t opened_ms, opening_pause_ms; /* when the last one did, and how long the next is to wait behind it */

  bool started;  /* HAProxy shall run */
  bool stopping; /* it shall end; `started` is false then */
  bool freed;    /* only waits for a program to end */
  bool running;  /* HAProxy is watched */
  bool log_some, logs_some; /* wanted, and what HAProxy does: of the requests, some in the log */
  bool must_sync, must_reload, sweep_due, check_due;
  bool outdated; /* HAProxy's configuration has another head: it may lack what is read back */
  struct observe_processes processes;
  int worker; /* the process behind the runtime socket */

  int ended_pid;       /* of a HAProxy that ended and is not back yet; 0: none */
  struct strv checked; /* in edge_check: the commands that put HAProxy right */
  repair_fn *on_repair;
  void *repair_arg;
  const char *activity; /* NULL: none */
  bool spawned;         /* the activity waits for a program */
  runtime *conversation;
  timer *pause;  /* inside an activity */
  timer *retry;  /* none begins until it fires */
  timer *kick;   /* begins one in the next turn */
  timer *note;   /* writes `live` down for a HAProxy that its unit starts again */
  int64_t note_took_ms;
  timer *check;  /* makes the next edge_check due */
  timer *upkeep; /* sweeps drained servers, bounds the access log */
  int64_t retry_ms, stop_grace_ms;
  int64_t check_pause_ms; /* between two edge_check at least */
  int64_t began_ms, give_up_at_ms; /* of the activity */
  bool launched;                   /* in edge_run_find: it was not there before */
  haproxy_watch *watch;
  struct edge_question *question; /* being asked */
};

/* Ends the activity; `e` (taken) goes to those who wait, or into the log, and is tried again later.
 */
void edge_activity_end(edge *g, err *e);

/* Calls and forgets the waiters of one kind up to `generation`; takes `e`. */
void edge_tell(edge *g, enum edge_waiter_kind kind, uint64_t generation, err *e);

void edge_kick(edge *g); /* begins what is due, in the next turn */

/* ---- edge_addresses.c ---- */

void edge_find_addresses(edge *g); /* fills `here` and `tcp_here` */
bool edge_has_more_addresses(const edge *g); /* than these, by now */
/* 0, or the errno.  `beside`: sharing the port; else it fails when anybody listens there, on whatever address. */
int edge_try_bind(int family, const void *address, socklen_t len, bool beside);

/* ---- edge_proxies.c ---- */

/* `proxies` and `live` follow what is wanted; the commands for it, and whether a reload is needed for routes. */
bool edge_follow(edge *g, struct strv *ret_commands);
/* Before HAProxy's files are written. */
void edge_proxies_claim(edge *g);
void edge_proxies_lost(edge *g);     /* HAProxy has ended */
void edge_proxies_reloaded(edge *g); /* a reload has begun */
void edge_proxies_close(edge *g);    /* activity: closes the connections of what is gone */

/* Tells of a repair, or of one that failed; `key` is a route's, or NULL. */
void edge_tell_repair(edge *g, const char *object, const char *key, const char *cause, const char *outcome,
                      const char *failure);

void edge_run_find(edge *g); /* adopts what runs, or launches */
void edge_run_reload(edge *g);
void edge_run_stop(edge *g);
void edge_run_note(edge *g); /* `live` has changed */
void edge_run_note_now(edge *g);
void edge_run_lost(edge *g); /* forget the watched process */

void edge_talk_sync(edge *g);  /* reads `live` */
void edge_talk_read(edge *g, runtime_done_fn *done);            /* asks for it … */
void edge_talk_take(edge *g, const struct strv *replies); /* … and takes the answers */
void edge_talk_ask(edge *g, const struct strv *commands, runtime_done_fn *done);
void edge_talk_apply(edge *g); /* makes it `wanted` */
void edge_talk_logging(edge *g);
void edge_talk_question(edge *g);
void edge_question_free(struct edge_question *question);
void edge_talk_sweep(edge *g); /* frees servers that have drained */
bool edge_talk_has_drains(const edge *g);

void edge_check(edge *g); /* compares `live` with what HAProxy has */
void edge_check_later(edge *g, int64_t took_ms);
void edge_check_ended(edge *g, int pid, const char *failure); /* tells of it */

#endif
