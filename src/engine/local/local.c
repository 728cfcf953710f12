#include "engine/local/local.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/local/instance.h"
#include "engine/local/local_private.h"
#include "engine/local/names.h"
#include "engine/local/workload_file.h"

/* --- Names ----------------------------------------------------------------------- */

static bool has_label(const struct local_engine *en, const char *environment_id, const char *label) {
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(en->workloads, &cursor, &id, &value)) {
    const struct workload *w = ((struct local_workload *)value)->w;
    if (str_eq(w->environment_id, environment_id) && str_eq(w->service_label, label)) return true;
  }
  return false;
}

static void add_entry(const struct instance *inst, struct names_entry *entry) {
  const struct workload *w = inst->owner->w;
  *entry = (struct names_entry){.id = inst->id, .address = inst->address, .address6 = inst->address6};
  if (w->kind != WORKLOAD_SERVICE) return;
  entry->label = w->service_label;
  if (!str_empty(w->former_label) && !has_label(inst->owner->engine, w->environment_id, w->former_label))
    entry->former_label = w->former_label;
}

static err *publish_names(struct local_engine *en, const char *environment_id) {
  network *w = networks_find(en->networks, environment_id);
  if (!w || !network_ready(w)) return NULL;
  auto_free struct names_entry *entries =
      mem_zalloc((map_len(en->instances) + 1) * sizeof *entries);
  auto_free char *anchor = network_address_text(w, NETWORK_ANCHOR, AF_INET);
  auto_free char *anchor6 = network_address_text(w, NETWORK_ANCHOR, AF_INET6);
  entries[0] = (struct names_entry){.id = network_anchor_id(w), .address = anchor, .address6 = anchor6};
  size_t len = 1, cursor = 0;
  const char *id;
  void *value;
  while (map_next(en->instances, &cursor, &id, &value)) {
    const struct instance *inst = value;
    if (inst->network == w && inst->named) add_entry(inst, &entries[len++]);
  }
  auto_free char *gateway = network_address_text(w, NETWORK_GATEWAY, AF_INET);
  auto_free char *gateway6 = network_address_text(w, NETWORK_GATEWAY, AF_INET6);
  auto_free char *text = names_render(gateway, gateway6, entries, len);
  return names_publish(network_dns_dir(w), network_name(w), text);
}

static void publish_renamed(void *arg) {
  struct local_engine *en = arg;
  en->pending--;
  struct strv renamed = en->renamed;
  en->renamed = STRV_EMPTY;
  for (size_t i = 0; i < renamed.len; i++) {
    auto_err *e = publish_names(en, renamed.items[i]);
    if (e) log_error("engine", "publishing names: %s", err_message(e));
  }
  strv_done(&renamed);
}

/* Many changes of one turn are one reload of aardvark-dns. */
void local_names_changed(struct local_engine *en, const char *environment_id) {
  if (strv_has(&en->renamed, environment_id)) return;
  if (en->renamed.len == 0) {
    en->pending++;
    loop_defer(en->loop, publish_renamed, en);
  }
  strv_add(&en->renamed, environment_id);
}

/* --- Instances ------------------------------------------------------------------- */

static void free_instance(void *arg) {
  instance_free(arg);
}

static void workload_gone(struct local_engine *en, struct local_workload *owner) {
  auto_err *e = workload_delete(en->folders.workloads, owner->w->id);
  if (e) log_error("engine", "%s", err_message(e));
  map_remove(en->workloads, owner->w->id);
  LIST_FOREACH(waiter, &owner->waiters, struct waiter, link) {
    list_remove(&waiter->link);
    if (waiter->done) waiter->done(waiter->arg, err_dup(e));
    free(waiter);
  }
  timer_stop(owner->pause);
  workload_free(owner->w);
  free(owner);
}

static void check_gone(void *arg) {
  struct local_workload *owner = arg;
  struct local_engine *en = owner->engine;
  en->pending--;
  owner->checking = false;
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(en->instances, &cursor, &id, &value))
    if (((struct instance *)value)->owner == owner) return;
  if (owner->removing) workload_gone(en, owner);
}

/* Looks, once this turn's callers have let go of it, whether the last instance is gone. */
void local_check_gone_later(struct local_workload *owner) {
  if (owner->checking) return;
  owner->checking = true;
  owner->engine->pending++;
  loop_defer(owner->engine->loop, check_gone, owner);
}

void local_instance_gone(struct local_engine *en, struct local_workload *owner,
                         struct instance *inst) {
  inst->gone = true;
  instance_report(inst);
  if (inst->network) network_release_host(inst->network, inst->host);
  map_remove(en->instances, inst->id);
  loop_defer(en->loop, free_instance, inst);
  local_check_gone_later(owner);
  local_instance_settled(en);
}

