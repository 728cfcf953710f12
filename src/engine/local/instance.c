#include "engine/local/instance.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/local/policy.h"

/* A process that SIGKILL did not end within this hangs in the kernel; it is told again. */
enum { KILL_AGAIN_MS = 5000 };

/* What could not be taken away (a mount in use, a full table of files) is tried again for a while, in
 * which those wait who asked for it; what is left then is up to leftovers.c. */
enum { CLEAN_AGAIN_MS = 500, CLEAN_MAX_MS = 10000 };

static void enter(struct instance *inst, enum phase phase);

/* --- Actions --------------------------------------------------------------------- */

/* A stop that comes in the middle of a step is acted upon when the step is over. */
static bool is_stopped(struct instance *inst) {
  if (!inst->stop_wanted) return false;
  enter(inst, PHASE_CLEAN);
  step_clean(inst);
  return true;
}

static void remember(struct instance *inst) {
  (void)inst;
}

static void begin(struct instance *inst) {
  timer_stop(inst->timer);
  inst->timer = NULL;
  inst->run++;
  inst->exit_noted = inst->ended = inst->held = inst->before = false;
  inst->listens = inst->asked = false;
  inst->pid = 0;
  str_replace_owned(&inst->problem, NULL);
  inst->problem_is_final = false;
  step_prepare(inst);
}

static void create(struct instance *inst) {
  if (!is_stopped(inst)) step_create(inst);
}

static void attach(struct instance *inst) {
  if (!is_stopped(inst)) step_connect(inst);
}

static void start(struct instance *inst) {
  if (!is_stopped(inst)) step_start(inst);
}

static void running(struct instance *inst) {
  inst->running_since_ms = clock_monotonic_ms();
  inst->again = false;
  instance_record(inst);
  if (inst->exit_noted)
    instance_event(inst, EVENT_EXIT);
  else if (inst->stop_wanted)
    instance_event(inst, EVENT_STOP);
}

static void note_exit(struct instance *inst) {
  inst->exit_noted = true;
}

/* The run is over: decides what follows, which CLEAN's end then does. */
static void judge(struct instance *inst) {
  int64_t ran_ms = inst->running_since_ms ? clock_monotonic_ms() - inst->running_since_ms : 0;
  inst->failures = policy_failures(inst->failures, ran_ms);
  inst->running_since_ms = 0;
  inst->ended =
      !inst->stop_wanted &&
      (inst->problem_is_final || !policy_restarts(inst->owner->w, inst->exit_code, inst->failures));
  instance_report(inst);
  step_clean(inst);
}

static void failed(struct instance *inst) {
  inst->exit_code = EXIT_CODE_NONE;
  judge(inst);
}

static void exited(struct instance *inst) {
  timer_stop(inst->timer);
  inst->timer = NULL;
  inst->oom_killed =
      inst->exit_code != 0 && cgroups_oom_kills(&inst->engine->cgroups, inst->id) > 0;
  judge(inst);
}

static void on_timer(void *arg) {
  struct instance *inst = arg;
  timer_stop(inst->timer);
  inst->timer = NULL;
  instance_event(inst, EVENT_TIME);
}

static void terminate(struct instance *inst) {
  int signal = inst->owner->w->stop_signal;
  instance_record(inst);
  cgroups_thaw(&inst->engine->cgroups, inst->id);
  instance_signal(inst, signal ? signal : SIGTERM);
  inst->timer = timer_start(inst->engine->loop, inst->owner->w->stop_grace_ms, 0, on_timer, inst);
}

static void kill_all(struct instance *inst) {
  cgroups_thaw(&inst->engine->cgroups, inst->id);
  instance_signal(inst, SIGKILL);
  cgroups_kill(&inst->engine->cgroups, inst->id);
  inst->timer = timer_start(inst->engine->loop, KILL_AGAIN_MS, 0, on_timer, inst);
}

static bool try_again(struct instance *inst) {
  int64_t now = clock_monotonic_ms();
  if (!inst->dirty_since_ms) inst->dirty_since_ms = now;
  if (now - inst->dirty_since_ms >= CLEAN_MAX_MS) return false;
  inst->timer = timer_start(inst->engine->loop, CLEAN_AGAIN_MS, 0, on_timer, inst);
  return true;
}

static void forget(struct instance *inst) {
  timer_stop(inst->timer);
  inst->timer = NULL;
  inst->held = false;
  if (inst->remove_wanted) {
    auto_err *e = file_remove_tree(inst->state_dir);
    if (e) log_warn("engine", "instance '%s': %s", inst->id, err_message(e));
    if (e && try_again(inst)) {
      inst->phase = PHASE_IDLE;
      return;
    }
    local_instance_gone(inst->engine, inst->owner, inst);
  } else {
    instance_record(inst);
    local_instance_settled(inst->engine); /* halted */
  }
}

static void start_again(struct instance *inst) {
  inst->stop_wanted = inst->restart_wanted = false;
  inst->again = true;
  inst->failures = 0;
  enter(inst, PHASE_PREPARE);
  begin(inst);
}

/* Nothing is left in the world: what next? */
static void settle(struct instance *inst) {
  inst->dirty_since_ms = 0;
  if (inst->restart_wanted && !inst->remove_wanted && !inst->engine->halting) {
    start_again(inst);
  } else if (inst->remove_wanted || (inst->stop_wanted && !inst->ended)) {
    enter(inst, PHASE_IDLE);
    forget(inst);
  } else if (inst->ended) {
    inst->stop_wanted = false;
    enter(inst, PHASE_DONE);
    local_instance_settled(inst->engine);
  } else if (inst->before) {
    inst->restarts++;
    inst->again = true;
    enter(inst, PHASE_IDLE);
    comeback_hold(inst);
  } else {
    inst->restarts++;
    inst->again = true;
    int64_t wait = policy_backoff_ms(inst->engine->config.backoff_first_ms,
                                     inst->engine->config.backoff_max_ms, inst->failures);
    enter(inst, PHASE_WAIT);
    inst->timer = timer_start(inst->engine->loop, wait, 0, on_timer, inst);
  }
}

