/* Tables: domains, edge_slots.  Inserts fill id, created_us and updated_us where they are empty. */
#ifndef TRAMWAY_STORE_DOMAIN_H
#define TRAMWAY_STORE_DOMAIN_H

#include "model/domain.h"
#include "store/db.h"

fallible domain_insert(db *d, struct domain *domain); /* ERR_CONFLICT: the host is taken */
fallible domain_get(db *d, const char *id, struct domain *ret_domain);
fallible domain_find_by_host(db *d, const char *host, bool *ret_found, struct domain *ret_domain);
/* Whether a host is taken, for choosing the code of a generated one. */
fallible domain_host_exists(db *d, const char *host, bool *ret_exists);
fallible domain_list_by_instance(db *d, const char *service_instance_id,
                                 struct domain_list *ret_list); /* oldest first */
fallible domain_list_by_environment(db *d, const char *environment_id,
                                    struct domain_list *ret_list);
/* Every domain whose service, environment and project live, with its slot, by host. */
fallible domain_list_routes(db *d, struct domain_route_list *ret_list);
fallible domain_set_host(db *d, const char *id, const char *host, int64_t now_us);
fallible domain_set_target_port(db *d, const char *id, int target_port, int64_t now_us);
fallible domain_set_sync_status(db *d, const char *id, enum sync_status status, int64_t now_us);
fallible domain_delete(db *d, const char *id);

/* The edge has numbered backends, 0 … slot_count - 1; a service instance with a domain holds one.
 * Claiming is safe to repeat: an instance that holds a slot gets it again.  ERR_LIMIT when all are
 * taken.  Purging the instance frees its slot. */
fallible edge_slot_claim(db *d, const char *service_instance_id, int slot_count, int *ret_slot);
fallible edge_slot_find(db *d, const char *service_instance_id,
                        int *ret_slot);                             /* or EDGE_SLOT_NONE */
fallible edge_slot_release(db *d, const char *service_instance_id); /* holding none is success */

#endif
