/* The only door between the control plane and whatever runs containers.
 *
 * The engine is given whole desired states and reports observed ones: there is no "start this
 * process" call.  A *workload* is one deployment of one service in one environment (or a one-off
 * job such as a pre-deploy command); it has N *instances* (replicas).  Names are made from ids, so
 * that applying the same workload twice, also after tramd was killed in between, is the same as
 * once.  Images are named by digest, logs and exec are streams, and nothing here assumes that a
 * container's files, cgroup or network namespace are on this machine.
 *
 * Order: engine_new → engine_start (adopts what runs and reports it through `on_change`) →
 * engine_apply / engine_remove / … in any order → engine_free (leaves everything running).
 * Everything happens on the loop thread.
 */
#ifndef TRAMWAY_ENGINE_ENGINE_H
#define TRAMWAY_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "loop/loop.h"
#include "model/deployment.h"
#include "model/repair.h"

typedef struct engine engine;

enum workload_kind {
  WORKLOAD_SERVICE, /* kept running by its restart policy until removed */
  WORKLOAD_JOB,     /* runs once to its end, no restart, no names on the network of its own */
};

enum workload_restart { WORKLOAD_RESTART_NEVER, WORKLOAD_RESTART_ON_FAILURE, WORKLOAD_RESTART_ALWAYS };

/* Storage that outlives the instances: engine/volume.h. */
struct workload_volume {
  const char *volume_id;  /* of one that engine_volume_apply made */
  const char *mount_path; /* inside; made in the instance when it is missing.  What the image has there
                             is covered, never changed */
};

/* What is to run.  Everything is borrowed for the duration of the call; the engine keeps its own
 * copy (on disk too: it holds the environment, so it is kept root-only). */
struct workload {
  const char *id;             /* deployment id, or "<deployment id>-pre" for a job: [a-z0-9-]{1,64} */
  enum workload_kind kind;
  const char *environment_id; /* instances of one environment share a private network, others never */
  const char *service_id;     /* replicas and successors of a service in an environment share its user range */
  const char *service_label;  /* DNS label: answers `<label>.railway.internal` and `<label>` */
  const char *former_label;   /* answered likewise, unless something else has it; NULL or "": none */
  const char *const *depends_on; /* service ids, NULL for none: after a boot, what is recorded of
                                    these in the environment runs (and listens) before this does */
  const char *image_id;       /* "sha256:…" in the image store, or a reference by digest */
  const char *const *argv;    /* whole command (entrypoint and command already merged) */
  const char *const *env;     /* "NAME=value"; never passed on an argument vector.  The engine adds
                                 RAILWAY_REPLICA_ID, the instance's id */
  const char *working_dir;    /* NULL: "/" */
  const char *user;           /* as in an image: "", "name", "uid", "uid:gid", "name:group" */
  int replicas;               /* 0…50; a job has 1 */
  enum workload_restart restart;
  int restart_max_retries;    /* for ON_FAILURE, per replica (Railway: 10) */
  int64_t memory_bytes;       /* 0: no limit */
  int64_t cpu_millis;         /* 1000 = one core; 0: no limit */
  int64_t pids;               /* 0: the engine's default (4096) */
  int64_t shm_bytes;          /* /dev/shm; 0: 64 MiB */
  int64_t stop_grace_ms;      /* SIGTERM → SIGKILL when removed */
  int stop_signal;            /* 0: SIGTERM; an image may ask for another */
  bool isolated;              /* it reaches nothing but itself, and nothing reaches it: it has no address, no
                                 names, and is asked by engine_exec_start only */
  const struct workload_volume *volumes; /* a job has none */
  size_t volumes_len;
};

/* What was observed of an instance; borrowed for the duration of the callback.  The statuses used
 * are, of model/deployment.h:
 *   CREATED being made · RUNNING · RESTARTING exited, waits for its back-off to pass ·
 *   EXITED exited 0 and stays so (a job, or the policy says no restart) · CRASHED exited otherwise
 *   and stays so (retries are used up or the policy is NEVER), or could not be started ·
 *   REMOVING · REMOVED */
struct instance_report {
  const char *workload_id;
  const char *instance_id; /* "<workload id>-<replica>": stable across restarts of the replica */
  int replica;             /* 0… */
  enum instance_status status;
  const char *address;     /* IPv4 on the environment's network, "" until known */
  const char *address6;    /* IPv6 likewise */
  int exit_code;           /* of the last run; 128 + signal; -1: none yet */
  bool oom_killed;
  int restarts;
  const char *problem;     /* why it could not be started, in words; "" */
};

/* Called whenever what is known of an instance changed, also for adopted ones during engine_start. */
typedef void engine_change_fn(void *arg, const struct instance_report *report);

/* Who is told of repairs: what was damaged from outside while it ran (a bridge, a link, a rule) and was
 * put right, or not yet.  May be left out. */
