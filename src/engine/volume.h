/* Volumes: storage of a fixed size that outlives the instances that use it.
 *
 * A volume is named by the id of its volume instance.  It is made with engine_volume_apply, mounted into
 * the instances of a workload that names it (struct workload_volume in engine.h), and destroyed with
 * engine_volume_remove.  Files have the ids that they have inside (0 is the container's root), whichever
 * service mounts them: a volume can move to another service.  The top folder of an empty volume belongs to
 * the user of the image that mounts it.  Inside it is mounted nodev and nosuid.
 *
 * A full volume gives whoever writes to it ENOSPC and concerns nobody else: its space is set aside when it
 * is made (docs/adr/0013-volumes.md), so that a full disk does not concern the volume either.
 *
 * Nothing here assumes that the files are on this machine.  Everything happens on the loop thread.  Every
 * `done` comes once and owns its error; ERR_INVALID may come before the call returns. */
#ifndef TRAMWAY_ENGINE_VOLUME_H
#define TRAMWAY_ENGINE_VOLUME_H

#include "engine/engine.h"

enum { WORKLOAD_VOLUMES_MAX = 8, VOLUME_PATH_MAX = 1024 };

struct engine_volume {
  const char *id;     /* [a-z0-9-]{1,64} */
  int64_t size_bytes; /* VOLUME_SIZE_BYTES_MIN … _MAX (model/volume.h): what can be stored, but for 2 to 4 % that the file system keeps for its records */
};

struct volume_usage {
  int64_t used_bytes, size_bytes; /* as `df` inside shows them */
  int64_t files_used, files;
};

/* Whether a volume may be mounted there: absolute, without "." and "..", not "/", nor at or below /proc,
 * /sys or /dev.  ERR_INVALID says what is wrong.  Pure. */
fallible volume_mount_path_check(const char *path);

/* Makes the volume, or lets it grow, also while it is in use.  It never shrinks: a smaller size is
 * ERR_INVALID; the same one changes nothing.  ERR_LIMIT when the disk has no room for it beside what is
 * kept free for the platform. */
void engine_volume_apply(engine *en, const struct engine_volume *v, engine_done_fn *done, void *arg);

/* Destroys the volume with all that is in it.  ERR_BUSY while a workload has it or a program runs on it.
 * Unknown ids succeed. */
void engine_volume_remove(engine *en, const char *id, engine_done_fn *done, void *arg);

/* ERR_NOT_FOUND when there is no such volume. */
typedef void engine_volume_usage_fn(void *arg, err *e, const struct volume_usage *usage); /* owns e */
void engine_volume_usage(engine *en, const char *id, engine_volume_usage_fn *done, void *arg);

/* Freezes all processes of a workload's instances where they are, or lets them go on: nobody writes to its
 * volumes meanwhile.  As short as possible: its clients wait.  After ENGINE_PAUSE_MAX_MS, when the workload
 * is stopped, and when the engine starts again, it goes on by itself.  ERR_NOT_FOUND when nothing of it
 * runs. */
enum { ENGINE_PAUSE_MAX_MS = 120000 };
void engine_pause(engine *en, const char *workload_id, bool paused, engine_done_fn *done, void *arg);

/* A snapshot is the volume's files as they are at a moment, beside them in the same volume (it shares their
 * blocks: it takes space as the files change).  Consistent when nobody writes meanwhile: engine_pause.
 * Making one takes some 20 µs per file, whatever their sizes.  One that is there already is made anew;
 * removing one that is not there succeeds. */
void engine_volume_snapshot(engine *en, const char *id, const char *snapshot, engine_done_fn *done, void *arg);
void engine_volume_snapshot_remove(engine *en, const char *id, const char *snapshot, engine_done_fn *done,
                                   void *arg);

/* A program of the platform's own machine with a volume's files as its working directory, as root: it sees and sets
 * owners as they are inside.  It ends when the engine is freed or killed.  Its files are seen below the
 * same path in every run, of whichever volume. */
typedef struct volume_run_handle volume_run_handle;
struct volume_run {
  const char *volume_id;
  const char *snapshot;     /* NULL: the files themselves */
  const char *const *argv;  /* argv[0] is looked up in PATH unless it has a slash */
  const char *const *env;   /* the whole environment; NULL: PATH, HOME, LANG and nothing else */
  const void *input;        /* standard input; copied.  NULL: none */
  size_t input_len;
  bool read_only;           /* always so for a snapshot */
  int64_t deadline_ms;      /* SIGKILL after that long; 0: no limit */
  void (*on_output)(void *arg, int fd, const char *data, size_t len); /* fd: 1 or 2 */
  void (*on_exit)(void *arg, err *e, int exit_code); /* once, last; owns e.  e set: it did not start, or was
                                                        killed; otherwise its exit code, 0 … 255 */
  void *arg;
};
fallible engine_volume_run(engine *en, const struct volume_run *run, volume_run_handle **ret_run);
void engine_volume_run_cancel(volume_run_handle *run); /* on_exit is still called */

#endif
