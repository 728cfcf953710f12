#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/local/instance.h"
#include "engine/local/rootfs.h"
#include "loop/work.h"

/* conmon and aardvark-dns end by themselves, moments after what they looked after. */
enum { CGROUP_TRIES = 100, CGROUP_WAIT_MS = 50 };

static err *remove_rest(void *arg) {
  struct local_engine *en = arg;
  err *e = NULL;
  for (int i = 0; i < CGROUP_TRIES; i++) {
    err_free(e);
    e = cgroups_remove(&en->cgroups);
    if (!e) break;
    nanosleep(&(struct timespec){.tv_nsec = CGROUP_WAIT_MS * 1000000L}, NULL);
  }
  err *volumes = volume_store_unmount_all(&en->volumes);
  if (volumes) log_error("engine", "%s", err_message(volumes));
  err_free(volumes);
  err *unmounted = rootfs_unmount_below(en->config.run_dir);
  if (!e) return unmounted;
  err_ignore(unmounted);
  return e;
}

static void on_rest_removed(void *arg, err *e) {
  struct local_engine *en = arg;
  en->pending--;
  en->halt_finishing = false;
  if (en->halted)
    en->halted(en->halted_arg, err_wrap(e, "stopping everything"));
  else
    err_ignore(e);
}

static void on_networks_removed(void *arg, err *e) {
  struct local_engine *en = arg;
  if (e) log_error("engine", "removing the networks: %s", err_message(e));
  err_free(e);
  work_start(en->loop, remove_rest, on_rest_removed, en);
}

static bool is_resting(const struct instance *inst) {
  return inst->phase == PHASE_IDLE || inst->phase == PHASE_DONE;
}

static void look_whether_all_rest(void *arg) {
  struct local_engine *en = arg;
  en->pending--;
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(en->instances, &cursor, &id, &value))
    if (!is_resting(value)) return;
  if (!en->halting || en->halt_finishing) return;
  en->halt_finishing = true;
  en->pending++;
  networks_remove_all(en->networks, on_networks_removed, en);
}

void local_halt_continue(struct local_engine *en) {
  en->pending++;
  loop_defer(en->loop, look_whether_all_rest, en);
}

static void stop_all(struct local_engine *en) {
  volume_runs_end(en);
  auto_free struct instance **all = mem_zalloc((map_len(en->instances) + 1) * sizeof(void *));
  size_t len = 0, cursor = 0;
  const char *id;
  void *value;
  while (map_next(en->instances, &cursor, &id, &value))
    all[len++] = value;
  for (size_t i = 0; i < len; i++)
    instance_stop(all[i], false, false);
  local_halt_continue(en);
}

static void on_adopted(void *arg, err *e) {
  struct local_engine *en = arg;
  if (e) log_error("engine", "looking for what runs: %s", err_message(e));
  err_free(e);
  stop_all(en);
}

void local_halt(engine *base, engine_done_fn *done, void *arg) {
  struct local_engine *en = (struct local_engine *)base;
  en->halting = true;
  en->halted = done;
  en->halted_arg = arg;
  if (en->started)
    stop_all(en);
  else
    local_start(base, on_adopted,
                en); /* a process that was made for halting: find what runs first */
}