void local_instance_settled(struct local_engine *en) {
  if (en->halting) local_halt_continue(en);
}

err *local_add_instance(struct local_engine *en, struct local_workload *owner, int replica,
                        struct instance **ret_instance) {
  struct instance *inst = instance_new(en, owner, replica);
  err *e = file_make_dirs(inst->state_dir, 0700);
  if (e) {
    err_ignore(file_remove_tree(inst->state_dir));
    instance_free(inst);
    return e;
  }
  map_set(en->instances, inst->id, inst);
  *ret_instance = inst;
  return NULL;
}

/* --- Operations ------------------------------------------------------------------ */

err *local_add_missing(struct local_workload *owner) {
  struct local_engine *en = owner->engine;
  for (int replica = 0; replica < owner->w->replicas; replica++) {
    auto_free char *id = str_format("%s-%d", owner->w->id, replica);
    if (map_has(en->instances, id)) continue;
    struct instance *inst = NULL;
    TRY(local_add_instance(en, owner, replica, &inst));
    instance_event(inst, EVENT_GO);
  }
  return NULL;
}

/* Collects first: stopping one may take it out of the map. */
/* The replicas from one number to another. */
static void stop_instances(struct local_workload *owner, int from, int to, bool remove, bool restart) {
  struct local_engine *en = owner->engine;
  auto_free struct instance **found = mem_zalloc((map_len(en->instances) + 1) * sizeof(void *));
  size_t len = 0, cursor = 0;
  const char *id;
  void *value;
  while (map_next(en->instances, &cursor, &id, &value)) {
    struct instance *inst = value;
    if (inst->owner == owner && inst->replica >= from && inst->replica <= to && !inst->remove_wanted)
      found[len++] = inst;
  }
  for (size_t i = 0; i < len; i++)
    instance_stop(found[i], remove, restart);
}

struct local_workload *local_add_workload(struct local_engine *en, struct workload *w) {
  struct local_workload *owner = mem_zalloc(sizeof *owner);
  owner->engine = en;
  owner->w = w;
  list_init(&owner->waiters);
  map_set(en->workloads, w->id, owner);
  return owner;
}

/* A replica that is still being taken down cannot be wanted again until it is gone: its number
 * would name two containers. */
static err *check_not_leaving(const struct local_workload *owner, int replicas) {
  for (int replica = 0; replica < replicas; replica++) {
    auto_free char *id = str_format("%s-%d", owner->w->id, replica);
    const struct instance *inst = map_get(owner->engine->instances, id);
    if (inst && inst->remove_wanted)
      return err_new(ERR_BUSY, "replica %d is still being stopped: try again", replica);
  }
  return NULL;
}

static err *local_apply(engine *base, const struct workload *w) {
  struct local_engine *en = (struct local_engine *)base;
  if (en->halting) return err_new(ERR_BUSY, "everything is being stopped");
  struct local_workload *owner = map_get(en->workloads, w->id);
  if (owner && owner->removing) return err_new(ERR_CONFLICT, "it is being removed");
  if (owner) {
    TRY(check_not_leaving(owner, w->replicas));
    int former = owner->w->replicas;
    owner->w->replicas = w->replicas;
    err *e = former == w->replicas ? NULL : workload_save(en->folders.workloads, owner->w, en->config.vault);
    if (e) {
      owner->w->replicas = former;
      return e;
    }
    stop_instances(owner, w->replicas, INT_MAX, true, false);
  } else {
    err *e = workload_save(en->folders.workloads, w, en->config.vault);
    if (e) { /* it may be there all the same, not synced: it must not start with the next tramd */
      err_ignore(workload_delete(en->folders.workloads, w->id));
      return e;
    }
    owner = local_add_workload(en, workload_dup(w));
  }
  return local_add_missing(owner);
}

static err *local_rename(engine *base, const char *workload_id, const char *label) {
  struct local_engine *en = (struct local_engine *)base;
  struct local_workload *owner = map_get(en->workloads, workload_id);
  if (!owner || owner->removing || str_eq(owner->w->service_label, label)) return NULL;
  struct workload renamed = *owner->w;
  renamed.former_label = owner->w->service_label;
  renamed.service_label = label;
  TRY(workload_save(en->folders.workloads, &renamed, en->config.vault));
  free((char *)owner->w->former_label);
  owner->w->former_label = owner->w->service_label;
  owner->w->service_label = str_dup(label);
  local_names_changed(en, owner->w->environment_id);
  return NULL;
}

