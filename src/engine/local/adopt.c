#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/local/instance.h"
#include "engine/local/rootfs.h"
#include "engine/local/workload_file.h"

struct adoption {
  struct local_engine *engine;
  engine_done_fn *done;
  void *arg;
};

static err *give_network(struct instance *inst) {
  struct local_engine *en = inst->engine;
  const struct workload *w = inst->owner->w;
  TRY(user_ranges_get(en->ranges, w->environment_id, w->service_id, &inst->first_host_id));
  if (w->isolated) return NULL;
  TRY(networks_get(en->networks, w->environment_id, &inst->network));
  TRY(network_take_host(inst->network, inst->host, &inst->host));
  inst->address = network_address_text(inst->network, inst->host, AF_INET);
  inst->address6 = network_address_text(inst->network, inst->host, AF_INET6);
  return NULL;
}

/* Takes over a container that lives, or that ended while nobody looked.  How long it has run is not forgotten: it
 * decides whether its end is one more in a row. */
static err *take_over(struct instance *inst) {
  inst->named = true;
  inst->running_since_ms = clock_monotonic_ms() - instance_age_ms(inst->pid_started);
  if (!instance_is_alive(inst)) return NULL;
  cgroups_thaw(&inst->engine->cgroups, inst->id); /* who paused it is gone */
  return instance_watch(inst);
}

static void undo_and_go_on(struct instance *inst) {
  inst->phase = PHASE_CLEAN;
  inst->before = true;
  step_clean(inst);
  instance_report(inst);
}

/* A job whose end nobody saw cannot be run again: it may have changed things.  It failed. */
static void lose(struct instance *inst) {
  inst->exit_code = EXIT_CODE_NONE;
  if (inst->owner->w->kind == WORKLOAD_JOB) {
    inst->ended = true;
    str_replace_owned(&inst->problem,
                      "it was interrupted: the machine or its containers were stopped");
  }
  undo_and_go_on(inst);
}

/* What was being stopped and is no surplus was being started again, or halted: it is to run. */
static void resume_running(struct instance *inst, enum phase phase) {
  auto_err *e = take_over(inst);
  if (e) log_warn("engine", "instance '%s': %s", inst->id, err_message(e));
  if (inst->exit_poll) {
    inst->phase = PHASE_RUN;
    instance_report(inst);
    if (phase == PHASE_STOP) instance_stop(inst, inst->remove_wanted, true);
  } else if (instance_read_exit(inst)) {
    inst->phase = PHASE_RUN;
    if (phase == PHASE_STOP) inst->stop_wanted = inst->restart_wanted = true;
    instance_event(inst, EVENT_EXIT);
  } else {
    lose(inst);
  }
}

/* Goes on from what the record says; the world decides. */
static void resume(struct instance *inst, enum phase phase, bool same_boot) {
  bool unfinished = phase == PHASE_PREPARE || phase == PHASE_CREATE || phase == PHASE_CONNECT ||
                    phase == PHASE_START;
  if (phase == PHASE_DONE) {
    inst->phase = PHASE_DONE;
    instance_report(inst);
  } else if (phase == PHASE_RUN || phase == PHASE_STOP) {
    if (same_boot)
      resume_running(inst, phase);
    else
      lose(inst);
  } else if (phase == PHASE_CLEAN || unfinished) {
    undo_and_go_on(inst);
  } else {
    inst->phase = PHASE_IDLE;
    if (!inst->engine->halting) comeback_hold(inst);
  }
}

static bool has_record(const struct local_engine *en, const char *workload_id, int replica) {
  auto_free char *path = str_format("%s/%s-%d/state.json", en->folders.instances, workload_id, replica);
  return file_exists(path);
}

