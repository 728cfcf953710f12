/* What the files of the local engine share. */
#ifndef TRAMWAY_ENGINE_LOCAL_LOCAL_PRIVATE_H
#define TRAMWAY_ENGINE_LOCAL_LOCAL_PRIVATE_H

#include "base/json.h"
#include "base/list.h"
#include "base/map.h"
#include "engine/engine_ops.h"
#include "engine/local/cgroup.h"
#include "engine/local/folder_files.h"
#include "engine/local/local.h"
#include "engine/local/network.h"
#include "engine/local/user_range.h"
#include "engine/local/volume_store.h"
#include "loop/timer.h"

struct local_folders {
  char *workloads, *instances;            /* below data_dir */
  char *bundles, *exits, *sockets, *crun; /* below run_dir */
  char *layers;                           /* "<run_dir>/l": short, see rootfs.h */
  char *volume;                           /* where programs on volumes see one */
};

struct local_programs {
  char *crun, *conmon, *netavark, *aardvark;
  char *runtime; /* crun as it is called: see runtime.h */
};

struct comeback { /* see comeback.c */
  timer *tick;          /* while something is held back */
  int64_t deadline_ms;  /* then nothing is held back any more */
  bool due;             /* a look is due this turn */
};

struct watch { /* see watch.c */
  timer *tick;
  bool adopted;           /* what ran is known: there is something to compare with */
  bool measuring, mending; /* on the pool */
  bool reading_firewall;
  uint32_t good_firewall; /* generation that was found in order */
  size_t next_closely;    /* instance that is looked at closely next */
  map *failing;           /* what could not be mended → struct mend_failure */
  char *restarting;       /* id of the instance that is restarted to mend it; NULL: none */
};

struct local_engine {
  engine base;
  loop *loop;
  struct local_config config; /* owns its texts */
  struct local_folders folders;
  struct local_programs programs;
  engine_change_fn *on_change;
  void *on_change_arg;
  struct cgroups cgroups;
  networks *networks;
  user_ranges *ranges;
  json_t *seccomp;
  struct strv monitor_argv; /* tramway-exec --cgroup … -- */
  struct strv runtime_argv; /* [tramway-exec --hide-cgroup2 --] crun --root … */
  uint64_t open_files;      /* RLIMIT_NOFILE for instances: within the host's hard limit */
  map *workloads;           /* id → struct local_workload */
  map *instances;           /* id → struct instance */
  uv_fs_event_t exit_watch; /* on folders.exits */
  bool exit_watch_open;
  struct watch watch;
  struct strv renamed; /* environments whose names are to be published at the end of this turn */
  struct comeback comeback;
  timer *record_retry;
  struct {
    timer *timer;
    int cleaning; /* that many just now */
  } leftovers;         /* see leftovers.c */
  struct volume_store volumes;
  struct folder_files files; /* of volumes */
  struct list volume_jobs;  /* see volumes.c */
  struct list volume_runs;  /* programs on volumes that live */
  unsigned mounts;     /* numbers the folders.layers in use */
  int pending;         /* steps in progress; engine_free waits for them */
  struct list execs;   /* streams that live */
  struct list streams; /* connections that live */
  unsigned exec_count;
  bool closing; /* engine_free was called: finish steps, begin none */
  bool started;
  bool halting, halt_finishing;
  engine_done_fn *halted;
  void *halted_arg;
};

struct waiter { /* who wants to know that a workload is gone */
  struct list link;
  engine_done_fn *done;
  void *arg;
};

struct local_workload {
  struct local_engine *engine;
  struct workload *w;
  bool removing;
  timer *pause;  /* while it is paused: then it goes on */
  bool checking; /* a look whether the last instance is gone is due this turn */
  struct list waiters;
};

struct instance;

/* local.c */
void local_names_changed(struct local_engine *en, const char *environment_id);
void local_instance_gone(struct local_engine *en, struct local_workload *owner,
                         struct instance *inst);
void local_instance_settled(
    struct local_engine *en); /* one more has stopped: is the halt complete? */
fallible local_add_instance(struct local_engine *en, struct local_workload *owner, int replica,
                            struct instance **ret_instance);

struct local_workload *local_add_workload(struct local_engine *en,
                                          struct workload *w); /* takes w */
fallible
local_add_missing(struct local_workload *owner); /* starts the replicas that are not there */
void local_check_gone_later(struct local_workload *owner);
extern const struct engine_ops local_engine_ops;

/* local_new.c */
fallible local_make_folders(struct local_engine *en); /* those that are not there */
fallible local_watch_exits(struct local_engine *en);  /* anew, when they were */
void local_free_parts(struct local_engine *en);

/* watch.c: damage from outside, found and mended */
void watch_begin(struct local_engine *en);
void watch_adopted(struct local_engine *en); /* looks for the first time, at once */
void watch_end(struct local_engine *en);     /* nothing may be in progress */

/* adopt.c */
void local_start(engine *en, engine_done_fn *done, void *arg);

/* comeback.c: what did not run when the engine started */
void comeback_hold(struct instance *inst); /* rests; EVENT_GO comes when it is its turn */
void comeback_wake(struct local_engine *en); /* something changed that another may wait for */

/* leftovers.c */
void leftovers_begin(struct local_engine *en);

/* halt.c */
void local_halt(engine *en, engine_done_fn *done, void *arg);
void local_halt_continue(struct local_engine *en);

/* dial.c */
fallible local_dial(engine *en, const struct dial_options *options, engine_stream **ret_stream);
void local_stream_write(engine_stream *s, const void *data, size_t len);
size_t local_stream_pending(const engine_stream *s);
void local_stream_shut(engine_stream *s);
void local_stream_pause(engine_stream *s, bool paused);
void local_stream_close(engine_stream *s);
void local_stream_close_all(struct local_engine *en);

/* exec.c */
fallible local_exec_start(engine *en, const struct exec_options *options, engine_exec **ret_exec);
void local_exec_write(engine_exec *x, const void *data, size_t len);
size_t local_exec_pending(const engine_exec *x);
void local_exec_close_input(engine_exec *x);
void local_exec_pause(engine_exec *x, bool paused);
void local_exec_resize(engine_exec *x, int columns, int rows);
void local_exec_kill(engine_exec *x);
void local_exec_kill_all(struct local_engine *en);

/* volumes.c */
void local_volume_apply(engine *en, const struct engine_volume *v, engine_done_fn *done, void *arg);
void local_volume_remove(engine *en, const char *id, engine_done_fn *done, void *arg);
void local_volume_usage(engine *en, const char *id, engine_volume_usage_fn *done, void *arg);
void local_volume_snapshot(engine *en, const char *id, const char *snapshot, bool wanted,
                           engine_done_fn *done, void *arg);
void volumes_begin(struct local_engine *en);
void volumes_tidy(struct local_engine *en);
void volume_jobs_drop(struct local_engine *en); /* nothing may be in progress */

/* volume_run.c */
fallible local_volume_run(engine *en, const struct volume_run *run, volume_run_handle **ret_run);
void local_volume_run_cancel(volume_run_handle *run);
bool volume_is_run_on(const struct local_engine *en, const char *id);
void volume_runs_end(struct local_engine *en); /* kills them; they are heard once more */

/* pause.c */
void local_pause(engine *en, const char *workload_id, bool paused, engine_done_fn *done, void *arg);

/* sockets.c */
void local_sockets(engine *en, const char *instance_id, engine_sockets_fn *done, void *arg);

#endif
