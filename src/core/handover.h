/* A volume goes from one deployment to the next (reference 2.8, "Volume services"): never two have it mounted.
 *
 * Whoever has it mounted is stopped first: visitors are no longer sent to it, it answers what it holds, ends,
 * and sleeps (SLEEPING).  One that does not get to live with it is taken away, and then the deployment that
 * sleeps for it is started again (handover_undo): nothing is lost but the time.  Recorded before it is tried, and
 * gone on with after an end of tramd. */
#ifndef TRAMWAY_CORE_HANDOVER_H
#define TRAMWAY_CORE_HANDOVER_H

#include "core/volume_private.h"

typedef struct handover handover;

/* `done` when nobody has the volume mounted and it is there in its whole size; `e` is owned by it. */
typedef void handover_done_fn(void *arg, err *e);
handover *handover_start(core *c, const struct deployment *d, const char *volume_instance_id, handover_done_fn *done,
                         void *arg);
void handover_cancel(handover *h); /* NULL is accepted; `done` is not called any more */

/* A run or a retirement has ended: does a handover wait for it? */
void handover_wake(core *c);

/* Starts the deployment of this service instance again that sleeps for a successor, unless one is still on its way
 * or on its way out. */
void handover_undo(core *c, const char *service_instance_id);
fallible handover_has_sleeper(core *c, const char *service_instance_id, bool *ret_has);

/* A service's volume is detached or deleted: one of its deployments that is about to run with it is cancelled. */
void handover_revoke(core *c, const char *environment_id, const char *service_id);

void handover_quiet_all(core *c); /* tramd ends: nothing more is asked of edge and engine */
void handover_free_all(core *c);  /* after that */

#endif
