/* The engine of one machine: conmon + crun, overlay on idmapped image layers, netavark and
 * aardvark-dns, nftables.  Runs as root.
 *
 * What it keeps:
 *   <data_dir>/engine/workloads/<id>.json            desired workloads (root-only, their
 * variables encrypted) <data_dir>/engine/instances/<id>/state.json      what is known of each instance, and
 * its writable layer <data_dir>/engine/networks.json, ranges.json     numbers given to environments
 * and services <run_dir>/…                                      a mount point of its own; gone
 * after a reboot or halt
 *
 * Containers, their logs, names and networks live on when this process ends; the next
 * local_engine_new + engine_start with the same folders adopts them. */
#ifndef TRAMWAY_ENGINE_LOCAL_LOCAL_H
#define TRAMWAY_ENGINE_LOCAL_LOCAL_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/vault.h"
#include "engine/engine.h"
#include "loop/loop.h"

/* Where an instance's log goes; makes the folder.  The caller owns the path. */
typedef err *local_log_path_fn(void *arg, const char *workload_id, const char *instance_id,
                               char **ret_path);

/* The image's layer folders, top first (image_layers of build/image_store.h). */
typedef err *local_layers_fn(const char *data_dir, const char *image_id,
                             struct strv *ret_layer_dirs);

/* Texts are copied.  NULL or 0 takes the default in brackets. */
struct local_config {
  const char *data_dir;     /* absolute */
  const char *run_dir;      /* absolute; at most 60 bytes: socket paths below it must fit 108 */
  const char *exec_program; /* tramway-exec */
  const char *cgroup_parent; /* ["": the top] where groups are made on a version 2 host */
  const char *name;         /* [tramway] prefix of cgroup, nft table and bridges: [a-z]{1,8} */
  const char *ipv4_pool;    /* [10.213.0.0/16] split into one /24 per environment */
  const char *ipv6_pool;    /* [fd7a:7472:616d::/48] split into one /64 per environment */
  const int *edge_ports; /* host ports that instances may reach: the edge's; 0-terminated [none] */
  int64_t pids;          /* [4096] */
  int64_t backoff_first_ms; /* [100] wait before the first restart; doubles … */
  int64_t backoff_max_ms;   /* [10000] … up to this */
  int64_t comeback_max_ms;  /* [60000] after a boot nothing waits longer for what it depends on */
  int64_t watch_ms;         /* [2000] between looks for damage from outside */
  int64_t disk_reserve_bytes; /* [usage_reserve] of the disk that volumes leave free */
  const char *seccomp_file; /* [/usr/share/containers/seccomp.json] */
  local_log_path_fn *log_path;
  void *log_arg;
  local_layers_fn *layers; /* [image_layers] */
  const vault *vault;      /* [none: variables lie in clear] borrowed */
};

/* Encrypts what is recorded of workloads with the vault's newest key; no engine may run meanwhile. */
fallible local_engine_reseal(const char *data_dir, const vault *v);

/* Looks for the programs, prepares run_dir and reads what is recorded.  ERR_NOT_FOUND names a
 * missing program and its Debian package. */
fallible local_engine_new(loop *l, const struct local_config *config, engine_change_fn *on_change,
                          void *arg, engine **ret_engine);

#endif
