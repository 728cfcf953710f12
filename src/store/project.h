/* Tables: projects, environments.
 *
 * Deleting is in two steps, because things may be running: `_mark_deleted` hides the row from every
 * query but `_list_deleted` (and its services, instances and domains with it); when core has
 * removed what ran, `_purge` deletes the row and all that belongs to it.
 *
 * Inserts fill id, created_us and updated_us where they are empty.  Lists are newest first; `page`
 * may be NULL. */
#ifndef TRAMWAY_STORE_PROJECT_H
#define TRAMWAY_STORE_PROJECT_H

#include "model/project.h"
#include "store/db.h"
#include "store/page.h"

fallible project_insert(db *d, struct project *p);
fallible project_get(db *d, const char *id, struct project *ret_project);
fallible project_list_by_workspace(db *d, const char *workspace_id, const struct page *page,
                                   struct project_list *ret_list);
fallible project_list_by_user(db *d, const char *user_id, const struct page *page,
                              struct project_list *ret_list); /* in all their workspaces */
fallible project_update(db *d, const struct project *p, int64_t now_us); /* what users set */
fallible project_mark_deleted(db *d, const char *id, int64_t now_us);
fallible project_list_deleted(db *d, struct project_list *ret_list);
fallible project_purge(db *d, const char *id); /* ERR_NOT_FOUND unless marked */

fallible environment_insert(db *d, struct environment *e); /* ERR_CONFLICT: the name is taken */
fallible environment_get(db *d, const char *id, struct environment *ret_environment);
fallible environment_find_by_name(db *d, const char *project_id, const char *name, bool *ret_found,
                                  struct environment *ret_environment);
fallible environment_list_by_project(db *d, const char *project_id, const struct page *page,
                                     struct environment_list *ret_list);
fallible environment_list_with_meta(db *d, struct environment_list *ret_list); /* of all projects, oldest first */
fallible environment_rename(db *d, const char *id, const char *name, int64_t now_us);
fallible environment_set_meta(db *d, const char *id, const json_t *meta, int64_t now_us);
fallible environment_mark_deleted(db *d, const char *id, int64_t now_us);
fallible environment_list_deleted(db *d, struct environment_list *ret_list);
fallible environment_purge(db *d, const char *id);

#endif
