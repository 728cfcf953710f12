#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "edge/edge_internal.h"

#define MASTER_AWAY_MS 2000
#define MASTER_AWAY_POLL_MS 20
#define SWEEP_SLOTS 1000 /* asked about in one sweep; the rest waits for the next */

void edge_talk_ask(edge *g, const struct strv *commands, runtime_done_fn *done) {
  runtime_ask(g->loop, g->socket, commands, EDGE_TALK_DEADLINE_MS, done, g, &g->conversation);
}

enum { SYNC_INFO, SYNC_SERVERS, SYNC_HOSTS, SYNC_LABELS, SYNC_FRONTENDS, SYNC_OWNERS, SYNC_LOGGED };

void edge_talk_take(edge *g, const struct strv *replies) {
  routes_done(&g->live);
  routes_init(&g->live);
  g->worker = observe_pid(replies->items[SYNC_INFO]);
  observe_servers(&g->live, replies->items[SYNC_SERVERS]);
  observe_hosts(&g->live, replies->items[SYNC_HOSTS]);
  observe_labels(&g->live, replies->items[SYNC_LABELS]);
  proxies_done(&g->proxies);
  if (replies->len > SYNC_OWNERS) {
    observe_proxies(&g->proxies, replies->items[SYNC_FRONTENDS]);
    observe_proxy_servers(&g->proxies, replies->items[SYNC_SERVERS]);
    observe_proxy_owners(&g->proxies, replies->items[SYNC_OWNERS]);
  }
  g->logs_some = replies->len > SYNC_LOGGED && strstr(replies->items[SYNC_LOGGED], " some");
}

static void on_synced(void *arg, err *e, const struct strv *replies) {
  edge *g = arg;
  if (!e) {
    edge_talk_take(g, replies);
    g->must_sync = false;
    g->applied_generation = 0; /* compare anew */
  }
  if (!e && g->ended_pid) {
    edge_check_ended(g, g->ended_pid, NULL);
    g->ended_pid = 0;
  }
  edge_activity_end(g, e);
}

void edge_talk_sync(edge *g) {
  g->activity = "reading HAProxy's state";
  edge_talk_read(g, on_synced);
}

void edge_talk_read(edge *g, runtime_done_fn *done) {
  auto_strv commands = STRV_EMPTY;
  strv_add(&commands, "show info");
  strv_add(&commands, "show servers state");
  strv_addf(&commands, "show map %s", g->hosts_path);
  strv_addf(&commands, "show map %s", g->labels_path);
  if (!g->outdated) { /* one of another version may not have these */
    strv_add(&commands, "show stat -1 1 -1"); /* the frontends */
    strv_addf(&commands, "show map %s", g->owners_path);
  }
  if (g->access_log && !g->outdated) strv_addf(&commands, "show map %s/" HAPROXY_LOGGED_FILE, g->run_dir);
  edge_talk_ask(g, &commands, done);
}

static void on_applied(void *arg, err *e, const struct strv *replies) {
  (void)replies;
  edge_activity_end(arg, e);
}

/* `live` is changed at once, and read back from HAProxy when the commands fail. */
void edge_talk_apply(edge *g) {
  g->activity = "setting routes";
  auto_strv commands = STRV_EMPTY;
  if (edge_follow(g, &commands))
    g->must_reload = true; /* for more slots; then the rest is applied */
  else
    g->applied_generation = g->wanted_generation;
  edge_run_note(g);
  if (commands.len)
    edge_talk_ask(g, &commands, on_applied);
  else
    edge_activity_end(g, NULL);
}

void edge_question_free(struct edge_question *question) {
  strv_done(&question->addresses);
  strv_done(&question->replies);
  free(question);
}

static void answer(edge *g, err *e) {
  struct edge_question *question = g->question;
  g->question = NULL;
  list_remove(&question->link);
  question->fn(question->arg, e ? err_dup(e) : NULL, question->sessions);
  edge_question_free(question);
  if (e) g->must_sync = true; /* which fails when HAProxy is away, and says so to those who wait for routes */
  err_free(e);
  edge_activity_end(g, NULL);
}

static void ask_old_worker(edge *g);

/* The commands about the service's slots, or about all when its routes are gone. */
static void count_commands(const edge *g, struct strv *ret_commands) {
  for (size_t i = 0; i < g->live.slots_len; i++)
    if (routes_key_is_of(g->live.slots[i].key, g->question->service))
      strv_addf(ret_commands, "show servers conn s%zu", i + 1);
  for (size_t i = 0; i < g->proxies.len; i++)
    if (routes_key_is_of(g->proxies.items[i].slot.key, g->question->service))
      strv_addf(ret_commands, "show stat %s 4 -1", g->proxies.items[i].slot.name);
  if (!ret_commands->len) {
    strv_add(ret_commands, "show servers conn");
    strv_add(ret_commands, "show stat -1 4 -1"); /* of the servers */
  }
  strv_add(ret_commands, "show table " HAPROXY_STREAMS_TABLE " data.conn_cur gt 0");
}

static void on_logging(void *arg, err *e, const struct strv *replies) {
  edge *g = arg;
  (void)replies;
  if (!e) g->logs_some = !g->logs_some;
  edge_activity_end(g, e);
}