void engine_on_repair(engine *en, repair_fn *fn, void *arg);

/* One listening socket inside an instance (from /proc/net/tcp and tcp6 of its network namespace). */
struct instance_socket {
  int port;
  bool loopback_only; /* bound to 127.0.0.0/8 or ::1: the edge cannot reach it */
  bool ipv6;
  char process[32];   /* "" when unknown */
};

typedef void engine_done_fn(void *arg, err *e); /* owns e */
typedef void engine_sockets_fn(void *arg, err *e, const struct instance_socket *sockets, size_t len);

/* A command run inside a running instance (`tram ssh`, `tram run`): a stream both ways. */
typedef struct engine_exec engine_exec;
struct exec_options {
  const char *instance_id;
  const char *const *argv;
  const char *const *env; /* further variables; NULL: the instance's own only */
  bool terminal;
  int columns, rows; /* with a terminal */
  void (*on_output)(void *arg, int fd, const char *data, size_t len);
  void (*on_exit)(void *arg, err *e, int exit_code); /* once, last; owns e; e set: never started */
  void *arg;
};

struct engine_ops; /* an implementation's table; src/engine/local/local.h makes one */

/* Adopts what a former process started.  `done` when everything has been reported. */
void engine_start(engine *en, engine_done_fn *done, void *arg);

/* Makes `w` run as described: starts what is missing, stops replicas above `replicas`.  A workload
 * id's image, command and environment never change: a new configuration is a new deployment.
 * Success means that the desire is recorded; what comes of it arrives through on_change. */
fallible engine_apply(engine *en, const struct workload *w);

/* Stops all instances (signal, grace, SIGKILL), then removes every trace but the logs.  `done` may
 * be NULL.  Unknown ids succeed: removing twice is harmless. */
void engine_remove(engine *en, const char *workload_id, engine_done_fn *done, void *arg);

/* Gives what runs another label at once, without a restart.  It answers to the one before, too, until it is
 * removed, renamed again, or something else in its environment has that label.  Unknown ids succeed. */
fallible engine_rename(engine *en, const char *workload_id, const char *service_label);

/* Restarts one replica of a workload, or all at once, in place (same image, same settings). */
fallible engine_restart(engine *en, const char *workload_id, int replica);
#define ENGINE_ALL_REPLICAS (-1)

/* Removes the environment's network; its workloads must have been removed. */
void engine_remove_environment(engine *en, const char *environment_id, engine_done_fn *done, void *arg);

/* Which ports an instance listens on. */
void engine_sockets(engine *en, const char *instance_id, engine_sockets_fn *done, void *arg);

/* Calls fn for each instance that is known, of one workload or (NULL) of all. */
void engine_each(engine *en, const char *workload_id, engine_change_fn *fn, void *arg);

fallible engine_exec_start(engine *en, const struct exec_options *options, engine_exec **ret_exec);
void engine_exec_write(engine_exec *x, const void *data, size_t len);
size_t engine_exec_pending(const engine_exec *x); /* bytes not yet taken by the command */
void engine_exec_close_input(engine_exec *x);
void engine_exec_pause(engine_exec *x, bool paused);
void engine_exec_resize(engine_exec *x, int columns, int rows);
void engine_exec_kill(engine_exec *x); /* on_exit is still called */

/* A connection to a port of a running instance (`tram connect`): bytes both ways, wherever it runs. */
typedef struct engine_stream engine_stream;
struct dial_options {
  const char *instance_id; /* borrowed for the call */
  uint16_t port;
  void (*on_data)(void *arg, const char *data, size_t len);
  void (*on_end)(void *arg, err *e); /* last, never from within engine_dial; the stream is gone; owns e; NULL:
                                        in order */
  void *arg;
};

/* ERR_NOT_FOUND, ERR_CONFLICT: it does not run, or is isolated.  That nobody listens is told by on_end; what is written meanwhile
 * waits. */
fallible engine_dial(engine *en, const struct dial_options *options, engine_stream **ret_stream);
void engine_stream_write(engine_stream *s, const void *data, size_t len);
size_t engine_stream_pending(const engine_stream *s); /* bytes not yet taken by the other side */
void engine_stream_shut(engine_stream *s);            /* nothing more will be written */
void engine_stream_pause(engine_stream *s, bool paused); /* of reading */
void engine_stream_close(engine_stream *s);           /* nothing is called any more; not after on_end */

/* Stops every instance and removes every network, mount and rule that the engine made; workloads
 * stay recorded and are started again by the next engine_start.  Works on an engine that was never
 * started too: `make stop` ends tramd first and then halts from a process of its own. */
void engine_halt(engine *en, engine_done_fn *done, void *arg);

/* Leaves everything running; callbacks end. */
void engine_free(engine *en);

#endif
