/* Finds what was damaged from outside while instances run, and has it mended (mend.h).
 *
 * Every watch_ms a survey is taken: two questions to the kernel for all links and addresses, one for the
 * firewall's generation, and some file lookups per instance, on a pool thread.  Polling rather than
 * being told: what tells can lose messages, and then a look would be needed all the same.  Programs are
 * only started when something is wrong, or when somebody changed the firewall.
 *
 * A root file system that was unmounted from outside is only told: the instance has it in a mount
 * namespace of its own and is not hurt, overlayfs refuses the same writable layer twice, and the next run
 * mounts a new one.  Restarting the app for that would do what the damage did not. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/local/firewall.h"
#include "engine/local/mend.h"
#include "engine/local/nft_text.h"
#include "loop/work.h"

enum { CLOSELY_PER_TICK = 25 }; /* instances that are looked at closely: 60 µs each */

struct look {
  struct local_engine *engine;
  struct survey *survey;
};

static bool is_idle(const struct local_engine *en) {
  return en->watch.adopted && !en->closing && !en->halting && !en->watch.mending &&
         !networks_busy(en->networks);
}

/* --- What to expect -------------------------------------------------------------- */

static bool is_watched(const struct instance *inst) {
  return inst->phase == PHASE_RUN && inst->network && inst->pid > 0;
}

static void expect_network(struct survey_network *n, const network *w) {
  n->environment_id = str_dup(network_environment(w));
  n->anchor_path = str_dup(network_anchor_path(w));
  n->names_path = str_format("%s/aardvark-dns/%s", network_dns_dir(w), network_name(w));
  snprintf(n->bridge, sizeof n->bridge, "%s", network_bridge(w));
  n->gateway = network_address(w, NETWORK_GATEWAY);
  n->gateway6 = network_address6(w, NETWORK_GATEWAY);
}

/* The index of the network in the survey, which has it from then on. */
static size_t index_of(struct survey *s, const network *w) {
  for (size_t i = 0; i < s->networks_len; i++)
    if (str_eq(s->networks[i].environment_id, network_environment(w))) return i;
  expect_network(&s->networks[s->networks_len], w);
  return s->networks_len++;
}

static void expect_instance(struct survey *s, struct instance *inst) {
  if (!*inst->link) instance_name_link(inst); /* adopted */
  struct survey_instance *i = &s->instances[s->instances_len++];
  i->id = str_dup(inst->id);
  i->rootfs = str_dup(inst->rootfs);
  strv_addf(&i->files, "%s/config.json", inst->bundle);
  strv_addf(&i->files, "%s/%s/status", inst->engine->folders.crun, inst->id);
  i->pid = inst->pid;
  i->pid_started = inst->pid_started;
  i->run = inst->run;
  snprintf(i->link, sizeof i->link, "%s", inst->link);
  i->network = index_of(s, inst->network);
  i->address = network_address(inst->network, inst->host);
  i->address6 = network_address6(inst->network, inst->host);
}

static void expect_volumes(struct survey *s, const struct instance *inst) {
  const struct workload *w = inst->owner->w;
  for (size_t i = 0; i < w->volumes_len; i++) {
    auto_free char *point = path_join(inst->engine->volumes.mounts, w->volumes[i].volume_id);
    if (!strv_has(&s->volumes, point)) strv_add(&s->volumes, point);
  }
}

/* Some at a time, each in its turn. */
static void choose_closely(struct watch *w, struct survey *s) {
  for (size_t n = 0; n < CLOSELY_PER_TICK && n < s->instances_len; n++)
    s->instances[(w->next_closely + n) % s->instances_len].closely = true;
  w->next_closely = s->instances_len ? (w->next_closely + CLOSELY_PER_TICK) % s->instances_len : 0;
}

static struct survey *expect(struct local_engine *en) {
  size_t networks_len = 0, cursor = 0;
  while (networks_next(en->networks, &cursor))
    networks_len++;
  struct survey *s = survey_new(networks_len, map_len(en->instances));
  const char *id;
  void *value;
  for (cursor = 0; map_next(en->instances, &cursor, &id, &value);)
    if (is_watched(value)) {
      expect_instance(s, value);
      expect_volumes(s, value);
    }
  cursor = 0;
  for (network *w; (w = networks_next(en->networks, &cursor));)
    if (network_ready(w)) index_of(s, w);
  choose_closely(&en->watch, s);
  const struct local_folders *f = &en->folders;
  strv_add_all(&s->folders, (const char *const[]){f->bundles, f->exits, f->sockets, f->crun, f->layers, NULL});
  return s;
}

/* --- The firewall ---------------------------------------------------------------- */

struct firewall_look {
  struct local_engine *engine;
  uint32_t generation;
  unsigned times; /* how often our table had been set then */
};

static char *lacking_rules(const network *w, const char *ruleset) {
  auto_free char *subnet = network_subnet_text(w, AF_INET);
  auto_free char *subnet6 = network_subnet_text(w, AF_INET6);
  char *lacks = nft_text_network_lacks(ruleset, "ip", subnet);
  return lacks ? lacks : nft_text_network_lacks(ruleset, "ip6", subnet6);
}

