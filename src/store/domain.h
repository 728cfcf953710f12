/* Table: domains.  Inserts fill id, created_us and updated_us where they are empty. */
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
/* Every domain whose service, environment and project live; by host. */
fallible domain_list_routes(db *d, struct domain_route_list *ret_list);
fallible domain_set_host(db *d, const char *id, const char *host, int64_t now_us);
fallible domain_set_target_port(db *d, const char *id, int target_port, int64_t now_us);
fallible domain_set_sync_status(db *d, const char *id, enum sync_status status, int64_t now_us);
fallible domain_delete(db *d, const char *id);

#endif
