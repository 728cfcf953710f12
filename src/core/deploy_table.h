/* The life of a deployment: statuses × events, as a table.  Pure.  Everything that is not in the
 * table cannot happen, and core/deploy.c, the only writer of a status, refuses it. */
#ifndef TRAMWAY_CORE_DEPLOY_TABLE_H
#define TRAMWAY_CORE_DEPLOY_TABLE_H

#include <stdbool.h>

#include "model/deployment.h"

enum deploy_event {
  DEPLOY_QUEUE,   /* everything is ready for the builder, which is busy */
  DEPLOY_BUILD,   /* the builder starts */
  DEPLOY_LAUNCH,  /* there is an image: pre-deploy command, instances, health check */
  DEPLOY_LIVE,    /* healthy, and the edge sends requests to it */
  DEPLOY_FAIL,    /* a step failed */
  DEPLOY_SKIP,    /* nothing to do */
  DEPLOY_CRASH,   /* was live, and its instances are down for good */
  DEPLOY_RECOVER, /* was crashed or asleep, and runs again */
  DEPLOY_SLEEP,   /* stopped, and may be started again: another has its volume meanwhile (core/handover.h) */
  DEPLOY_REMOVE,  /* is to be stopped, or given up */
  DEPLOY_GONE,    /* nothing of it is left but its logs and its image */
};
#define DEPLOY_EVENT_COUNT (DEPLOY_GONE + 1)

const char *deploy_event_name(enum deploy_event event); /* "queue" */

/* False when `event` cannot happen to a deployment in that status. */
bool deploy_next_status(enum deployment_status status, enum deploy_event event,
                        enum deployment_status *ret_next);

#endif
