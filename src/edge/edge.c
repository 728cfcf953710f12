#include <arpa/inet.h>
#include <ctype.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "edge/access_log.h"
#include "edge/edge_internal.h"

#define MAX_LISTEN 16
#define MAX_RUN_DIR 70 /* sun_path is 108; HAProxy binds "<path>.<pid>.tmp" first */
#define RETRY_FIRST_MS 100
#define RETRY_LAST_MS 5000
#define UPKEEP_MS 5000
#define CHECK_PAUSE_MS 3000

/* Text that is safe in HAProxy's configuration: no space, quote, '#', '\\', '$', '%'. */
static bool is_plain(const char *text, const char *also) {
  for (; *text; text++)
    if (!isalnum((unsigned char)*text) && !strchr(also, *text)) return false;
  return true;
}

static err *check_options(const struct edge_options *o) {
  struct address address;
  if (!o->run_dir || o->run_dir[0] != '/' || !is_plain(o->run_dir, "/._-") ||
      strlen(o->run_dir) > MAX_RUN_DIR)
    return err_new(ERR_INVALID,
                   "run_dir '%s' must be an absolute path of at most %d letters, "
                   "digits, '/', '.', '_', '-'",
                   o->run_dir ? o->run_dir : "", MAX_RUN_DIR);
  if (o->listen_len < 1 || o->listen_len > MAX_LISTEN)
    return err_new(ERR_INVALID, "1 to %d listen addresses are needed", MAX_LISTEN);
  for (size_t i = 0; i < o->listen_len; i++)
    if (!address_parse(o->listen[i], &address))
      return err_new(ERR_INVALID, "listen address '%s' must be <IP address>:<port>", o->listen[i]);
  if (o->tcp_listen_len > MAX_LISTEN) return err_new(ERR_LIMIT, "more than %d TCP addresses", MAX_LISTEN);
  for (size_t i = 0; i < o->tcp_listen_len; i++)
    if (!address_family(o->tcp_listen[i]))
      return err_new(ERR_INVALID, "'%s' is no IP address for TCP proxies", o->tcp_listen[i]);
  if (o->edge_name && (!*o->edge_name || !is_plain(o->edge_name, "/._-")))
    return err_new(ERR_INVALID, "edge_name '%s' may only have letters, digits, '/', '.', '_', '-'",
                   o->edge_name);
  if (o->user && !getpwnam(o->user)) return err_new(ERR_NOT_FOUND, "no user '%s'", o->user);
  return NULL;
}

/* Whom HAProxy's workers run as; only root can choose. */
static void choose_user(edge *g, const char *user) {
  if (geteuid() != 0) return;
  const struct passwd *account = getpwnam(user ? user : "haproxy");
  if (!account) account = getpwnam("nobody");
  const struct group *group = account ? getgrgid(account->pw_gid) : NULL;
  if (!group) return;
  g->user = str_dup(account->pw_name);
  g->group = str_dup(group->gr_name);
}

static char *choose_program(const char *given) {
  if (given) return str_dup(given);
  return str_dup(file_exists("/usr/sbin/haproxy") ? "/usr/sbin/haproxy" : "haproxy");
}

