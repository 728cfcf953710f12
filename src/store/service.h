/* Tables: services, service_instances.  Deleting a service goes as in store/project.h; instances
 * are hidden with their service, environment or project and go when one of these is purged, or one by
 * one in the same two steps. */
#ifndef TRAMWAY_STORE_SERVICE_H
#define TRAMWAY_STORE_SERVICE_H

#include "model/service.h"
#include "store/db.h"
#include "store/page.h"

/* ERR_CONFLICT: the label is taken in the project.  The label is `service_set_name`'s. */
fallible service_insert(db *d, struct service *s);
fallible service_get(db *d, const char *id, struct service *ret_service);
fallible service_find_by_label(db *d, const char *project_id, const char *label, bool *ret_found,
                               struct service *ret_service);
fallible service_list_by_project(db *d, const char *project_id, const struct page *page,
                                 struct service_list *ret_list);
fallible service_update(db *d, const struct service *s, int64_t now_us); /* name, label, icon */
fallible service_mark_deleted(db *d, const char *id, int64_t now_us);
fallible service_list_deleted(db *d, struct service_list *ret_list);
fallible service_purge(db *d, const char *id);

/* ERR_CONFLICT: the service has one in this environment. */
fallible service_instance_insert(db *d, struct service_instance *i);
fallible service_instance_get(db *d, const char *id, struct service_instance *ret_instance);
fallible service_instance_find(db *d, const char *service_id, const char *environment_id,
                               bool *ret_found, struct service_instance *ret_instance);
fallible service_instance_list_by_service(db *d, const char *service_id,
                                          struct service_instance_list *ret_list);
fallible service_instance_list_by_environment(db *d, const char *environment_id,
                                              struct service_instance_list *ret_list);
fallible service_instance_list_by_project(db *d, const char *project_id,
                                          struct service_instance_list *ret_list);
fallible service_instance_list(db *d, struct service_instance_list *ret_list); /* all that live */
/* All whose service, environment or project is marked deleted: what core has to remove. */
fallible service_instance_list_deleted(db *d, struct service_instance_list *ret_list);
fallible service_instance_set_settings(db *d, const char *id, const struct service_settings *s,
                                       int64_t now_us);

fallible service_instance_mark_deleted(db *d, const char *id, int64_t now_us);
fallible service_instance_purge(db *d, const struct service_instance *i); /* with its variables; ERR_NOT_FOUND
                                                                           unless marked */

#endif