void edge_talk_logging(edge *g) {
  g->activity = "setting what is logged";
  auto_strv commands = STRV_EMPTY;
  strv_addf(&commands, "set map %s/" HAPROXY_LOGGED_FILE " " HAPROXY_LOGGED_KEY " %s", g->run_dir,
            g->logs_some ? "all" : "some");
  edge_talk_ask(g, &commands, on_logging);
}

static void answer_from(edge *g, const struct strv *replies) {
  auto_free char *text = strv_join(replies, "\n");
  observe_sessions(text, &g->question->addresses, &g->question->sessions);
}

/* A worker that has ended meanwhile has no connections.  The master takes one command at a time. */
static void on_old_worker(void *arg, err *e, const struct strv *replies) {
  edge *g = arg;
  struct edge_question *question = g->question;
  strv_add(&question->replies, e ? "" : replies->items[0]);
  err_ignore(e);
  ask_old_worker(g);
}

static void ask_old_worker(edge *g) {
  struct edge_question *question = g->question;
  auto_strv commands = STRV_EMPTY;
  count_commands(g, &commands);
  if (question->replies.len == commands.len) {
    answer_from(g, &question->replies);
    strv_done(&question->replies);
    question->replies = STRV_EMPTY;
    question->asked++;
  }
  if (question->asked >= g->processes.old_len) {
    answer(g, NULL);
    return;
  }
  auto_free char *command = str_format("@!%d %s", g->processes.old[question->asked],
                                       commands.items[question->replies.len]);
  runtime_ask_master(g->loop, g->master_socket, command, EDGE_MASTER_DEADLINE_MS, on_old_worker, g,
                     &g->conversation);
}

static void on_connections(void *arg, err *e, const struct strv *replies) {
  edge *g = arg;
  if (e) {
    answer(g, e);
    return;
  }
  answer_from(g, replies);
  ask_old_worker(g);
}

static void ask_processes(void *arg);

/* Just after a reload the master executes itself anew and is away for a moment. */
static void on_processes(void *arg, err *e, const struct strv *replies) {
  edge *g = arg;
  if (e && g->running && clock_monotonic_ms() < g->give_up_at_ms) {
    err_ignore(e);
    g->pause = timer_start(g->loop, MASTER_AWAY_POLL_MS, 0, ask_processes, g);
    return;
  }
  if (e) {
    answer(g, e);
    return;
  }
  observe_processes(replies->items[0], &g->processes);
  auto_strv commands = STRV_EMPTY;
  count_commands(g, &commands);
  edge_talk_ask(g, &commands, on_connections);
}

static void ask_processes(void *arg) {
  edge *g = arg;
  timer_stop(g->pause);
  g->pause = NULL;
  runtime_ask_master(g->loop, g->master_socket, "show proc", EDGE_MASTER_DEADLINE_MS, on_processes,
                     g, &g->conversation);
}

void edge_talk_question(edge *g) {
  g->activity = "counting sessions";
  g->give_up_at_ms = clock_monotonic_ms() + MASTER_AWAY_MS;
  g->question = CONTAINER_OF(g->questions.next, struct edge_question, link);
  ask_processes(g);
}

static bool slot_has_drains(const struct routes_slot *slot) {
  for (size_t i = 0; i < slot->servers_len; i++)
    if (slot->servers[i].state == ROUTES_DRAIN) return true;
  return false;
}

bool edge_talk_has_drains(const edge *g) {
  for (size_t i = 0; i < g->live.slots_len; i++)
    if (slot_has_drains(&g->live.slots[i])) return true;
  for (size_t i = 0; i < g->proxies.len; i++)
    if (slot_has_drains(&g->proxies.items[i].slot)) return true;
  return false;
}

static void take_drained(edge *g, const char *text, struct strv *commands) {
  observe_drained(&g->live, text, commands);
  observe_proxies_drained(&g->proxies, text, commands);
}

static void on_sweep_counted(void *arg, err *e, const struct strv *replies) {
  edge *g = arg;
  auto_strv commands = STRV_EMPTY;
  for (size_t i = 0; !e && i < replies->len; i++)
    take_drained(g, replies->items[i], &commands);
  if (!e && commands.len)
    edge_talk_ask(g, &commands, on_applied);
  else
    edge_activity_end(g, e);
}

void edge_talk_sweep(edge *g) {
  g->activity = "freeing drained servers";
  g->sweep_due = false;
  auto_strv commands = STRV_EMPTY;
  for (size_t i = 0; i < g->live.slots_len && commands.len < SWEEP_SLOTS; i++)
    if (slot_has_drains(&g->live.slots[i])) strv_addf(&commands, "show servers conn s%zu", i + 1);
  for (size_t i = 0; i < g->proxies.len && commands.len < SWEEP_SLOTS; i++)
    if (slot_has_drains(&g->proxies.items[i].slot))
      strv_addf(&commands, "show stat %s 4 -1", g->proxies.items[i].slot.name);
  if (commands.len)
    edge_talk_ask(g, &commands, on_sweep_counted);
  else
    edge_activity_end(g, NULL);
}
