/* Following a deployment until its end: its steps with their times, its build's lines, and at the
 * end what became of it. */
#ifndef TRAMWAY_CLI_WATCH_H
#define TRAMWAY_CLI_WATCH_H

#include <stdbool.h>

#include "base/err.h"
#include "cli/cli.h"

struct watch {
  const char *deployment_id;
  bool build_logs; /* print the build's lines */
  bool json;       /* lines as JSON, nothing else on standard output */
  bool restart;    /* it is live already: wait until every instance runs again */
};

struct watch_end {
  char *status; /* SUCCESS, FAILED, … */
  char *reason; /* in words, or NULL */
  char *url;    /* the deployment's domain, without a scheme, or NULL */
  bool suggest_domain;
  char *superseded_by;  /* the newer deployment that took its place, or NULL */
  bool nothing_changed; /* SKIPPED: no changed file matched the watch patterns */
};
void watch_end_done(struct watch_end *end);
static inline void watch_end_cleanup_(struct watch_end *end) {
  watch_end_done(end);
}
#define auto_watch_end __attribute__((cleanup(watch_end_cleanup_))) struct watch_end

/* Returns when the deployment has come to an end.  A deployment that failed is no error here. */
fallible watch_deployment(struct cli *cli, const struct watch *w, struct watch_end *ret_end);

/* Prints what a failed deployment needs said: status, reason, its last lines, what to do next. */
void watch_explain(struct cli *cli, const struct watch *w, const struct watch_end *end);

/* watch_deployment, watch_explain where needed, and ERR_IO unless it ended well; ERR_CONFLICT: it was superseded. */
fallible watch_to_success(struct cli *cli, const struct watch *w, struct watch_end *ret_end);

/* Whether a deployment with this status goes no further by itself. */
bool watch_is_end(const char *status);

#endif
