/* What differs between two documents of an environment (core/environment_config.h), as a list that
 * people read and that decides what is to be deployed.  Pure. */
#ifndef TRAMWAY_CORE_ENVIRONMENT_DIFF_H
#define TRAMWAY_CORE_ENVIRONMENT_DIFF_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/secret.h"
#include "base/str.h"
#include "model/names.h"

enum environment_change_kind { CHANGE_CREATED, CHANGE_UPDATED, CHANGE_DELETED };
MODEL_ENUM(environment_change_kind); /* CREATED UPDATED DELETED */

struct environment_change {
  enum environment_change_kind kind;
  char service_id[ID_SIZE]; /* "": of the environment itself */
  char *service_name;       /* NULL with it */
  char *path;      /* "deploy.startCommand", "variables.URL", "networking.serviceDomains.<host>",
                      "volumeMounts.<volume id>", "volumeMounts.<volume id>.backupSchedules", "volumes.<volume id>", "buckets.<bucket id>",
                      "sharedVariables.KEY"; "" is the service itself */
  char *from, *to; /* as text; NULL where it is not there, and of a variable that may not be told */
  bool is_variable;
  bool is_sealed; /* a variable that is write-only before or after: its values are never here */
};

struct environment_diff {
  struct environment_change *items; /* by service in the order of the document, then volumes, buckets and shared variables */
  size_t len, capacity;
};

/* Values of variables only with `values`. */
void environment_diff_make(const json_t *before, const json_t *after, bool values,
                           struct environment_diff *ret_diff);
void environment_diff_done(struct environment_diff *diff);
#define auto_environment_diff __attribute__((cleanup(environment_diff_done))) struct environment_diff

/* [{"kind", "serviceId", "serviceName", "path", "from", "to", "isVariable", "isSealed"}]: the caller owns it. */
json_t *environment_diff_json(const struct environment_diff *diff);

/* Adds the ids of the services that a deployment is needed for because of what is theirs: their settings or
 * variables differ, or they are new.  The number of replicas, domains and schedules of backups are followed without one. */
void environment_diff_affected(const struct environment_diff *diff, struct strv *ret_ids);

#endif
