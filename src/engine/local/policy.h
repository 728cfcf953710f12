/* What follows an exit: restart or end, and after which wait.  Pure. */
#ifndef TRAMWAY_ENGINE_LOCAL_POLICY_H
#define TRAMWAY_ENGINE_LOCAL_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"

/* A run of this long was healthy: the count of failures and the back-off begin anew.  So a crash
 * once a day is never "ten crashes", as with Kubernetes and Docker.  Railway's restartPolicyMaxRetries
 * is thus the number of restarts in a row, not of a deployment's whole life. */
enum { POLICY_HEALTHY_MS = 60000 };

/* The ends in a row, when `failures` came before this one, which ended a run of `ran_ms`. */
int policy_failures(int failures, int64_t ran_ms);

/* Whether a replica that ended with `exit_code` runs again; `failures` counts the ends in a row,
 * this one included. */
bool policy_restarts(const struct workload *w, int exit_code, int failures);

/* The wait before restart number `failures` (1…). */
int64_t policy_backoff_ms(int64_t first_ms, int64_t max_ms, int failures);

#endif
