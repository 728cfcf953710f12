/* A docker-compose file as a patch of an environment's configuration.
 *
 *   image, build → source · command, entrypoint → startCommand · environment, env_file → variables
 *   ports → a generated domain with its target port · healthcheck → healthcheckPath, where it asks by HTTP
 *   restart → restartPolicyType · deploy.replicas, limits → numReplicas, limitOverride
 *
 * What would open the host to an app (privileged, network_mode: host, bind mounts, devices, …) is refused
 * with its line.  What has no counterpart is left out and told.  No I/O: files come through `read_env`. */
#ifndef TRAMWAY_CORE_COMPOSE_H
#define TRAMWAY_CORE_COMPOSE_H

#include "core/import_plan.h"
#include "base/yml.h"

struct compose_input {
  const char *file; /* its name, for what is told */
  const char *(*get_env)(void *arg, const char *name); /* for ${VAR}: NULL when not set */
  fallible (*read_env)(void *arg, const char *path, json_t **ret_variables); /* ERR_NOT_FOUND: no such file */
  void *arg;
};

/* Texts of `root` are interpolated in place.  ERR_INVALID lists everything that is refused, a line each. */
fallible compose_read(struct yml *root, const struct compose_input *input, struct import_plan *ret_plan);

#endif
