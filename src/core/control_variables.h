/* Variables that are settings (reference 2.6): a user sets RAILWAY_DEPLOYMENT_OVERLAP_SECONDS like any other.  Pure.
 *
 * RAILWAY_DOCKERFILE_PATH counts where the setting says nothing; the others win over theirs.  What is no number, or
 * out of range, is passed over.  RAILWAY_RUN_UID, RAILWAY_SHM_SIZE_BYTES, PORT (core/desired), NO_CACHE (core/run) and
 * RAILPACK_*, NIXPACKS_* (build/plan) are no settings. */
#ifndef TRAMWAY_CORE_CONTROL_VARIABLES_H
#define TRAMWAY_CORE_CONTROL_VARIABLES_H

#include <jansson.h>

#include "model/service_settings.h"

void control_variables_apply(const json_t *variables, struct service_settings *s);

#endif