err *edge_new(loop *l, const struct edge_options *options, edge **ret_edge) {
  err *e = check_options(options);
  if (e) return err_wrap(e, "edge");
  edge *g = mem_zalloc(sizeof *g);
  g->loop = l;
  g->run_dir = str_dup(options->run_dir);
  g->program = choose_program(options->haproxy);
  g->edge_name = str_dup(options->edge_name ? options->edge_name : "tramway/local");
  g->access_log = str_dup(options->access_log);
  if (!str_empty(options->unit)) g->unit = str_dup(options->unit);
  for (size_t i = 0; i < options->listen_len; i++)
    strv_add(&g->listen, options->listen[i]);
  for (size_t i = 0; i < options->tcp_listen_len; i++)
    strv_add(&g->tcp_listen, options->tcp_listen[i]);
  choose_user(g, options->user);
  g->settings = (struct haproxy_settings){.run_dir = g->run_dir,
                                          .listen = &g->here,
                                          .edge_name = g->edge_name,
                                          .user = g->user,
                                          .group = g->group,
                                          .access_log = g->access_log != NULL,
                                          .tcp_listen = &g->tcp_here};
  haproxy_connection_limits(&g->settings.connections, &g->settings.tcp_connections);
  g->socket = path_join(g->run_dir, HAPROXY_SOCKET);
  g->master_socket = path_join(g->run_dir, HAPROXY_MASTER_SOCKET);
  g->hosts_path = path_join(g->run_dir, HAPROXY_HOSTS_FILE);
  g->labels_path = path_join(g->run_dir, HAPROXY_LABELS_FILE);
  g->maps = (struct routes_maps){g->hosts_path, g->labels_path};
  g->owners_path = path_join(g->run_dir, HAPROXY_OWNERS_FILE);
  g->allow_path = path_join(g->run_dir, HAPROXY_ALLOW_DIR);
  g->proxies_paths = (struct proxies_paths){g->owners_path, g->allow_path};
  routes_init(&g->live);
  list_init(&g->waiters);
  list_init(&g->questions);
  g->retry_ms = RETRY_FIRST_MS;
  g->check_pause_ms = CHECK_PAUSE_MS;
  *ret_edge = g;
  return NULL;
}

void edge_on_repair(edge *g, repair_fn *fn, void *arg) {
  g->on_repair = fn;
  g->repair_arg = arg;
}

static void begin_next(edge *g);

static void on_kick(void *arg) {
  edge *g = arg;
  timer_stop(g->kick);
  g->kick = NULL;
  begin_next(g);
}

/* Later in this turn's follower, so that many changes of one turn are one batch of commands. */
void edge_kick(edge *g) {
  if (!g->kick && !g->freed) g->kick = timer_start(g->loop, 0, 0, on_kick, g);
}

static void on_retry(void *arg) {
  edge *g = arg;
  timer_stop(g->retry);
  g->retry = NULL;
  begin_next(g);
}

static void add_waiter(edge *g, enum edge_waiter_kind kind, edge_done_fn *fn, void *arg) {
  if (!fn) return;
  struct edge_waiter *waiter = mem_zalloc(sizeof *waiter);
  *waiter =
      (struct edge_waiter){.kind = kind, .generation = g->wanted_generation, .fn = fn, .arg = arg};
  list_init(&waiter->link);
  list_push(&g->waiters, &waiter->link);
}

void edge_tell(edge *g, enum edge_waiter_kind kind, uint64_t generation, err *e) {
  struct list told; /* a callback may add waiters */
  list_init(&told);
  LIST_FOREACH(waiter, &g->waiters, struct edge_waiter, link) {
    if (waiter->kind != kind || waiter->generation > generation) continue;
    list_remove(&waiter->link);
    list_push(&told, &waiter->link);
  }
  while (!list_empty(&told)) {
    struct edge_waiter *waiter = CONTAINER_OF(told.next, struct edge_waiter, link);
    list_remove(&waiter->link);
    waiter->fn(waiter->arg, e ? err_dup(e) : NULL);
    free(waiter);
  }
  err_free(e);
}

/* Nothing is due: tells those whose wish has come true. */
static void tell_content(edge *g) {
  edge_tell(g, EDGE_WAIT_ROUTES, g->applied_generation, NULL);
}

/* The one place that decides what happens next. */
static void begin_next(edge *g) {
  if (g->activity || g->freed) return;
  if (g->stopping) {
    edge_run_stop(g);
  } else if (!g->started || g->retry) {
    return;
  } else if (!g->running) {
    edge_run_find(g);
  } else if (g->must_sync) {
    edge_talk_sync(g);
  } else if (g->must_reload) {
    edge_run_reload(g);
  } else if (g->access_log && g->logs_some != g->log_some) {
    edge_talk_logging(g); /* before routes: what is to be counted has not begun then */
  } else if (g->wanted && g->applied_generation < g->wanted_generation) {
    edge_talk_apply(g);
  } else if (g->closing.len) {
    edge_proxies_close(g);
  } else if (g->check_due && g->wanted) {
    edge_check(g);
  } else if (!list_empty(&g->questions)) {
    edge_talk_question(g);
  } else if (g->sweep_due) {
    edge_talk_sweep(g);
  } else if (routes_spare(&g->live) < ROUTES_SPARE_LOW && g->live.slots_len < ROUTES_MAX_SLOTS) {
    edge_run_reload(g);
  }
}

