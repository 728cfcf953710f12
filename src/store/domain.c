#include "store/domain.h"

#include "store/row.h"

static const struct table domains = {"domains", &domain_shape};
static const struct table routes = {"domain_routes", &domain_route_shape};

err *domain_insert(db *d, struct domain *domain) {
  return row_taken(row_insert(d, &domains, domain), "the domain '%s' is in use already",
                   domain->host);
}

err *domain_get(db *d, const char *id, struct domain *ret_domain) {
  return row_get(d, &domains, "WHERE t.id = ?1", DB_BIND(db_text(id)), id, ret_domain);
}

err *domain_find_by_host(db *d, const char *host, bool *ret_found, struct domain *ret_domain) {
  return row_find(d, &domains, "WHERE t.host = ?1", DB_BIND(db_text(host)), ret_found, ret_domain);
}

err *domain_host_exists(db *d, const char *host, bool *ret_exists) {
  int64_t exists;
  TRY(db_query_int(d, "SELECT 1 FROM domains WHERE host = ?1", DB_BIND(db_text(host)), 0, &exists));
  *ret_exists = exists != 0;
  return NULL;
}

err *domain_list_by_instance(db *d, const char *service_instance_id, struct domain_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &domains, "WHERE t.service_instance_id = ?1 ORDER BY t.seq",
                              DB_BIND(db_text(service_instance_id)), &rows_));
}

err *domain_list_by_environment(db *d, const char *environment_id, struct domain_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &domains, "WHERE t.environment_id = ?1 ORDER BY t.seq",
                              DB_BIND(db_text(environment_id)), &rows_));
}

err *domain_list_routes(db *d, struct domain_route_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &routes, "ORDER BY t.host", DB_NONE, &rows_));
}

err *domain_set_host(db *d, const char *id, const char *host, int64_t now_us) {
  return row_taken(row_change(d, &domains,
                              "UPDATE domains SET host = ?2, updated_us = ?3 WHERE id = ?1",
                              DB_BIND(db_text(id), db_text(host), db_int(now_us)), id),
                   "the domain '%s' is in use already", host);
}

err *domain_set_target_port(db *d, const char *id, int target_port, int64_t now_us) {
  return row_change(d, &domains,
                    "UPDATE domains SET target_port = ?2, updated_us = ?3 WHERE id = ?1",
                    DB_BIND(db_text(id), db_int(target_port), db_int(now_us)), id);
}

err *domain_set_sync_status(db *d, const char *id, enum sync_status status, int64_t now_us) {
  return row_change(d, &domains,
                    "UPDATE domains SET sync_status = ?2, updated_us = ?3 WHERE id = ?1",
                    DB_BIND(db_text(id), db_text(sync_status_name(status)), db_int(now_us)), id);
}

err *domain_delete(db *d, const char *id) {
  return row_change(d, &domains, "DELETE FROM domains WHERE id = ?1", DB_BIND(db_text(id)), id);
}
