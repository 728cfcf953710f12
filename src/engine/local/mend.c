#include "engine/local/mend.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/work.h"

enum { RETRY_FIRST_MS = 1000, RETRY_LAST_MS = 60000 };

/* Of one thing that could not be mended. */
struct mend_failure {
  int failures;
  int64_t not_before_ms;
  char *cause; /* the first that was found */
};

void mend_begin(struct local_engine *en) {
  en->watch.failing = map_new();
}

static void forget_failure(struct local_engine *en, const char *key) {
  struct mend_failure *f = map_remove(en->watch.failing, key);
  if (f) free(f->cause);
  free(f);
}

void mend_end(struct local_engine *en) {
  for (;;) {
    size_t cursor = 0;
    const char *key;
    void *value;
    if (!en->watch.failing || !map_next(en->watch.failing, &cursor, &key, &value)) break;
    forget_failure(en, key);
  }
  map_free(en->watch.failing);
  free(en->watch.restarting);
}

static bool is_pausing(const struct local_engine *en, const char *key) {
  const struct mend_failure *f = map_get(en->watch.failing, key);
  return f && clock_monotonic_ms() < f->not_before_ms;
}

/* One more failure; returns how many there are now. */
static int note_failure(struct local_engine *en, const char *key, const char *cause) {
  struct mend_failure *f = map_get(en->watch.failing, key);
  if (!f) {
    f = mem_zalloc(sizeof *f);
    f->cause = str_dup(cause);
    map_set(en->watch.failing, key, f);
  }
  int64_t wait = RETRY_FIRST_MS;
  for (int i = 0; i < f->failures && wait < RETRY_LAST_MS; i++)
    wait *= 2;
  f->not_before_ms = clock_monotonic_ms() + (wait < RETRY_LAST_MS ? wait : RETRY_LAST_MS);
  return ++f->failures;
}

static void tell(struct local_engine *en, const struct repair *r) {
  log_line(r->failure ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN, "engine", "%s%s%s: %s: %s%s%s", r->object,
           r->workload_id || r->environment_id ? " of " : "",
           r->workload_id      ? r->workload_id
           : r->environment_id ? r->environment_id
                               : "",
           r->cause, r->outcome, r->failure ? " failed: " : "", r->failure ? r->failure : "");
  if (!en->closing) engine_tell_repair(&en->base, r);
}

void mend_tell(struct local_engine *en, const char *object, const char *environment_id,
               const char *workload_id, const char *cause, const char *outcome) {
  tell(en, &(struct repair){.object = object,
                            .cause = cause,
                            .outcome = outcome,
                            .environment_id = environment_id,
                            .workload_id = workload_id});
}

/* The end of a try; takes `e`. */
static void tried(struct local_engine *en, const char *key, struct repair r, err *e) {
  if (!e) {
    forget_failure(en, key);
    tell(en, &r);
    return;
  }
  r.failure = err_message(e);
  r.outcome = "mending it";
  if (note_failure(en, key, r.cause) == 1)
    tell(en, &r);
  else
    log_debug("engine", "%s: %s", key, r.failure);
  err_free(e);
}

/* --- Links ----------------------------------------------------------------------- */

struct link_item {
  char *id, *workload_id, *cause;
  struct link link;
  bool attach; /* it is there and only needs its bridge */
  err *e;
};

struct link_job {
  struct local_engine *engine;
  struct link_item *items;
  size_t len;
  struct network_job *network; /* whose part this is: its instances are not told one by one */
};

static void finish_network(struct network_job *j);

static struct link_job *link_job_new(struct local_engine *en) {
  struct link_job *j = mem_zalloc(sizeof *j);
  j->engine = en;
  j->items = mem_zalloc((map_len(en->instances) + 1) * sizeof *j->items);
  return j;
}

static void add_link(struct link_job *j, struct instance *inst, bool attach, const char *cause) {
  j->items[j->len++] = (struct link_item){.id = str_dup(inst->id),
                                          .workload_id = str_dup(inst->owner->w->id),
                                          .cause = str_dup(cause),
                                          .link = instance_link(inst),
                                          .attach = attach};
}

static err *put_right(void *arg) {
  struct link_job *j = arg;
  for (size_t i = 0; i < j->len; i++) {
    struct link_item *item = &j->items[i];
    err *e = item->attach ? link_attach(item->link.host_name, item->link.bridge) : NULL;
    if (e || !item->attach) {
      err_ignore(e);
      e = link_connect(&item->link);
    }
    item->e = e;
  }
  return NULL;
}

