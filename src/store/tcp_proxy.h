/* Table: tcp_proxies.  Inserts fill id, created_us and updated_us where they are empty. */
#ifndef TRAMWAY_STORE_TCP_PROXY_H
#define TRAMWAY_STORE_TCP_PROXY_H

#include "model/tcp_proxy.h"
#include "store/db.h"

fallible tcp_proxy_insert(db *d, struct tcp_proxy *proxy); /* ERR_CONFLICT: a port is taken */
fallible tcp_proxy_get(db *d, const char *id, struct tcp_proxy *ret_proxy);
fallible tcp_proxy_list_by_instance(db *d, const char *service_instance_id, struct tcp_proxy_list *ret_list);
fallible tcp_proxy_list_by_environment(db *d, const char *environment_id,
                                       struct tcp_proxy_list *ret_list); /* both: oldest first */
/* Of all services that live, by public port. */
fallible tcp_proxy_list_live(db *d, struct tcp_proxy_list *ret_list);
/* The lowest of the ports `first` to `last` that no proxy has, also none that is being deleted; 0: there is none. */
fallible tcp_proxy_free_port(db *d, int first, int last, int *ret_port);
fallible tcp_proxy_set_allow(db *d, const char *id, const json_t *allow, int64_t now_us);
fallible tcp_proxy_delete(db *d, const char *id);

#endif
