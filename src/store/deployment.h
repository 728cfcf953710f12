/* Tables: deployments, deployment_variables; the headers of steps and instances come with it.
 * Inserts fill id, created_us and updated_us where they are empty.  "Newest"
 * is the order of insertion, whatever the clock did. */
#ifndef TRAMWAY_STORE_DEPLOYMENT_H
#define TRAMWAY_STORE_DEPLOYMENT_H

#include "model/deployment.h"
#include "store/db.h"
#include "store/deployment_instance.h"
#include "store/deployment_step.h"
#include "store/page.h"

fallible deployment_insert(db *d, struct deployment *deployment);
fallible deployment_get(db *d, const char *id, struct deployment *ret_deployment);

/* Which deployments: those that fit every part that is set.  Ids: NULL or "" for any. */
struct deployment_filter {
  const char *project_id;
  const char *environment_id;
  const char *service_id;
  const char *service_instance_id;
  uint32_t statuses; /* DEPLOYMENT_STATUS_BIT()s ORed; 0: any */
};
#define DEPLOYMENT_STATUS_BIT(status) (1u << (status))

/* Newest first; `page` may be NULL.  ERR_INVALID for a filter without any id. */
fallible deployment_list(db *d, const struct deployment_filter *filter, const struct page *page,
                         struct deployment_list *ret_list);
fallible deployment_list_queued(db *d,
                                struct deployment_list *ret_list); /* QUEUED and INITIALIZING,
                                                                      oldest queued_us first */
fallible deployment_list_unfinished(db *d, struct deployment_list *ret_list); /* no final status;
                                                                                 oldest first */
fallible deployment_list_waiting(db *d, struct deployment_list *ret_list); /* WAITING, oldest first */
fallible deployment_find_latest(db *d, const char *service_instance_id, bool *ret_found,
                                struct deployment *ret_deployment);
/* The newest one that is SUCCESS, SLEEPING or CRASHED. */
fallible deployment_find_active(db *d, const char *service_instance_id, bool *ret_found,
                                struct deployment *ret_deployment);
fallible deployment_list_active(db *d,
                                struct deployment_list *ret_list); /* all such; newest first */

/* Every deployment's age, those of one service instance in one run, the newest first. */
struct deployment_age {
  char id[ID_SIZE], service_instance_id[ID_SIZE];
  bool is_over;
  int64_t status_updated_us;
};
typedef void deployment_age_fn(void *arg, const struct deployment_age *age);
fallible deployment_each_age(db *d, deployment_age_fn *fn, void *arg);

/* Only core/deploy calls this.  ERR_CONFLICT when the status is no longer `from`.  `reason` may be
 * NULL, which clears it. */
fallible deployment_set_status(db *d, const char *id, enum deployment_status from,
                               enum deployment_status to, const char *reason, int64_t now_us);

fallible deployment_set_queued(db *d, const char *id, int64_t queued_us, int64_t now_us);
fallible deployment_set_superseded(db *d, const char *id, const char *by_id, int64_t now_us);
fallible deployment_set_snapshot(db *d, const char *id, const char *snapshot_id, int64_t now_us);
fallible deployment_set_image(db *d, const char *id, const char *image_id, int64_t now_us);
fallible deployment_set_settings(db *d, const char *id, const struct service_settings *s,
                                 int64_t now_us); /* after config-as-code was read */
fallible deployment_set_meta(db *d, const char *id, const json_t *meta, int64_t now_us);
fallible deployment_set_resolved(db *d, const char *id, const json_t *resolved);
fallible deployment_set_sockets(db *d, const char *id, const json_t *sockets, int detected_port,
                                int64_t now_us);
fallible deployment_set_stopped(db *d, const char *id, bool stopped, int64_t now_us);
fallible deployment_delete(db *d, const char *id); /* with its steps, instances and variables */

/* The user's variables as they were when the deployment was made: {name: value}.  Secrets.  Set in the
 * transaction that inserts the deployment, and again when its config file brings some and when its references
 * are resolved; get gives {} when never set. */
fallible deployment_variables_set(db *d, const char *id, const json_t *variables);
fallible deployment_variables_get(db *d, const char *id, json_t **ret_variables);

#endif