/* How many replicas each workload has folders of, as far as their numbers go; values are pointers. */
static map *count_folders(const struct local_engine *en) {
  map *counts = map_new();
  DIR *folder = opendir(en->folders.instances);
  for (struct dirent *entry; folder && (entry = readdir(folder));) {
    long long replica;
    char *dash = strrchr(entry->d_name, '-');
    if (!dash || !str_to_int(dash + 1, 0, INT16_MAX, &replica)) continue;
    *dash = '\0';
    if ((intptr_t)map_get(counts, entry->d_name) <= replica) map_set(counts, entry->d_name, (void *)(intptr_t)(replica + 1));
  }
  if (folder) closedir(folder);
  return counts;
}

static err *adopt_instance(struct local_workload *owner, int replica) {
  struct instance *inst = NULL;
  enum phase phase;
  bool same_boot;
  TRY(local_add_instance(owner->engine, owner, replica, &inst));
  auto_err *untidy = file_remove_unfinished(inst->state_dir);
  if (untidy) log_warn("engine", "instance '%s': %s", inst->id, err_message(untidy));
  auto_err *unreadable = instance_read_record(inst, &phase, &same_boot);
  if (unreadable) {
    log_warn("engine", "instance '%s': %s", inst->id, err_message(unreadable));
    phase = PHASE_CLEAN;
    same_boot = false;
  }
  TRY(give_network(inst));
  if (replica >= owner->w->replicas) inst->remove_wanted = inst->stop_wanted = true;
  if (inst->remove_wanted && phase != PHASE_RUN && phase != PHASE_STOP)
    undo_and_go_on(inst);
  else
    resume(inst, inst->remove_wanted ? PHASE_STOP : phase, same_boot);
  return NULL;
}

static void add_workload(void *arg, struct workload *w) {
  struct local_workload *owner = local_add_workload(arg, w);
  owner->removing = w->replicas == 0;
}

/* Those that have a record, or the others.  Replicas beyond the wanted ones were being stopped. */
static void adopt_workload(struct local_workload *owner, int folders, bool recorded) {
  const struct workload *w = owner->w;
  int count = recorded && folders > w->replicas ? folders : w->replicas;
  for (int replica = 0; replica < count; replica++) {
    if (has_record(owner->engine, w->id, replica) != recorded) continue;
    auto_err *e = adopt_instance(owner, replica);
    if (e) log_error("engine", "workload '%s': %s", w->id, err_message(e));
  }
}

/* What has an address keeps it; only then are the others given theirs. */
static void adopt_workloads(struct local_engine *en) {
  auto_map *folders = count_folders(en);
  for (int pass = 0; pass < 2; pass++) {
    size_t cursor = 0;
    const char *id;
    void *owner;
    while (map_next(en->workloads, &cursor, &id, &owner)) {
      adopt_workload(owner, (int)(intptr_t)map_get(folders, id), pass == 0);
      if (pass && ((struct local_workload *)owner)->removing) local_check_gone_later(owner);
    }
  }
}

static void on_networks_adopted(void *arg, err *e) {
  struct adoption a = *(struct adoption *)arg;
  free(arg);
  a.engine->pending--;
  if (!e && !a.engine->closing) {
    e = workload_load_all(a.engine->folders.workloads, a.engine->config.vault, add_workload, a.engine);
    adopt_workloads(a.engine);
    if (!e) leftovers_begin(a.engine); /* else what is not loaded would be one */
    size_t cursor = 0;
    for (network *w; (w = networks_next(a.engine->networks, &cursor));)
      local_names_changed(a.engine, network_environment(w));
    watch_adopted(a.engine);
  }
  if (a.done)
    a.done(a.arg, err_wrap(e, "adopting what runs"));
  else
    err_ignore(e);
}

void local_start(engine *base, engine_done_fn *done, void *arg) {
  struct local_engine *en = (struct local_engine *)base;
  struct adoption *a = mem_zalloc(sizeof *a);
  *a = (struct adoption){en, done, arg};
  en->started = true;
  auto_err *left = rootfs_unmount_layers(en->folders.layers, "");
  if (left) log_warn("engine", "what an interrupted start left: %s", err_message(left));
  volumes_tidy(en);
  en->pending++;
  networks_adopt(en->networks, on_networks_adopted, a);
}
