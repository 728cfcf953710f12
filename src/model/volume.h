/* Volumes: storage that outlives deployments (reference 2.10).  A volume belongs to a project; its instance
 * in an environment is what has data, and is attached to at most one service there.  The engine's name for
 * the data is the volume instance's id. */
#ifndef TRAMWAY_MODEL_VOLUME_H
#define TRAMWAY_MODEL_VOLUME_H

#include "model/shape.h"

/* Railway's VolumeState. */
enum volume_state {
  VOLUME_READY,
  VOLUME_UPDATING, /* it is to be made, or to grow */
  VOLUME_MIGRATING,
  VOLUME_MIGRATION_PENDING,
  VOLUME_RESTORING, /* a backup is being read into it */
  VOLUME_DELETING,  /* its data are being destroyed: no way back */
  VOLUME_DELETED,   /* in the trash: deleted_us says since when */
  VOLUME_ERROR,     /* `problem` says why; tried again */
};
MODEL_ENUM(volume_state);

struct volume {
  char id[ID_SIZE];
  char workspace_id[ID_SIZE]; /* its project may be gone while it is in the trash */
  char project_id[ID_SIZE];
  char *name; /* unique among those of the project that are not in the trash */
  int64_t created_us, updated_us;
};
MODEL_STRUCT(volume);
#define auto_volume MODEL_AUTO(volume)
#define auto_volume_list MODEL_AUTO(volume_list)

struct volume_instance {
  char id[ID_SIZE];
  char volume_id[ID_SIZE];
  char workspace_id[ID_SIZE];
  char project_id[ID_SIZE];
  char environment_id[ID_SIZE];
  char service_id[ID_SIZE]; /* "": attached to none */
  char *mount_path;         /* in the service's containers; absolute, without a '/' at its end */
  int64_t size_bytes;       /* what it may hold; never less than it was, but for a growth that failed */
  enum volume_state state;
  char *problem; /* of state ERROR, in words; else NULL */
  char *origin;  /* of one in the trash: what it was, "project / environment / service"; else NULL */
  char trashed_service_id[ID_SIZE]; /* of one in the trash: what it was attached to, or "" */
  int64_t used_bytes, measured_us;  /* as last looked at; measured_us 0: not yet */
  int alerted_percent;              /* the highest threshold that its owner was told of since it was below */
  int64_t created_us, updated_us;
  int64_t deleted_us; /* not 0: in the trash since then */
};
MODEL_STRUCT(volume_instance);
#define auto_volume_instance MODEL_AUTO(volume_instance)
#define auto_volume_instance_list MODEL_AUTO(volume_instance_list)

#define VOLUME_NAME_MAX 64          /* characters */
#define VOLUME_MOUNT_PATH_MAX 512   /* bytes */
#define VOLUME_SIZE_BYTES_MIN (256 * VOLUME_MB) /* below that a file system has no room for its own records */
#define VOLUME_SIZE_BYTES_MAX (1LL << 44)
#define VOLUME_MB 1000000LL /* Railway's sizeMB: 5 GB are 5000 */

fallible volume_name_check(const char *name);

/* Checks a mount path and puts it in order ("/data/" → "/data"); the caller owns it.  ERR_INVALID, saying
 * why, unless it is absolute, without ".." and control characters, and of a place that a container can do
 * without: not "/", /etc, /usr, nor in /proc, /usr/bin … */
fallible volume_mount_path(const char *path, char **ret_path);

/* ERR_INVALID outside of the limits; ERR_CONFLICT below `present_bytes` (0: it is new): none shrinks. */
fallible volume_size_check(int64_t size_bytes, int64_t present_bytes);

bool volume_is_trashed(const struct volume_instance *v);
bool volume_has_data(const struct volume_instance *v); /* READY, or it could not grow and is as it was */

#endif
