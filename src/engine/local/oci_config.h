/* The text of an OCI bundle's config.json (runtime-spec 1.0) from a typed description.  Pure. */
#ifndef TRAMWAY_ENGINE_LOCAL_OCI_CONFIG_H
#define TRAMWAY_ENGINE_LOCAL_OCI_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "engine/local/user.h"

struct oci_config {
  const char *rootfs; /* absolute */
  const char *hostname;
  const char *const *argv, *const *env;
  const char *working_dir;
  const struct user *user;
  uint32_t first_host_id; /* of the 65536 that ids 0…65535 are mapped to */
  const char *cgroup;     /* "/tramway/<instance>" */
  int64_t memory_bytes;   /* 0: no limit */
  bool limit_swap;        /* whether the host can: memory+swap = memory then */
  int64_t cpu_millis;     /* 0: no limit */
  int64_t pids;
  int64_t shm_bytes;
  uint64_t open_files;                                  /* RLIMIT_NOFILE, soft and hard */
  const char *hosts_file, *resolv_file, *hostname_file; /* bound onto /etc/… */
  json_t *seccomp;                                      /* borrowed; NULL: none */
};

/* The capabilities that root inside has; NULL-terminated, "CAP_…". */
extern const char *const oci_capabilities[];

json_t *oci_config_json(const struct oci_config *config); /* the caller owns it */

/* A further process for a running container: its own `process` part with other arguments, more
 * variables and perhaps a terminal; the caller owns it.  NULL when `config` has no process. */
json_t *oci_exec_json(const json_t *config, const char *const *argv, const char *const *env,
                      bool terminal);

#endif
