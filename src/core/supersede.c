/* Of the deployments of one service instance that wait for their build, the newest is built; those that it
 * contains are REMOVED.  Asked when one is ready for the queue, since before that it may still be skipped or fail. */
#include <stdlib.h>

#include "base/clock.h"
#include "core/internal.h"
#include "core/supersede_plan.h"
#include "store/deployment.h"

static bool has_not_begun(const struct deployment *d) {
  return d->status == DEPLOYMENT_QUEUED || d->status == DEPLOYMENT_INITIALIZING;
}

/* INITIALIZING does not count: it may be skipped still. */
static bool is_past_the_queue(const struct deployment *d) {
  return d->status == DEPLOYMENT_QUEUED || d->status == DEPLOYMENT_BUILDING || d->status == DEPLOYMENT_DEPLOYING;
}

char *supersede_reason(const struct deployment *newer) {
  const char *commit = json_get_text(newer->meta, "commitHash");
  return autodeploy_is_push(newer) && commit ? str_format("superseded by a newer push: %.7s", commit)
                                             : str_format("superseded by a newer deployment: %s", newer->id);
}

/* Where it waited, so that one change after another does not keep the service at the end of the queue. */
static err *take_place(core *c, struct deployment *d, const struct deployment *older) {
  if (older->queued_us >= d->queued_us) return NULL;
  TRY(deployment_set_queued(c->db, d->id, older->queued_us, clock_now_us()));
  d->queued_us = older->queued_us;
  return NULL;
}

err *supersede(core *c, struct deployment *d, char ret_by[ID_SIZE]) {
  auto_deployment_list list = {0};
  auto_deployment serving = {0};
  bool is_older = false, found = false;
  struct deployment_filter filter = {.service_instance_id = d->service_instance_id,
                                     .statuses = DEPLOYMENT_STATUS_BIT(DEPLOYMENT_QUEUED) |
                                                 DEPLOYMENT_STATUS_BIT(DEPLOYMENT_INITIALIZING) |
                                                 DEPLOYMENT_STATUS_BIT(DEPLOYMENT_BUILDING) |
                                                 DEPLOYMENT_STATUS_BIT(DEPLOYMENT_DEPLOYING)};
  *ret_by = '\0';
  TRY(deployment_list(c->db, &filter, NULL, &list));
  TRY(deployment_find_active(c->db, d->service_instance_id, &found, &serving));
  auto_free char *reason = supersede_reason(d);
  for (size_t i = 0; i < list.len && !*ret_by; i++) { /* the newest first */
    const struct deployment *other = &list.items[i];
    if (str_eq(other->id, d->id)) {
      is_older = true;
    } else if (!is_older) {
      bool gives = is_past_the_queue(other) && supersede_contains(other, d, found ? &serving : NULL);
      if (gives) id_copy(ret_by, other->id);
    } else if (has_not_begun(other) && supersede_contains(d, other, found ? &serving : NULL)) {
      struct run *r = run_find(c, other->id);
      TRY(take_place(c, d, other));
      if (r) run_supersede(r, d->id, reason);
    }
  }
  ci_wake(c); /* so may one that waits for its checks */
  return NULL;
}
