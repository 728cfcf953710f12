/* From one document of an environment to the next, in the tables. */
#ifndef TRAMWAY_CORE_ENVIRONMENT_APPLY_H
#define TRAMWAY_CORE_ENVIRONMENT_APPLY_H

#include "core/environment_config.h"
#include "core/internal.h"
#include "model/project.h"

struct environment_apply {
  core *core;
  const char *project_id, *environment_id;
  const struct environment_rows *rows; /* what `before` was made of */
  const json_t *before, *after;
  bool is_admin; /* may delete services, and read repositories on this machine */

  struct scaled {
    struct deployment_list touched;
    int64_t replicas;
  } * scaled; /* what environment_apply_follow is to do */
  size_t scaled_len, scaled_capacity;
  struct strv affected; /* ids of the services whose variables get other values */
  struct strv storages;  /* storage services, whose keys are others */
  bool deletes, volumes; /* something of those is to be followed */
};

/* In a transaction of the caller's.  ERR_DENIED: it takes an admin; ERR_CONFLICT: a domain or a service's
 * name is taken. */
fallible environment_apply(struct environment_apply *a);

/* When that is committed: what follows settings without a deployment. */
void environment_apply_follow(struct environment_apply *a);
void environment_apply_done(struct environment_apply *a);

#endif