/* The failure of one that has ended meanwhile is none. */
static void tell_link(struct local_engine *en, struct link_item *item) {
  struct instance *inst = map_get(en->instances, item->id);
  auto_free char *key = str_format("link:%s", item->id);
  struct repair r = {.object = "link",
                     .cause = item->cause,
                     .outcome = item->attach ? "put into its bridge again" : "connected anew",
                     .workload_id = item->workload_id};
  if (item->e && (!inst || !instance_is_alive(inst)))
    err_free(item->e);
  else
    tried(en, key, r, item->e);
}

static void on_put_right(void *arg, err *e) {
  struct link_job *j = arg;
  err_ignore(e); /* each link has its own */
  j->engine->pending--;
  j->engine->watch.mending = false;
  for (size_t i = 0; i < j->len; i++) {
    if (j->network)
      err_ignore(j->items[i].e); /* the next survey finds what is still wrong */
    else
      tell_link(j->engine, &j->items[i]);
    free(j->items[i].id);
    free(j->items[i].workload_id);
    free(j->items[i].cause);
  }
  if (j->network) finish_network(j->network);
  free(j->items);
  free(j);
}

static void start_links(struct link_job *j) {
  j->engine->pending++;
  j->engine->watch.mending = true;
  work_start(j->engine->loop, put_right, on_put_right, j);
}

void mend_links(struct local_engine *en, const struct survey *s) {
  struct link_job *j = link_job_new(en);
  for (size_t i = 0; i < s->instances_len; i++) {
    const struct survey_instance *found = &s->instances[i];
    struct instance *inst = map_get(en->instances, found->id);
    auto_free char *key = str_format("link:%s", found->id);
    bool damaged = found->damage == SURVEY_LINK || found->damage == SURVEY_LOOSE;
    bool same = inst && inst->phase == PHASE_RUN && inst->pid == found->pid;
    if (damaged && same && !is_pausing(en, key))
      add_link(j, inst, found->damage == SURVEY_LOOSE, found->cause);
  }
  if (j->len) {
    start_links(j);
    return;
  }
  free(j->items);
  free(j);
}

/* --- Networks -------------------------------------------------------------------- */

struct network_job {
  struct local_engine *engine;
  char *environment_id, *cause;
  bool keep_bridge, rules;
};

static void network_job_free(struct network_job *j) {
  free(j->environment_id);
  free(j->cause);
  free(j);
}

static char *network_key(const char *environment_id) {
  return str_format("network:%s", environment_id);
}

static char *rules_key(const char *environment_id) {
  return str_format("rules:%s", environment_id);
}

static struct repair network_repair(const struct network_job *j) {
  return (struct repair){.object = j->rules ? "firewall" : "network",
                         .cause = j->cause,
                         .outcome = j->rules         ? "netavark set its rules again"
                                    : j->keep_bridge ? "its anchor was made again"
                                                     : "the bridge was made again and every "
                                                       "instance put back into it",
                         .environment_id = j->environment_id};
}

static void finish_network(struct network_job *j) {
  auto_free char *key = network_key(j->environment_id);
  tried(j->engine, key, network_repair(j), NULL);
  network_job_free(j);
}

static void attach_all(struct network_job *j) {
  struct local_engine *en = j->engine;
  struct link_job *links = link_job_new(en);
  links->network = j;
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(en->instances, &cursor, &id, &value)) {
    struct instance *inst = value;
    bool here = inst->phase == PHASE_RUN && inst->network &&
                str_eq(network_environment(inst->network), j->environment_id);
    if (here) add_link(links, inst, true, "");
  }
  start_links(links);
}

static void on_network_mended(void *arg, err *e) {
  struct network_job *j = arg;
  struct local_engine *en = j->engine;
  en->pending--;
  auto_free char *key = network_key(j->environment_id);
  if (!e) local_names_changed(en, j->environment_id);
  if (!e && !j->keep_bridge) {
    attach_all(j);
    return;
  }
  if (e || !j->rules) tried(en, key, network_repair(j), e); /* rules must show first: mend_rules */
  network_job_free(j);
}

static void start_network(struct local_engine *en, network *w, bool keep_bridge, bool rules,
                          const char *cause) {
  struct network_job *j = mem_zalloc(sizeof *j);
  *j = (struct network_job){.engine = en,
                            .environment_id = str_dup(network_environment(w)),
                            .cause = str_dup(cause),
                            .keep_bridge = keep_bridge,
                            .rules = rules};
  en->pending++;
  network_mend(w, keep_bridge, on_network_mended, j);
}

