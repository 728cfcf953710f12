#include "core/deploy_table.h"

static const char *const event_names[DEPLOY_EVENT_COUNT] = {
    "queue", "build", "launch", "live", "fail", "skip", "crash", "recover", "sleep", "remove", "gone"};

/* A status is stored + 1, so that 0 is "cannot happen". */
#define TO(status) (DEPLOYMENT_##status + 1)

/* clang-format off */
static const unsigned char next[DEPLOYMENT_STATUS_COUNT][DEPLOY_EVENT_COUNT] = {
  [DEPLOYMENT_INITIALIZING] = {
    [DEPLOY_QUEUE]  = TO(QUEUED),    [DEPLOY_BUILD]  = TO(BUILDING), [DEPLOY_LAUNCH] = TO(DEPLOYING),
    [DEPLOY_FAIL]   = TO(FAILED),    [DEPLOY_SKIP]   = TO(SKIPPED),  [DEPLOY_REMOVE] = TO(REMOVING),
  },
  [DEPLOYMENT_WAITING] = {
    [DEPLOY_QUEUE]  = TO(QUEUED),    [DEPLOY_FAIL]   = TO(FAILED),   [DEPLOY_SKIP]   = TO(SKIPPED),
    [DEPLOY_REMOVE] = TO(REMOVING),
  },
  [DEPLOYMENT_NEEDS_APPROVAL] = {
    [DEPLOY_QUEUE]  = TO(QUEUED),    [DEPLOY_SKIP]   = TO(SKIPPED),  [DEPLOY_REMOVE] = TO(REMOVING),
  },
  [DEPLOYMENT_QUEUED] = {
    [DEPLOY_BUILD]  = TO(BUILDING),  [DEPLOY_LAUNCH] = TO(DEPLOYING), [DEPLOY_FAIL]  = TO(FAILED),
    [DEPLOY_SKIP]   = TO(SKIPPED), /* its checks passed, and then nothing that it watches had changed */
    [DEPLOY_REMOVE] = TO(REMOVING),
  },
  [DEPLOYMENT_BUILDING] = {
    [DEPLOY_QUEUE]  = TO(QUEUED), /* tramd was stopped in the middle: the build is done again */
    [DEPLOY_LAUNCH] = TO(DEPLOYING), [DEPLOY_FAIL]   = TO(FAILED),   [DEPLOY_REMOVE] = TO(REMOVING),
  },
  [DEPLOYMENT_DEPLOYING] = {
    [DEPLOY_LIVE]   = TO(SUCCESS),   [DEPLOY_FAIL]   = TO(FAILED),   [DEPLOY_REMOVE] = TO(REMOVING),
  },
  [DEPLOYMENT_SUCCESS] = {
    [DEPLOY_CRASH]  = TO(CRASHED),   [DEPLOY_SLEEP]  = TO(SLEEPING), [DEPLOY_REMOVE] = TO(REMOVING),
  },
  [DEPLOYMENT_CRASHED] = {
    [DEPLOY_RECOVER] = TO(SUCCESS),  [DEPLOY_SLEEP]  = TO(SLEEPING), [DEPLOY_REMOVE] = TO(REMOVING),
  },
  [DEPLOYMENT_SLEEPING] = {
    [DEPLOY_RECOVER] = TO(SUCCESS),  [DEPLOY_CRASH]  = TO(CRASHED),  [DEPLOY_REMOVE] = TO(REMOVING),
  },
  [DEPLOYMENT_REMOVING] = {
    [DEPLOY_GONE]   = TO(REMOVED),
  },
  /* FAILED, SKIPPED, REMOVED: final. */
};
/* clang-format on */

const char *deploy_event_name(enum deploy_event event) {
  return event_names[event];
}

bool deploy_next_status(enum deployment_status status, enum deploy_event event,
                        enum deployment_status *ret_next) {
  unsigned char to = next[status][event];
  if (to == 0) return false;
  *ret_next = (enum deployment_status)(to - 1);
  return true;
}
