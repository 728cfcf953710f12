/* One replica of a workload: the states it goes through and what is recorded of it.
 *
 *   IDLE → PREPARE → CREATE → CONNECT → START → RUN → CLEAN → WAIT → PREPARE …
 *           mounts   conmon    link      crun           crun    back-off
 *           config   + crun    + names   start          delete
 *
 * The table in instance.c says what each event does in each phase; the steps are in
 * instance_steps.c.  A step that changes the world is recorded (state.json) before it is tried, and
 * cleaning undoes any part of it, so a tramd that was killed in between finds its way. */
#ifndef TRAMWAY_ENGINE_LOCAL_INSTANCE_H
#define TRAMWAY_ENGINE_LOCAL_INSTANCE_H

#include "engine/local/link.h"
#include "engine/local/local_private.h"

enum phase {
  PHASE_IDLE,    /* nothing in the world */
  PHASE_PREPARE, /* network, mounts, config.json */
  PHASE_CREATE,  /* conmon and crun create */
  PHASE_CONNECT, /* link to the bridge, name */
  PHASE_START,   /* crun start */
  PHASE_RUN,
  PHASE_STOP,  /* signalled; waits for the exit */
  PHASE_CLEAN, /* crun delete, unmounting */
  PHASE_WAIT,  /* back-off */
  PHASE_DONE,  /* exited or crashed and stays so */
  PHASE_COUNT
};

enum event {
  EVENT_GO,   /* it is to run */
  EVENT_OK,   /* the step in progress succeeded */
  EVENT_FAIL, /* … failed; `problem` says why */
  EVENT_EXIT, /* the first process ended; `exit_code` says how */
  EVENT_STOP, /* it is to stop: remove_wanted, restart_wanted or the engine's halting says why */
  EVENT_TIME, /* the phase's timer */
  EVENT_COUNT
};

typedef void instance_action(struct instance *inst);
struct instance_rule {
  enum phase next;
  instance_action *action; /* NULL: the event means nothing in this phase */
};

struct instance {
  struct local_engine *engine;
  struct local_workload *owner;
  char *id;
  int replica;
  enum phase phase;

  network *network; /* NULL: none yet, or it is isolated */
  int host; /* its number in the network; 0: none yet.  Kept over restarts */
  char *address, *address6;
  bool named; /* answers to its names */
  uint32_t first_host_id;
  char link[16];
  char *bundle, *rootfs, *state_dir, *writable;

  pid_t pid;
  uint64_t pid_started; /* in clock ticks since boot: tells a pid that was given again */
  int pidfd;
  int monitor_fd;    /* of conmon, once somebody looked; -1: not yet */
  uv_poll_t *exit_poll;
  timer *timer;      /* of WAIT and STOP, and of CLEAN when it is tried again */
  timer *exit_timer; /* the process is gone, conmon's file not there yet */
  int64_t running_since_ms; /* also before this tramd began; 0: it does not run */

  unsigned run;   /* how often it was started; names the link */
  unsigned mount; /* number of the layers' helper folders */
  int restarts;   /* altogether */
  int failures;   /* in a row */
  int64_t dirty_since_ms; /* it could not be taken away then; 0: nobody tried in vain */
  int exit_code;  /* -1: none */
  bool oom_killed;
  char *problem;
  bool problem_is_final;

  bool stop_wanted, remove_wanted, restart_wanted;
  bool again;      /* is on its way to run once more */
  bool gone;       /* removed; freed at the end of the turn */
  bool exit_noted; /* ended before its start was confirmed */
  bool ended;      /* the policy says no restart */
  bool unmounted;  /* somebody took its mount from the host, and that was told */
  bool before;     /* not started by this process: runs again in its turn (comeback.c) */
  bool unrecorded; /* its newest state could not be written; tried again */
  bool held;       /* waits for that turn */
  bool listens;    /* was seen listening in this run */
  bool listened;   /* … in any run */
  bool asked;      /* somebody looks whether it listens */

  enum instance_status reported_status;
  bool reported;
};

/* instance.c */
struct instance *instance_new(struct local_engine *en, struct local_workload *owner, int replica);
void instance_free(struct instance *inst); /* stops watching; the container lives on */
void instance_event(struct instance *inst, enum event event);
const struct instance_rule *instance_rule(enum phase phase, enum event event);
const char *instance_phase_name(enum phase phase);
void instance_stop(struct instance *inst, bool remove, bool restart);

/* instance_record.c */
void instance_report(struct instance *inst);
enum instance_status instance_status_of(const struct instance *inst);
void instance_fill_report(const struct instance *inst, struct instance_report *report);
void instance_record(struct instance *inst);
fallible instance_read_record(struct instance *inst, enum phase *ret_phase, bool *ret_same_boot);

/* instance_steps.c */
void step_prepare(struct instance *inst);
void step_create(struct instance *inst);
void step_connect(struct instance *inst);
void step_start(struct instance *inst);
void step_clean(struct instance *inst);
void instance_name_link(struct instance *inst);                 /* sets `link`; of this run */
struct link instance_link(const struct instance *inst);         /* what step_connect makes */

/* instance_watch.c: the first process */
fallible instance_watch(struct instance *inst); /* inst->pid */
void instance_unwatch(struct instance *inst);
bool instance_has_monitor(struct instance *inst); /* conmon lives, which keeps its log and exit code */
void instance_signal(struct instance *inst, int signal);
bool instance_is_alive(const struct instance *inst); /* pid runs and is the one recorded */
uint64_t instance_start_time(pid_t pid);             /* in ticks since boot; 0: no such process */
int64_t instance_age_ms(uint64_t started);           /* since that time; 0 for 0 */
bool instance_read_exit(struct instance *inst);      /* conmon's file, if there: sets exit_code */
void instance_check_exit(struct instance *inst);     /* the same, and EVENT_EXIT */

/* sockets.c */
void instance_ask_listening(struct instance *inst); /* sets `listens` in a while */

/* clean.c: removes what is left of a container, whoever made it; `done` always comes.  `mount` is
 * the number of its layers' helper folders, 0 when there are none. */
typedef void clean_done_fn(void *arg, err *e);
void container_clean(struct local_engine *en, const char *id, unsigned mount, clean_done_fn *done,
                     void *arg);

#endif
