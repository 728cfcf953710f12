#include "store/tcp_proxy.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "store/row.h"

static const struct table proxies = {"tcp_proxies", &tcp_proxy_shape};

err *tcp_proxy_insert(db *d, struct tcp_proxy *proxy) {
  return row_taken(row_insert(d, &proxies, proxy), "the service has a TCP proxy to its port %d already",
                   proxy->application_port);
}

err *tcp_proxy_get(db *d, const char *id, struct tcp_proxy *ret_proxy) {
  return row_get(d, &proxies, "WHERE t.id = ?1", DB_BIND(db_text(id)), id, ret_proxy);
}

err *tcp_proxy_list_by_instance(db *d, const char *service_instance_id, struct tcp_proxy_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &proxies, "WHERE t.service_instance_id = ?1 ORDER BY t.seq",
                              DB_BIND(db_text(service_instance_id)), &rows_));
}

err *tcp_proxy_list_by_environment(db *d, const char *environment_id, struct tcp_proxy_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &proxies, "WHERE t.environment_id = ?1 ORDER BY t.seq",
                              DB_BIND(db_text(environment_id)), &rows_));
}

err *tcp_proxy_list_live(db *d, struct tcp_proxy_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &proxies,
                              "WHERE EXISTS (SELECT 1 FROM live_service_instances AS i WHERE i.id = t.service_instance_id)"
                              " ORDER BY t.proxy_port",
                              DB_NONE, &rows_));
}

/* Behind the end of the first run of taken ones. */
err *tcp_proxy_free_port(db *d, int first, int last, int *ret_port) {
  int64_t port;
  TRY(db_query_int(d,
                   "SELECT CASE WHEN NOT EXISTS (SELECT 1 FROM tcp_proxies WHERE proxy_port = ?1) THEN ?1 ELSE"
                   " (SELECT MIN(t.proxy_port) + 1 FROM tcp_proxies AS t WHERE t.proxy_port >= ?1 AND NOT EXISTS"
                   " (SELECT 1 FROM tcp_proxies AS next WHERE next.proxy_port = t.proxy_port + 1)) END",
                   DB_BIND(db_int(first)), 0, &port));
  *ret_port = port <= last ? (int)port : 0;
  return NULL;
}

err *tcp_proxy_set_allow(db *d, const char *id, const json_t *allow, int64_t now_us) {
  auto_free char *text = json_to_text(allow);
  return row_change(d, &proxies, "UPDATE tcp_proxies SET allow = ?2, updated_us = ?3 WHERE id = ?1",
                    DB_BIND(db_text(id), db_text(text), db_int(now_us)), id);
}

err *tcp_proxy_delete(db *d, const char *id) {
  return row_change(d, &proxies, "DELETE FROM tcp_proxies WHERE id = ?1", DB_BIND(db_text(id)), id);
}