/* Whether netavark's rules of all networks are there; mends one that is not at a time. */
static bool judge_rules(struct local_engine *en, const char *ruleset) {
  size_t cursor = 0;
  for (network *w; (w = networks_next(en->networks, &cursor));) {
    if (!network_ready(w)) continue;
    auto_free char *lacks = lacking_rules(w, ruleset);
    mend_rules(en, network_environment(w), lacks);
    if (lacks) return false;
  }
  return true;
}

static void on_ruleset(void *arg, err *e, const char *ruleset) {
  struct firewall_look look = *(struct firewall_look *)arg;
  struct local_engine *en = look.engine;
  free(arg);
  en->pending--;
  en->watch.reading_firewall = false;
  unsigned times;
  const char *before = networks_firewall(en->networks, &times);
  if (e || !is_idle(en) || !before || times != look.times) { /* later */
    if (e) log_warn("engine", "%s", err_message(e));
    err_free(e);
    return;
  }
  auto_free char *now = nft_text_table(ruleset, en->config.name);
  auto_free char *difference = nft_text_difference(before, now);
  if (difference)
    mend_firewall(en, difference);
  else if (judge_rules(en, ruleset))
    en->watch.good_firewall = look.generation;
}

static void judge_firewall(struct local_engine *en, uint32_t generation) {
  struct watch *w = &en->watch;
  if (!generation || generation == w->good_firewall || w->reading_firewall || !is_idle(en)) return;
  struct firewall_look *look = mem_alloc(sizeof *look);
  *look = (struct firewall_look){.engine = en, .generation = generation};
  networks_firewall(en->networks, &look->times);
  w->reading_firewall = true;
  en->pending++;
  firewall_read(en->loop, NULL, on_ruleset, look);
}

/* --- Acting ---------------------------------------------------------------------- */

static void act_on_network(struct local_engine *en, const struct survey_network *n) {
  const network *w = networks_find(en->networks, n->environment_id);
  if (n->damage == SURVEY_NAMES && w && network_ready(w))
    mend_names(en, n->environment_id, n->cause);
  else if (n->damage == SURVEY_BRIDGE || n->damage == SURVEY_ANCHOR)
    mend_network(en, n->environment_id, n->damage == SURVEY_ANCHOR, n->cause);
}

static void act_on_instance(struct local_engine *en, const struct survey_instance *i) {
  struct instance *inst = map_get(en->instances, i->id);
  if (!inst || !is_watched(inst) || inst->pid != i->pid) return;
  bool monitored = instance_has_monitor(inst);
  bool in_order = monitored && i->damage == SURVEY_FINE && (!i->closely || i->unmounted == inst->unmounted);
  if (in_order || !instance_is_alive(inst)) return; /* the end of one explains much */
  if (i->unmounted && !inst->unmounted)
    mend_tell(en, "mount", NULL, inst->owner->w->id, "the mount of its root file system was gone",
              "it has its own and runs on; the next start mounts it anew");
  if (i->closely) inst->unmounted = i->unmounted;
  if (inst->owner->w->kind == WORKLOAD_JOB) return; /* may not run twice: its end will say that it failed */
  if (i->damage == SURVEY_STATE)
    mend_restart(inst, i->cause);
  else if (!monitored)
    mend_restart(inst, "conmon, which keeps its log and exit code, was gone");
}

static void act(struct local_engine *en, const struct survey *s) {
  if (s->folders_gone.len) mend_folders(en, &s->folders_gone);
  for (size_t i = 0; i < s->volumes_gone.len; i++)
    mend_volume(en, strrchr(s->volumes_gone.items[i], '/') + 1);
  for (size_t i = 0; i < s->networks_len && !s->unsure; i++)
    act_on_network(en, &s->networks[i]);
  for (size_t i = 0; i < s->instances_len && !s->unsure; i++)
    act_on_instance(en, &s->instances[i]);
  if (!s->unsure) mend_links(en, s);
  judge_firewall(en, s->firewall);
}

static err *measure(void *arg) {
  return survey_measure(((struct look *)arg)->survey);
}

static void on_measured(void *arg, err *e) {
  struct look look = *(struct look *)arg;
  struct local_engine *en = look.engine;
  free(arg);
  en->pending--;
  en->watch.measuring = false;
  if (e) log_warn("engine", "looking for damage: %s", err_message(e));
  if (!e && is_idle(en)) act(en, look.survey);
  err_free(e);
  survey_free(look.survey);
}

static void on_tick(void *arg) {
  struct local_engine *en = arg;
  if (en->watch.measuring || !is_idle(en)) return;
  if (networks_watch(en->networks))
    mend_tell(en, "names", NULL, NULL, "aardvark-dns did not run", "started again");
  struct look *look = mem_alloc(sizeof *look);
  *look = (struct look){en, expect(en)};
  en->watch.measuring = true;
  en->pending++;
  work_start(en->loop, measure, on_measured, look);
}

void watch_begin(struct local_engine *en) {
  mend_begin(en);
  en->watch.tick = timer_start(en->loop, en->config.watch_ms, en->config.watch_ms, on_tick, en);
}

void watch_adopted(struct local_engine *en) {
  en->watch.adopted = true;
  on_tick(en);
}

void watch_end(struct local_engine *en) {
  timer_stop(en->watch.tick);
  mend_end(en);
}
