#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "edge/edge_internal.h"

#define POLL_MS 10         /* between looks whether a process answers, or has ended */
#define TAKE_OVER_MS 20000 /* how long a new process may take until it answers */
#define RELOADING_MS 5000  /* how long one that was there before may be silent */
#define KILLED_MS 200      /* between killing it and looking again */
#define NOTE_MS 50         /* changes of so long are written down together, … */
#define NOTE_FACTOR 20     /* … or of so many times what writing took: 5 % of the loop at most */
#define STOP_TERM_MS 3000  /* between SIGTERM and SIGKILL in a stop */

static void ask_master(edge *g, const char *command, runtime_done_fn *done) {
  runtime_ask_master(g->loop, g->master_socket, command, EDGE_MASTER_DEADLINE_MS, done, g,
                     &g->conversation);
}

static void pause_then(edge *g, int64_t ms, loop_fn *fn) {
  timer_stop(g->pause);
  g->pause = timer_start(g->loop, ms, 0, fn, g);
}

void edge_run_lost(edge *g) {
  haproxy_watch_stop(g->watch);
  g->watch = NULL;
  g->running = false;
  g->must_sync = true;
  g->worker = 0;
  edge_proxies_lost(g);
}

static void look_for_master(void *arg);

/* The master ends with its workers, so this is the whole of HAProxy. */
static void on_master_ended(void *arg) {
  edge *g = arg;
  edge_run_lost(g);
  if (g->stopping) return; /* edge_run_stop looks for it */
  g->ended_pid = g->processes.master;
  log_warn("edge", "HAProxy (process %d) has ended; it is started again", g->processes.master);
  if (g->activity) return; /* which fails soon, and then the next one starts HAProxy */
  edge_run_find(g);
}

static err *adopt(edge *g) {
  TRY(haproxy_watch_start(g->loop, g->processes.master, on_master_ended, g, &g->watch));
  g->running = true;
  g->must_sync = true;
  return NULL;
}

/* Brings `live` to what is wanted, with room to grow, and writes it down under `config_file`. */
static err *write_files(edge *g, const char *config_file) {
  size_t claimed = g->live.slots_len - routes_spare(&g->live);
  size_t wanted_slots = g->wanted ? wanted_len(g->wanted) : 0;
  size_t more = wanted_slots > claimed ? wanted_slots : claimed;
  routes_resize(&g->live, more + ROUTES_SPARE);
  auto_strv commands = STRV_EMPTY; /* not needed: the new process begins with the result */
  if (g->wanted && routes_apply(&g->live, g->wanted, &g->maps, &commands) > 0) {
    routes_resize(&g->live, g->live.slots_len + wanted_slots);
    routes_apply(&g->live, g->wanted, &g->maps, &commands);
  }
  routes_settle(&g->live);
  if (g->wanted) edge_proxies_claim(g);
  return haproxy_write_files(&g->settings, &g->live, &g->proxies, config_file);
}

static void on_note_due(void *arg) {
  edge *g = arg;
  if (!g->activity) edge_run_note_now(g); /* else in the next round */
}

/* A unit starts HAProxy again with what is on disk: while tramd is away nobody else could tell it
 * what commands have changed since. */
void edge_run_note(edge *g) {
  int64_t pause_ms = g->note_took_ms * NOTE_FACTOR > NOTE_MS ? g->note_took_ms * NOTE_FACTOR : NOTE_MS;
  if (g->unit && !g->note) g->note = timer_start(g->loop, pause_ms, NOTE_MS, on_note_due, g);
}

void edge_run_note_now(edge *g) {
  timer_stop(g->note);
  g->note = NULL;
  if (g->must_sync || !g->running || g->stopping) return; /* `live` is not true; what follows writes it */
  int64_t began_ms = clock_monotonic_ms();
  err *e = haproxy_write_files(&g->settings, &g->live, &g->proxies, HAPROXY_CONFIG_FILE);
  g->note_took_ms = clock_monotonic_ms() - began_ms;
  if (e) log_warn("edge", "writing the routes down: %s", err_message(e));
  err_free(e);
}

