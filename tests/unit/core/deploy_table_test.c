#include "core/deploy_table.h"

#include "tap.h"

/* The life of a deployment as reference section 1 tells it; everything not listed is refused. */
/* clang-format off */
static const struct {
  enum deployment_status from;
  enum deploy_event event;
  enum deployment_status to;
} allowed[] = {
  { DEPLOYMENT_INITIALIZING,   DEPLOY_QUEUE,   DEPLOYMENT_QUEUED },
  { DEPLOYMENT_INITIALIZING,   DEPLOY_BUILD,   DEPLOYMENT_BUILDING },
  { DEPLOYMENT_INITIALIZING,   DEPLOY_LAUNCH,  DEPLOYMENT_DEPLOYING },
  { DEPLOYMENT_INITIALIZING,   DEPLOY_FAIL,    DEPLOYMENT_FAILED },
  { DEPLOYMENT_INITIALIZING,   DEPLOY_SKIP,    DEPLOYMENT_SKIPPED },
  { DEPLOYMENT_INITIALIZING,   DEPLOY_REMOVE,  DEPLOYMENT_REMOVING },
  { DEPLOYMENT_WAITING,        DEPLOY_QUEUE,   DEPLOYMENT_QUEUED },
  { DEPLOYMENT_WAITING,        DEPLOY_FAIL,    DEPLOYMENT_FAILED },
  { DEPLOYMENT_WAITING,        DEPLOY_SKIP,    DEPLOYMENT_SKIPPED },
  { DEPLOYMENT_WAITING,        DEPLOY_REMOVE,  DEPLOYMENT_REMOVING },
  { DEPLOYMENT_NEEDS_APPROVAL, DEPLOY_QUEUE,   DEPLOYMENT_QUEUED },
  { DEPLOYMENT_NEEDS_APPROVAL, DEPLOY_SKIP,    DEPLOYMENT_SKIPPED },
  { DEPLOYMENT_NEEDS_APPROVAL, DEPLOY_REMOVE,  DEPLOYMENT_REMOVING },
  { DEPLOYMENT_QUEUED,         DEPLOY_BUILD,   DEPLOYMENT_BUILDING },
  { DEPLOYMENT_QUEUED,         DEPLOY_LAUNCH,  DEPLOYMENT_DEPLOYING },
  { DEPLOYMENT_QUEUED,         DEPLOY_FAIL,    DEPLOYMENT_FAILED },
  { DEPLOYMENT_QUEUED,         DEPLOY_SKIP,    DEPLOYMENT_SKIPPED },
  { DEPLOYMENT_QUEUED,         DEPLOY_REMOVE,  DEPLOYMENT_REMOVING },
  { DEPLOYMENT_BUILDING,       DEPLOY_QUEUE,   DEPLOYMENT_QUEUED },
  { DEPLOYMENT_BUILDING,       DEPLOY_LAUNCH,  DEPLOYMENT_DEPLOYING },
  { DEPLOYMENT_BUILDING,       DEPLOY_FAIL,    DEPLOYMENT_FAILED },
  { DEPLOYMENT_BUILDING,       DEPLOY_REMOVE,  DEPLOYMENT_REMOVING },
  { DEPLOYMENT_DEPLOYING,      DEPLOY_LIVE,    DEPLOYMENT_SUCCESS },
  { DEPLOYMENT_DEPLOYING,      DEPLOY_FAIL,    DEPLOYMENT_FAILED },
  { DEPLOYMENT_DEPLOYING,      DEPLOY_REMOVE,  DEPLOYMENT_REMOVING },
  { DEPLOYMENT_SUCCESS,        DEPLOY_CRASH,   DEPLOYMENT_CRASHED },
  { DEPLOYMENT_SUCCESS,        DEPLOY_SLEEP,   DEPLOYMENT_SLEEPING },
  { DEPLOYMENT_SUCCESS,        DEPLOY_REMOVE,  DEPLOYMENT_REMOVING },
  { DEPLOYMENT_CRASHED,        DEPLOY_RECOVER, DEPLOYMENT_SUCCESS },
  { DEPLOYMENT_CRASHED,        DEPLOY_SLEEP,   DEPLOYMENT_SLEEPING },
  { DEPLOYMENT_CRASHED,        DEPLOY_REMOVE,  DEPLOYMENT_REMOVING },
  { DEPLOYMENT_SLEEPING,       DEPLOY_RECOVER, DEPLOYMENT_SUCCESS },
  { DEPLOYMENT_SLEEPING,       DEPLOY_CRASH,   DEPLOYMENT_CRASHED },
  { DEPLOYMENT_SLEEPING,       DEPLOY_REMOVE,  DEPLOYMENT_REMOVING },
  { DEPLOYMENT_REMOVING,       DEPLOY_GONE,    DEPLOYMENT_REMOVED },
};
/* clang-format on */

TEST(the_table_allows_exactly_these) {
  size_t found = 0;
  for (int status = 0; status < DEPLOYMENT_STATUS_COUNT; status++) {
    for (int event = 0; event < DEPLOY_EVENT_COUNT; event++) {
      enum deployment_status next = DEPLOYMENT_QUEUED;
      bool possible = deploy_next_status((enum deployment_status)status, (enum deploy_event)event, &next);
      bool listed = false;
      for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        if ((int)allowed[i].from == status && (int)allowed[i].event == event) {
          listed = true;
          CHECK_INT(next, allowed[i].to);
        }
      printf("# %s, %s\n", deployment_status_name((enum deployment_status)status),
             deploy_event_name((enum deploy_event)event));
      CHECK_INT(possible, listed);
      found += possible;
    }
  }
  CHECK_INT(found, sizeof allowed / sizeof *allowed);
}

TEST(final_statuses_stay) {
  for (int status = 0; status < DEPLOYMENT_STATUS_COUNT; status++) {
    bool stays = true;
    enum deployment_status next;
    for (int event = 0; event < DEPLOY_EVENT_COUNT; event++)
      stays &= !deploy_next_status((enum deployment_status)status, (enum deploy_event)event, &next);
    CHECK_INT(stays, deployment_status_is_final((enum deployment_status)status));
  }
}

TEST_MAIN
