/* Reads back now and then what HAProxy has, puts right what somebody else changed, and tells of it.
 *
 * The measure is the commands that would make HAProxy follow: none, and all is well.  A look costs
 * HAProxy about a microsecond per server and host, so the pause before the next follows from how long
 * the last one took. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "edge/edge_internal.h"

enum {
  PAUSE_FACTOR = 100, /* so many times what the look took: 1 % of HAProxy at most */
  TELL_MAX = 10,      /* differences told one by one; more are told as one */
};

static void on_due(void *arg) {
  edge *g = arg;
  timer_stop(g->check);
  g->check = NULL;
  g->check_due = true;
  edge_kick(g);
}

void edge_check_later(edge *g, int64_t took_ms) {
  int64_t pause_ms = took_ms * PAUSE_FACTOR;
  if (pause_ms < g->check_pause_ms) pause_ms = g->check_pause_ms;
  timer_stop(g->check);
  g->check = timer_start(g->loop, pause_ms, 0, on_due, g);
}

void edge_tell_repair(edge *g, const char *object, const char *key, const char *cause, const char *outcome,
                      const char *failure) {
  struct repair r = {.object = object,
                     .cause = cause,
                     .outcome = outcome,
                     .failure = failure,
                     .service_instance_id = key && *key ? key : NULL};
  log_line(failure ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN, "edge", "%s: %s: %s%s%s", object, cause, outcome,
           failure ? " failed: " : "", failure ? failure : "");
  if (g->on_repair) g->on_repair(g->repair_arg, &r);
}

/* --- HAProxy had ended ------------------------------------------------------------- */

void edge_check_ended(edge *g, int pid, const char *failure) {
  auto_free char *cause = str_format("HAProxy (process %d) had ended", pid);
  edge_tell_repair(g, "edge", NULL, cause, failure ? "starting it again" : "it was started again", failure);
}

/* --- It has not what it was told ---------------------------------------------------- */

struct difference {
  char *cause;
  unsigned slot; /* whose it is; 0: nobody's, or a TCP proxy's */
  unsigned port; /* of the TCP proxy; 0: none */
};

struct differences {
  struct difference *items;
  size_t len, capacity;
};

/* "s12/r3" or "s12" → 12. */
static unsigned slot_in(const char *word) {
  return word && word[0] == 's' ? (unsigned)strtoul(word + 1, NULL, 10) : 0;
}

/* Commands of proxies_apply: "set server t20001/r1 …", "add acl <folder>/20001 …", "set map <owners> 20001 …". */
static unsigned proxy_port_in(const struct strv *words, const struct proxies_paths *paths) {
  const char *name = words->items[2], *slash = strrchr(name, '/');
  if (str_eq(words->items[1], "server") && name[0] == 't') return (unsigned)strtoul(name + 1, NULL, 10);
  if (str_eq(words->items[1], "acl") && slash) return (unsigned)strtoul(slash + 1, NULL, 10);
  return str_eq(name, paths->owners) ? (unsigned)strtoul(words->items[3], NULL, 10) : 0;
}

static const char *proxy_cause(const struct strv *words) {
  if (str_eq(words->items[1], "acl")) return "its TCP proxy let in others than it should";
  if (str_eq(words->items[1], "map")) return "the name of its TCP proxy was gone or changed";
  return "one of the targets of its TCP proxy was gone, or one that it has not was there";
}

static char *cause_of(const struct strv *words, const struct routes_maps *maps, unsigned *ret_slot) {
  const char *verb = words->items[0], *what = words->items[1], *name = words->items[2];
  const char *third = words->len > 3 ? words->items[3] : "", *value = words->len > 4 ? words->items[4] : "";
  bool is_map = str_eq(what, "map");
  *ret_slot = slot_in(is_map ? (str_eq(name, maps->hosts) ? value : third) : name);
  if (is_map && str_eq(name, maps->labels)) return str_dup("the name of its backend was gone or changed");
  if (is_map && str_eq(verb, "add")) return str_format("the host %s was gone", third);
  if (is_map && str_eq(verb, "set")) return str_format("the host %s led elsewhere", third);
  if (is_map) return str_format("the host %s was there, which no route has", third);
  if (str_eq(verb, "add") || str_eq(third, "addr")) return str_dup("one of its targets was gone");
  if (str_eq(value, "ready")) return str_dup("one of its targets took no requests");
  return str_dup("a target that it has not took requests");
}

/* The first difference of each slot says enough: the others follow from it. */
static void note(struct differences *d, const char *command, const edge *g) {
  auto_strv words = STRV_EMPTY;
  unsigned slot = 0;
  strv_split(&words, command, ' ');
  if (words.len < 4) return; /* those that tell whose it is are longer */
  unsigned port = proxy_port_in(&words, &g->proxies_paths);
  auto_free char *cause = port ? str_dup(proxy_cause(&words)) : cause_of(&words, &g->maps, &slot);
  for (size_t i = 0; (slot || port) && i < d->len; i++)
    if (d->items[i].slot == slot && d->items[i].port == port) return;
  d->items = mem_grow(d->items, &d->capacity, d->len + 1, sizeof *d->items);
  d->items[d->len++] = (struct difference){str_dup(cause), slot, port};
}

static const char *key_of(const edge *g, const struct difference *d) {
  const struct proxy *proxy = d->port ? proxies_find(&g->proxies, (uint16_t)d->port) : NULL;
  if (proxy) return proxy->slot.key;
  return d->slot && d->slot <= g->live.slots_len ? g->live.slots[d->slot - 1].key : NULL;
}

static void tell_differences(edge *g, const struct strv *commands, const char *failure) {
  static const char outcome[] = "HAProxy was told again";
  struct differences d = {0};
  for (size_t i = 0; i < commands->len; i++)
    note(&d, commands->items[i], g);
  auto_free char *many = str_format("HAProxy had not what it was told: %zu differences", d.len);
  if (d.len > TELL_MAX) edge_tell_repair(g, "route", NULL, many, outcome, failure);
  for (size_t i = 0; i < d.len; i++) {
    const char *key = key_of(g, &d.items[i]);
    if (d.len <= TELL_MAX) edge_tell_repair(g, "route", key, d.items[i].cause, outcome, failure);
    free(d.items[i].cause);
  }
  free(d.items);
}

static void on_told_again(void *arg, err *e, const struct strv *replies) {
  (void)replies;
  edge *g = arg;
  tell_differences(g, &g->checked, e ? err_message(e) : NULL);
  strv_done(&g->checked);
  edge_activity_end(g, e);
}

static void on_read_back(void *arg, err *e, const struct strv *replies) {
  edge *g = arg;
  edge_check_later(g, clock_monotonic_ms() - g->began_ms);
  if (e) {
    edge_activity_end(g, e);
    return;
  }
  edge_talk_take(g, replies);
  if (g->applied_generation < g->wanted_generation) { /* a new wish is no difference */
    g->applied_generation = 0;
    edge_activity_end(g, NULL);
    return;
  }
  strv_done(&g->checked);
  if (edge_follow(g, &g->checked)) g->must_reload = true;
  g->applied_generation = g->wanted_generation;
  if (g->must_reload) g->applied_generation = 0; /* the rest when there is room for it */
  if (!g->checked.len) {
    edge_activity_end(g, NULL);
    return;
  }
  edge_run_note(g);
  edge_talk_ask(g, &g->checked, on_told_again);
}

void edge_check(edge *g) {
  g->activity = "reading back what HAProxy has";
  g->check_due = false;
  g->began_ms = clock_monotonic_ms();
  edge_talk_read(g, on_read_back);
}