static void on_launched(void *arg, const struct spawn_result *result) {
  edge *g = arg;
  g->spawned = false;
  err *e = spawn_result_err(result);
  if (g->freed || e) {
    edge_activity_end(g, e);
    return;
  }
  g->began_ms = clock_monotonic_ms();
  g->launched = true;
  look_for_master(g);
}

static void launch(edge *g) {
  g->activity = "starting HAProxy";
  err *e = write_files(g, HAPROXY_CONFIG_FILE);
  if (!e && g->unit)
    e = haproxy_unit_start(g->loop, g->unit, g->run_dir, g->access_log, on_launched, g);
  else if (!e)
    e = haproxy_launch(g->loop, g->program, g->run_dir, g->access_log, on_launched, g);
  if (e)
    edge_activity_end(g, e);
  else
    g->spawned = true;
}

/* Nobody answers on the master socket: waits a while for one that is there (a master that reloads
 * is away for a moment) or was just launched, then ends or launches it. */
static void on_no_master(edge *g, err *e) {
  int pid = haproxy_leftover(g->run_dir);
  int64_t patience_ms = g->launched ? TAKE_OVER_MS : pid ? RELOADING_MS : 0;
  if ((pid || !g->launched) && clock_monotonic_ms() < g->began_ms + patience_ms) {
    err_ignore(e);
    pause_then(g, POLL_MS, look_for_master);
  } else if (pid) {
    log_warn("edge", "%s: killing HAProxy (process %d), which does not answer", err_message(e),
             pid);
    err_ignore(e);
    kill(pid, SIGKILL);
    pause_then(g, KILLED_MS, look_for_master);
  } else if (g->launched) {
    edge_activity_end(g, err_wrap(e, "HAProxy ended right after its start"));
  } else {
    err_ignore(e);
    launch(g);
  }
}

static void on_master(void *arg, err *e, const struct strv *replies) {
  edge *g = arg;
  if (!e) {
    observe_processes(replies->items[0], &g->processes);
    if (!g->processes.master) e = err_new(ERR_CORRUPT, "HAProxy's master gave no process list");
  }
  if (e) {
    on_no_master(g, e);
    return;
  }
  err *failed = adopt(g);
  g->outdated = !failed && !g->launched && !haproxy_files_match(&g->settings);
  if (g->outdated) g->must_reload = true;
  edge_activity_end(g, failed);
}

static void look_for_master(void *arg) {
  ask_master(arg, "show proc", on_master);
}

void edge_run_find(edge *g) {
  g->activity = "looking for HAProxy";
  g->began_ms = clock_monotonic_ms();
  g->launched = false;
  look_for_master(g);
}

static void look_for_new_worker(void *arg);

/* The reload is over when another process is behind the runtime socket. */
static void on_new_worker(void *arg, err *e, const struct strv *replies) {
  edge *g = arg;
  int pid = e ? 0 : observe_pid(replies->items[0]);
  err_ignore(e);
  if (pid && pid != g->worker) {
    g->must_sync = true;
    g->must_reload = g->outdated = false;
    edge_tell(g, EDGE_WAIT_RELOAD, UINT64_MAX, NULL);
    edge_activity_end(g, NULL);
  } else if (!g->running || clock_monotonic_ms() >= g->give_up_at_ms) {
    edge_activity_end(g, err_new(ERR_IO,
                                 "HAProxy did not take the new configuration within %d s; "
                                 "is a listen address in use?",
                                 TAKE_OVER_MS / 1000));
  } else {
    pause_then(g, POLL_MS, look_for_new_worker);
  }
}

static void look_for_new_worker(void *arg) {
  edge *g = arg;
  auto_strv commands = STRV_EMPTY;
  strv_add(&commands, "show info");
  runtime_ask(g->loop, g->socket, &commands, EDGE_MASTER_DEADLINE_MS, on_new_worker, g,
              &g->conversation);
}

/* The master closes the connection by executing itself anew: how this ends says nothing. */
static void on_reload_begun(void *arg, err *e, const struct strv *replies) {
  (void)replies;
  edge *g = arg;
  err_ignore(e);
  g->give_up_at_ms = clock_monotonic_ms() + TAKE_OVER_MS;
  look_for_new_worker(g);
}