static void not_clean(struct instance *inst) {
  if (!try_again(inst)) settle(inst);
}

/* It rests, ended or between two runs, and is told to stop or to run anew. */
static void stop_resting(struct instance *inst) {
  if (inst->restart_wanted && !inst->remove_wanted)
    start_again(inst);
  else
    forget(inst);
}

/* What a halt finds ended stays ended. */
static void stop_done(struct instance *inst) {
  if (!inst->engine->halting || inst->remove_wanted) {
    stop_resting(inst);
    return;
  }
  inst->stop_wanted = false;
  local_instance_settled(inst->engine);
}

/* --- The table ------------------------------------------------------------------- */

#define P(name) PHASE_##name
#define IN(phase, event) [PHASE_##phase][EVENT_##event]

/* clang-format off */
static const struct instance_rule rules[PHASE_COUNT][EVENT_COUNT] = {
  IN(IDLE, GO)      = {P(PREPARE), begin},
  IN(IDLE, STOP)    = {P(IDLE),    stop_resting},
  IN(IDLE, TIME)    = {P(IDLE),    forget},

  IN(PREPARE, OK)   = {P(CREATE),  create},
  IN(PREPARE, FAIL) = {P(CLEAN),   failed},
  IN(PREPARE, STOP) = {P(PREPARE), remember},

  IN(CREATE, OK)    = {P(CONNECT), attach},
  IN(CREATE, FAIL)  = {P(CLEAN),   failed},
  IN(CREATE, EXIT)  = {P(CREATE),  note_exit},
  IN(CREATE, STOP)  = {P(CREATE),  remember},

  IN(CONNECT, OK)   = {P(START),   start},
  IN(CONNECT, FAIL) = {P(CLEAN),   failed},
  IN(CONNECT, EXIT) = {P(CONNECT), note_exit},
  IN(CONNECT, STOP) = {P(CONNECT), remember},

  IN(START, OK)     = {P(RUN),     running},
  IN(START, FAIL)   = {P(CLEAN),   failed},
  IN(START, EXIT)   = {P(START),   note_exit},
  IN(START, STOP)   = {P(START),   remember},

  IN(RUN, EXIT)     = {P(CLEAN),   exited},
  IN(RUN, STOP)     = {P(STOP),    terminate},

  IN(STOP, EXIT)    = {P(CLEAN),   exited},
  IN(STOP, TIME)    = {P(STOP),    kill_all},
  IN(STOP, STOP)    = {P(STOP),    remember},

  IN(CLEAN, OK)     = {P(CLEAN),   settle},
  IN(CLEAN, FAIL)   = {P(CLEAN),   not_clean},
  IN(CLEAN, TIME)   = {P(CLEAN),   step_clean},
  IN(CLEAN, STOP)   = {P(CLEAN),   remember},

  IN(WAIT, TIME)    = {P(PREPARE), begin},
  IN(WAIT, STOP)    = {P(IDLE),    stop_resting},

  IN(DONE, STOP)    = {P(DONE),    stop_done},
};
/* clang-format on */

const struct instance_rule *instance_rule(enum phase phase, enum event event) {
  return &rules[phase][event];
}

const char *instance_phase_name(enum phase phase) {
  static const char *const names[] = {"idle", "prepare", "create", "connect", "start",
                                      "run",  "stop",    "clean",  "wait",    "done"};
  return names[phase];
}

static void enter(struct instance *inst, enum phase phase) {
  inst->phase = phase;
  instance_record(inst);
  instance_report(inst);
}

void instance_event(struct instance *inst, enum event event) {
  const struct instance_rule *rule = instance_rule(inst->phase, event);
  if (!rule->action || inst->engine->closing) return;
  inst->phase = rule->next;
  rule->action(inst); /* what it frees is freed at the end of the turn */
  instance_report(inst);
}

void instance_stop(struct instance *inst, bool remove, bool restart) {
  inst->stop_wanted = true;
  inst->remove_wanted |= remove;
  inst->restart_wanted = restart && !inst->remove_wanted;
  instance_event(inst, EVENT_STOP);
}

/* --- Life ------------------------------------------------------------------------ */

struct instance *instance_new(struct local_engine *en, struct local_workload *owner, int replica) {
  struct instance *inst = mem_zalloc(sizeof *inst);
  inst->engine = en;
  inst->owner = owner;
  inst->replica = replica;
  inst->id = str_format("%s-%d", owner->w->id, replica);
  inst->exit_code = EXIT_CODE_NONE;
  inst->pidfd = inst->monitor_fd = -1;
  inst->bundle = path_join(en->folders.bundles, inst->id);
  inst->rootfs = path_join(inst->bundle, "rootfs");
  inst->state_dir = path_join(en->folders.instances, inst->id);
  inst->writable = path_join(inst->state_dir, "writable");
  return inst;
}

void instance_free(struct instance *inst) {
  if (!inst) return;
  timer_stop(inst->timer);
  instance_unwatch(inst);
  free(inst->id);
  free(inst->address);
  free(inst->address6);
  free(inst->bundle);
  free(inst->rootfs);
  free(inst->state_dir);
  free(inst->writable);
  free(inst->problem);
  free(inst);
}