void mend_network(struct local_engine *en, const char *environment_id, bool keep_bridge,
                  const char *cause) {
  network *w = networks_find(en->networks, environment_id);
  auto_free char *key = network_key(environment_id);
  /* What failed once is made wholly anew the next time. */
  if (w && !is_pausing(en, key))
    start_network(en, w, keep_bridge && !map_has(en->watch.failing, key), false, cause);
}

void mend_rules(struct local_engine *en, const char *environment_id, const char *lacks) {
  auto_free char *key = rules_key(environment_id);
  const struct mend_failure *f = map_get(en->watch.failing, key);
  if (!lacks) {
    if (f) mend_tell(en, "firewall", environment_id, NULL, f->cause, "netavark set its rules again");
    forget_failure(en, key);
    return;
  }
  network *w = networks_find(en->networks, environment_id);
  if (!w || is_pausing(en, key)) return;
  if (note_failure(en, key, lacks) == 2)
    tell(en, &(struct repair){.object = "firewall",
                              .cause = lacks,
                              .outcome = "mending it",
                              .failure = "they do not show in nftables",
                              .environment_id = environment_id});
  start_network(en, w, true, true, lacks);
}

/* --- The rest -------------------------------------------------------------------- */

void mend_names(struct local_engine *en, const char *environment_id, const char *cause) {
  local_names_changed(en, environment_id);
  mend_tell(en, "names", environment_id, NULL, cause, "written again");
}

void mend_restart(struct instance *inst, const char *cause) {
  struct local_engine *en = inst->engine;
  const struct instance *before =
      en->watch.restarting ? map_get(en->instances, en->watch.restarting) : NULL;
  if (before && before->phase != PHASE_RUN && before->phase != PHASE_DONE) return;
  str_replace_owned(&en->watch.restarting, inst->id);
  mend_tell(en, "instance", NULL, inst->owner->w->id, cause, "it is restarted");
  instance_stop(inst, false, true);
}

void mend_folders(struct local_engine *en, const struct strv *gone) {
  auto_free char *names = strv_join(gone, ", ");
  auto_free char *cause = str_format("%s was gone", names);
  err *e = local_make_folders(en);
  if (!e) e = local_watch_exits(en);
  tried(en, "folders", (struct repair){.object = "folder", .cause = cause, .outcome = "made again"}, e);
}

static char *volume_key(const char *id) {
  return str_format("volume:%s", id);
}

struct volume_mending {
  struct local_engine *engine;
  char *id;
};

static err *mount_again(void *arg) {
  struct volume_mending *m = arg;
  return volume_store_mount(&m->engine->volumes, m->id);
}

static void on_mounted_again(void *arg, err *e) {
  struct volume_mending *m = arg;
  auto_free char *key = volume_key(m->id);
  auto_free char *cause = str_format("the mount of '%s' was gone", m->id);
  m->engine->pending--;
  m->engine->watch.mending = false;
  tried(m->engine, key,
        (struct repair){.object = "volume", .cause = cause, .outcome = "mounted again"}, e);
  free(m->id);
  free(m);
}

void mend_volume(struct local_engine *en, const char *volume_id) {
  auto_free char *key = volume_key(volume_id);
  if (is_pausing(en, key)) return;
  struct volume_mending *m = mem_alloc(sizeof *m);
  *m = (struct volume_mending){en, str_dup(volume_id)};
  en->pending++;
  en->watch.mending = true;
  work_start(en->loop, mount_again, on_mounted_again, m);
}

struct firewall_job {
  struct local_engine *engine;
  char *cause;
};

static void on_firewall_mended(void *arg, err *e) {
  struct firewall_job *j = arg;
  j->engine->pending--;
  tried(j->engine, "firewall",
        (struct repair){.object = "firewall", .cause = j->cause, .outcome = "the table was set again"},
        e);
  free(j->cause);
  free(j);
}

void mend_firewall(struct local_engine *en, const char *cause) {
  if (is_pausing(en, "firewall")) return;
  struct firewall_job *j = mem_zalloc(sizeof *j);
  *j = (struct firewall_job){en, str_dup(cause)};
  en->pending++;
  networks_mend_firewall(en->networks, on_firewall_mended, j);
}