static void on_checked(void *arg, const struct spawn_result *result) {
  edge *g = arg;
  g->spawned = false;
  err *e = spawn_result_err(result);
  if (g->freed) {
    edge_activity_end(g, e);
    return;
  }
  auto_free char *from = path_join(g->run_dir, HAPROXY_NEW_CONFIG_FILE);
  auto_free char *to = path_join(g->run_dir, HAPROXY_CONFIG_FILE);
  if (!e && rename(from, to) != 0) e = err_new(ERR_IO, "renaming %s: %m", from);
  if (e)
    edge_activity_end(g, err_wrap(e, "checking the new configuration"));
  else
    ask_master(g, "reload", on_reload_begun);
  if (!e) edge_proxies_reloaded(g);
}

void edge_run_reload(edge *g) {
  g->activity = "reloading HAProxy";
  g->must_reload = true; /* until it is done, or has failed */
  err *e = write_files(g, HAPROXY_NEW_CONFIG_FILE);
  if (!e) e = haproxy_check(g->loop, g->program, g->run_dir, on_checked, g);
  if (e)
    edge_activity_end(g, e);
  else
    g->spawned = true;
}

static bool is_alive(const edge *g, int pid) {
  return pid > 0 && haproxy_is_ours(pid, g->run_dir);
}

static void signal_all(const edge *g, int number) {
  const struct observe_processes *p = &g->processes;
  if (is_alive(g, p->master)) kill(p->master, number);
  if (number != SIGKILL) return; /* the master passes others on */
  for (size_t i = 0; i < p->current_len; i++)
    if (is_alive(g, p->current[i])) kill(p->current[i], number);
  for (size_t i = 0; i < p->old_len; i++)
    if (is_alive(g, p->old[i])) kill(p->old[i], number);
}

static bool any_alive(const edge *g) {
  const struct observe_processes *p = &g->processes;
  bool alive = is_alive(g, p->master);
  for (size_t i = 0; i < p->current_len; i++)
    alive = alive || is_alive(g, p->current[i]);
  for (size_t i = 0; i < p->old_len; i++)
    alive = alive || is_alive(g, p->old[i]);
  return alive;
}

/* Asked to end at stop_grace_ms: 0 politely, 1 terminated, 2 killed. */
static void wait_for_end(void *arg) {
  edge *g = arg;
  if (!any_alive(g)) {
    edge_run_lost(g);
    haproxy_remove_files(g->run_dir);
    g->stopping = false;
    edge_tell(g, EDGE_WAIT_STOP, UINT64_MAX, NULL);
    edge_activity_end(g, NULL);
    return;
  }
  int64_t late = clock_monotonic_ms() - g->give_up_at_ms;
  if (late >= STOP_TERM_MS)
    signal_all(g, SIGKILL);
  else if (late >= 0)
    signal_all(g, SIGTERM);
  pause_then(g, POLL_MS, wait_for_end);
}

static void on_stop_processes(void *arg, err *e, const struct strv *replies) {
  edge *g = arg;
  if (!e) observe_processes(replies->items[0], &g->processes);
  err_ignore(e);
  if (!g->processes.master) g->processes.master = haproxy_leftover(g->run_dir);
  signal_all(g, SIGUSR1);
  g->give_up_at_ms = clock_monotonic_ms() + g->stop_grace_ms;
  wait_for_end(g);
}

/* It ends with or without systemd's consent. */
static void on_unit_stopped(void *arg, const struct spawn_result *result) {
  edge *g = arg;
  g->spawned = false;
  err *e = spawn_result_err(result);
  if (e) log_warn("edge", "%s", err_message(e));
  err_free(e);
  if (g->freed)
    edge_activity_end(g, NULL);
  else
    ask_master(g, "show proc", on_stop_processes);
}

void edge_run_stop(edge *g) {
  g->activity = "stopping HAProxy";
  err *e = NULL;
  if (g->unit) e = haproxy_unit_stop(g->loop, g->unit, on_unit_stopped, g);
  if (e) log_warn("edge", "%s", err_message(e));
  if (g->unit && !e)
    g->spawned = true;
  else
    ask_master(g, "show proc", on_stop_processes);
  err_free(e);
}