static void destroy(edge *g);

/* A failure that stays is told once in the log, and to everybody who asks. */
static void tell_failure(edge *g, err *e) {
  log_line(g->retry_ms == RETRY_FIRST_MS ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "edge",
           "%s; next try in %lld ms", err_message(e), (long long)g->retry_ms);
  if (g->ended_pid && g->retry_ms == RETRY_FIRST_MS)
    edge_check_ended(g, g->ended_pid, err_message(e));
  edge_tell(g, EDGE_WAIT_START, UINT64_MAX, err_dup(e));
  edge_tell(g, EDGE_WAIT_RELOAD, UINT64_MAX, err_dup(e));
  edge_tell(g, EDGE_WAIT_ROUTES, UINT64_MAX, e);
}

void edge_activity_end(edge *g, err *e) {
  timer_stop(g->pause);
  g->pause = NULL;
  g->spawned = false;
  if (g->freed) {
    err_free(e);
    destroy(g);
    return;
  }
  if (e) {
    g->must_sync = true;
    g->must_reload = false; /* when it is still needed, that will be seen again */
    if (!g->stopping)
      tell_failure(g, err_wrap(e, "%s", g->activity));
    else
      err_free(e);
    timer_stop(g->retry);
    g->retry = timer_start(g->loop, g->retry_ms, 0, on_retry, g);
    g->retry_ms = g->retry_ms * 2 < RETRY_LAST_MS ? g->retry_ms * 2 : RETRY_LAST_MS;
  } else {
    tell_content(g);
    if (g->running && !g->must_sync) {
      g->retry_ms = RETRY_FIRST_MS;
      edge_tell(g, EDGE_WAIT_START, UINT64_MAX, NULL);
    }
  }
  g->activity = NULL;
  edge_kick(g); /* not from here: the caller may still be inside a callback of what just ended */
}

static void on_upkeep(void *arg) {
  edge *g = arg;
  if (g->access_log) access_log_bound(g->loop, g->access_log);
  g->sweep_due = edge_talk_has_drains(g);
  if (g->sweep_due) edge_kick(g);
}

void edge_start(edge *g, edge_done_fn *done, void *arg) {
  add_waiter(g, EDGE_WAIT_START, done, arg);
  g->started = true;
  edge_find_addresses(g);
  if (!g->upkeep) g->upkeep = timer_start(g->loop, UPKEEP_MS, UPKEEP_MS, on_upkeep, g);
  if (!g->check) edge_check_later(g, 0);
  edge_kick(g);
}

/* Something new is worth a try at once. */
static void end_retry_pause(edge *g) {
  timer_stop(g->retry);
  g->retry = NULL;
  edge_kick(g);
}

err *edge_set_routes(edge *g, const struct edge_route *routes, size_t routes_len,
                     edge_done_fn *done, void *arg) {
  wanted *w;
  err *e = wanted_new(routes, routes_len, &w);
  if (e) return err_wrap(e, "edge");
  wanted_free(g->wanted);
  g->wanted = w;
  g->wanted_generation++;
  add_waiter(g, EDGE_WAIT_ROUTES, done, arg);
  end_retry_pause(g);
  return NULL;
}

/* As HAProxy writes it; false for what is no address. */
static bool canonical_address(const char *text, char ret_text[INET6_ADDRSTRLEN]) {
  uint8_t bytes[16];
  int family = address_family(text);
  return family && inet_pton(family, text, bytes) == 1 &&
         inet_ntop(family, bytes, ret_text, INET6_ADDRSTRLEN);
}

