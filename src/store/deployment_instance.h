/* Table: deployment_instances.  Inserts fill id, created_us and updated_us where they are empty. */
#ifndef TRAMWAY_STORE_DEPLOYMENT_INSTANCE_H
#define TRAMWAY_STORE_DEPLOYMENT_INSTANCE_H

#include "model/deployment.h"
#include "store/db.h"

fallible deployment_instance_insert(db *d, struct deployment_instance *i); /* ERR_CONFLICT: the
                                                                     replica index has a live one */
fallible deployment_instance_get(db *d, const char *id, struct deployment_instance *ret_instance);
fallible deployment_instance_list(db *d, const char *deployment_id,
                                  struct deployment_instance_list *ret_list); /* oldest first */
/* Every one that is not REMOVED, of all deployments: what a starting tramd adopts. */
fallible deployment_instance_list_live(db *d, struct deployment_instance_list *ret_list);
/* Writes status, address, exit_code, restarts and state of *i. */
fallible deployment_instance_update(db *d, const struct deployment_instance *i, int64_t now_us);
fallible deployment_instance_delete(db *d, const char *id);

#endif
