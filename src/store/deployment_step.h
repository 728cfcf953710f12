/* Table: deployment_steps. */
#ifndef TRAMWAY_STORE_DEPLOYMENT_STEP_H
#define TRAMWAY_STORE_DEPLOYMENT_STEP_H

#include "model/deployment.h"
#include "store/db.h"

/* A step runs from `_start` to `_finish`.  Starting fills the id, and the attempt when it is 0 (one
 * more than the last). */
fallible deployment_step_start(db *d, struct deployment_step *s);
fallible deployment_step_finish(db *d, const char *id, int64_t completed_us, const char *error,
                                const json_t *payload);
fallible deployment_step_list(db *d, const char *deployment_id,
                              struct deployment_step_list *ret_list); /* in order of start */
/* Ends what tramd's own end interrupted: every step that is still going gets this error. */
fallible deployment_step_finish_open(db *d, const char *deployment_id, int64_t completed_us,
                                     const char *error);

#endif