static void local_remove(engine *base, const char *workload_id, engine_done_fn *done, void *arg) {
  struct local_engine *en = (struct local_engine *)base;
  struct local_workload *owner = map_get(en->workloads, workload_id);
  if (!owner) { /* its file may be left of a removal that could not end it */
    auto_err *e = workload_delete(en->folders.workloads, workload_id);
    if (done) done(arg, err_dup(e));
    return;
  }
  struct waiter *waiter = mem_zalloc(sizeof *waiter);
  *waiter = (struct waiter){.done = done, .arg = arg};
  list_init(&waiter->link);
  list_push(&owner->waiters, &waiter->link);
  if (owner->removing) return;
  owner->removing = true;
  /* First of all: what is being removed must not come back when tramd dies now, but still end in order:
   * its replicas are then beyond the wanted number. */
  owner->w->replicas = 0;
  auto_err *full = workload_save_fast(en->folders.workloads, owner->w, en->config.vault);
  auto_err *e = full ? workload_delete(en->folders.workloads, workload_id) : NULL;
  if (e) log_error("engine", "workload '%s': %s", workload_id, err_message(e));
  stop_instances(owner, 0, INT_MAX, true, false);
  local_check_gone_later(owner);
}

static err *local_restart(engine *base, const char *workload_id, int replica) {
  struct local_engine *en = (struct local_engine *)base;
  struct local_workload *owner = map_get(en->workloads, workload_id);
  if (!owner) return err_new(ERR_NOT_FOUND, "there is no workload '%s'", workload_id);
  if (en->halting || owner->removing)
    return err_new(ERR_BUSY, "workload '%s' is being stopped", workload_id);
  bool all = replica == ENGINE_ALL_REPLICAS;
  stop_instances(owner, all ? 0 : replica, all ? INT_MAX : replica, false, true);
  return NULL;
}

static void local_each(engine *base, const char *workload_id, engine_change_fn *fn, void *arg) {
  struct local_engine *en = (struct local_engine *)base;
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(en->instances, &cursor, &id, &value)) {
    const struct instance *inst = value;
    if (workload_id && !str_eq(inst->owner->w->id, workload_id)) continue;
    struct instance_report report;
    instance_fill_report(inst, &report);
    fn(arg, &report);
  }
}

static void local_remove_environment(engine *base, const char *environment_id, engine_done_fn *done,
                                     void *arg) {
  struct local_engine *en = (struct local_engine *)base;
  size_t cursor = 0;
  const char *id;
  void *value;
  err *e = NULL;
  while (!e && map_next(en->workloads, &cursor, &id, &value))
    if (str_eq(((struct local_workload *)value)->w->environment_id, environment_id))
      e = err_new(ERR_CONFLICT, "workload '%s' still uses environment '%s'", id, environment_id);
  if (!e) e = user_ranges_forget(en->ranges, environment_id);
  network *w = networks_find(en->networks, environment_id);
  if (!e && w)
    network_remove(w, true, done, arg);
  else if (done)
    done(arg, e);
  else
    err_ignore(e);
}

static void drop_workloads(struct local_engine *en) {
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(en->workloads, &cursor, &id, &value)) {
    struct local_workload *owner = value;
    LIST_FOREACH(waiter, &owner->waiters, struct waiter, link) free(waiter);
    timer_stop(owner->pause);
    workload_free(owner->w);
    free(owner);
  }
}

/* Steps in progress are let finish (each has its deadline): a half-made container would only be
 * cleaned up and made again by the next process. */
static void local_free(engine *base) {
  struct local_engine *en = (struct local_engine *)base;
  en->closing = true;
  en->files.ending = true;
  local_exec_kill_all(en);
  local_stream_close_all(en);
  volume_runs_end(en);
  while (en->pending > 0 || networks_busy(en->networks))
    loop_turn(en->loop, 100);
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(en->instances, &cursor, &id, &value)) {
    instance_record(value);
    instance_free(value);
  }
  drop_workloads(en);
  volume_jobs_drop(en);
  local_free_parts(en);
}

const struct engine_ops local_engine_ops = {
    .start = local_start,
    .apply = local_apply,
    .remove = local_remove,
    .rename = local_rename,
    .restart = local_restart,
    .remove_environment = local_remove_environment,
    .sockets = local_sockets,
    .each = local_each,
    .halt = local_halt,
    .free = local_free,
    .exec_start = local_exec_start,
    .exec_write = local_exec_write,
    .exec_pending = local_exec_pending,
    .exec_close_input = local_exec_close_input,
    .exec_pause = local_exec_pause,
    .exec_resize = local_exec_resize,
    .exec_kill = local_exec_kill,
    .dial = local_dial,
    .stream_write = local_stream_write,
    .stream_pending = local_stream_pending,
    .stream_shut = local_stream_shut,
    .stream_pause = local_stream_pause,
    .stream_close = local_stream_close,
    .volume_apply = local_volume_apply,
    .volume_remove = local_volume_remove,
    .volume_usage = local_volume_usage,
    .volume_snapshot = local_volume_snapshot,
    .pause = local_pause,
    .volume_run = local_volume_run,
    .volume_run_cancel = local_volume_run_cancel,
};
