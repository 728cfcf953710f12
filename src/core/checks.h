/* "Wait for CI" (Railway's checkSuites): what the checks of a commit mean for a deployment that waits for
 * them.  Pure.
 *
 * A commit has passed when at least one check is known, all have ended well, and nothing more was heard of
 * for a while: providers tell of each workflow when it begins, not how many there will be.  The first that
 * fails decides.  When the time is up the deployment is skipped: who asked to wait did not ask to deploy
 * what nobody checked. */
#ifndef TRAMWAY_CORE_CHECKS_H
#define TRAMWAY_CORE_CHECKS_H

#include "model/webhook.h"

/* Whether what is heard now replaces what was heard before: deliveries come late and out of order. */
bool checks_replaces(const struct commit_check *before, const struct commit_check *now);

enum checks_verdict { CHECKS_WAIT, CHECKS_PASS, CHECKS_SKIP };

struct checks_wait {
  int64_t since_us;   /* when the deployment began to wait */
  int64_t timeout_us; /* how long it does */
  int64_t settle_us;  /* how long all must have been quiet */
};

/* `ret_reason`, owned by the caller, is in words for the deployment's log: with PASS and SKIP.
 * `ret_again_us` is when time alone may change the verdict: with WAIT. */
enum checks_verdict checks_judge(const struct checks_wait *wait, const struct commit_check_list *checks,
                                 int64_t now_us, char **ret_reason, int64_t *ret_again_us);

#endif