void edge_drained(edge *g, const char *service, const struct strv *addresses, edge_sessions_fn *fn,
                  void *arg) {
  struct edge_question *question = mem_zalloc(sizeof *question);
  char address[INET6_ADDRSTRLEN];
  for (size_t i = 0; i < addresses->len; i++)
    if (canonical_address(addresses->items[i], address)) strv_add(&question->addresses, address);
  if (wanted_is_key(service)) memcpy(question->service, service, strlen(service));
  question->fn = fn;
  question->arg = arg;
  list_init(&question->link);
  list_push(&g->questions, &question->link);
  edge_kick(g);
}

void edge_log_requests(edge *g, bool all) {
  if (g->log_some == !all) return;
  g->log_some = !all;
  edge_kick(g);
}

int64_t edge_log_position(const edge *g) {
  return access_log_size(g->access_log);
}

void edge_tally(edge *g, const struct edge_tally_question *question, edge_tally_fn *fn, void *arg) {
  access_log_tally(g->loop, g->access_log, question, fn, arg);
}

void edge_reload(edge *g, edge_done_fn *done, void *arg) {
  add_waiter(g, EDGE_WAIT_RELOAD, done, arg);
  g->must_reload = true;
  end_retry_pause(g);
}

void edge_stop(edge *g, int64_t grace_ms, edge_done_fn *done, void *arg) {
  add_waiter(g, EDGE_WAIT_STOP, done, arg);
  g->started = false;
  g->stopping = true;
  g->stop_grace_ms = grace_ms;
  timer_stop(g->upkeep);
  timer_stop(g->check);
  timer_stop(g->opening);
  g->upkeep = g->check = g->opening = NULL;
  err *e = err_new(ERR_BUSY, "the edge is being stopped");
  edge_tell(g, EDGE_WAIT_START, UINT64_MAX, err_dup(e));
  edge_tell(g, EDGE_WAIT_RELOAD, UINT64_MAX, err_dup(e));
  edge_tell(g, EDGE_WAIT_ROUTES, UINT64_MAX, e);
  end_retry_pause(g);
}

static void drop_questions(edge *g) {
  while (!list_empty(&g->questions)) {
    struct edge_question *question = CONTAINER_OF(g->questions.next, struct edge_question, link);
    list_remove(&question->link);
    question->fn(question->arg, err_new(ERR_BUSY, "the edge is being let go"),
                 (struct edge_sessions){0});
    edge_question_free(question);
  }
}

static void destroy(edge *g) {
  routes_done(&g->live);
  wanted_free(g->wanted);
  strv_done(&g->listen);
  strv_done(&g->checked);
  proxies_done(&g->proxies);
  wanted_proxies_done(&g->wanted_proxies);
  strv_done(&g->tcp_listen);
  strv_done(&g->here);
  strv_done(&g->tcp_here);
  strv_done(&g->closing);
  strv_done(&g->closing_commands);
  char *texts[] = {g->run_dir,    g->program, g->user,          g->group,      g->edge_name,   g->unit,
                   g->access_log, g->socket,  g->master_socket, g->hosts_path, g->labels_path, g->owners_path,
                   g->allow_path};
  for (size_t i = 0; i < ARRAY_LEN(texts); i++)
    free(texts[i]);
  free(g);
}

void edge_free(edge *g) {
  if (!g) return;
  g->freed = true;
  if (g->note) edge_run_note_now(g);
  runtime_cancel(g->conversation);
  timer *timers[] = {g->pause, g->retry, g->kick, g->upkeep, g->check, g->opening};
  for (size_t i = 0; i < ARRAY_LEN(timers); i++)
    timer_stop(timers[i]);
  g->pause = g->retry = g->kick = g->upkeep = g->check = g->opening = NULL;
  haproxy_watch_stop(g->watch);
  g->watch = NULL;
  for (int kind = EDGE_WAIT_START; kind <= EDGE_WAIT_STOP; kind++)
    edge_tell(g, (enum edge_waiter_kind)kind, UINT64_MAX,
              err_new(ERR_BUSY, "the edge is being let go"));
  drop_questions(g);
  if (!g->spawned) destroy(g); /* else edge_activity_end does */
}
