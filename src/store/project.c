#include "store/project.h"

#include "base/json.h"
#include "base/mem.h"
#include "store/row.h"

static const struct table projects = {"projects", &project_shape};
static const struct table environments = {"environments", &environment_shape};

/* --- projects --- */

err *project_insert(db *d, struct project *p) {
  return row_insert(d, &projects, p);
}

err *project_get(db *d, const char *id, struct project *ret_project) {
  return row_get(d, &projects, "WHERE t.id = ?1 AND t.deleted_us = 0", DB_BIND(db_text(id)), id,
                 ret_project);
}

err *project_list_by_workspace(db *d, const char *workspace_id, const struct page *page,
                               struct project_list *ret_list) {
  ROW_LIST(ret_list, row_list_page(d, &projects, "t.workspace_id = ?1 AND t.deleted_us = 0",
                                   DB_BIND(db_text(workspace_id)), page, &rows_));
}

err *project_list_by_user(db *d, const char *user_id, const struct page *page,
                          struct project_list *ret_list) {
  ROW_LIST(ret_list,
           row_list_page(d, &projects,
                         "t.workspace_id IN"
                         " (SELECT workspace_id FROM workspace_members WHERE user_id = ?1)"
                         " AND t.deleted_us = 0",
                         DB_BIND(db_text(user_id)), page, &rows_));
}

err *project_update(db *d, const struct project *p, int64_t now_us) {
  return row_change(d, &projects,
                    "UPDATE projects SET name = ?2, description = ?3, pr_deploys = ?4,"
                    " base_environment_id = nullif(?5, ''), focused_pr_environments = ?6,"
                    " bot_pr_environments = ?7, updated_us = ?8"
                    " WHERE id = ?1 AND deleted_us = 0",
                    DB_BIND(db_text(p->id), db_text(p->name), db_text(p->description), db_int(p->pr_deploys),
                            db_text(p->base_environment_id), db_int(p->focused_pr_environments),
                            db_int(p->bot_pr_environments), db_int(now_us)),
                    p->id);
}

err *project_mark_deleted(db *d, const char *id, int64_t now_us) {
  return row_change(d, &projects,
                    "UPDATE projects SET deleted_us = ?2 WHERE id = ?1 AND deleted_us = 0",
                    DB_BIND(db_text(id), db_int(now_us)), id);
}

err *project_list_deleted(db *d, struct project_list *ret_list) {
  ROW_LIST(ret_list,
           row_list(d, &projects, "WHERE t.deleted_us > 0 ORDER BY t.deleted_us", DB_NONE, &rows_));
}

err *project_purge(db *d, const char *id) {
  return row_change(d, &projects, "DELETE FROM projects WHERE id = ?1 AND deleted_us > 0",
                    DB_BIND(db_text(id)), id);
}

/* --- environments --- */

/* An environment lives while its project does. */
#define LIVE_ENVIRONMENT                                                                           \
  "t.deleted_us = 0"                                                                               \
  " AND EXISTS (SELECT 1 FROM projects AS p WHERE p.id = t.project_id AND p.deleted_us = 0)"

err *environment_insert(db *d, struct environment *e) {
  return row_taken(row_insert(d, &environments, e),
                   "the project has an environment named '%s' already", e->name);
}

err *environment_get(db *d, const char *id, struct environment *ret_environment) {
  return row_get(d, &environments, "WHERE t.id = ?1 AND " LIVE_ENVIRONMENT, DB_BIND(db_text(id)),
                 id, ret_environment);
}

err *environment_find_by_name(db *d, const char *project_id, const char *name, bool *ret_found,
                              struct environment *ret_environment) {
  return row_find(d, &environments, "WHERE t.project_id = ?1 AND t.name = ?2 AND " LIVE_ENVIRONMENT,
                  DB_BIND(db_text(project_id), db_text(name)), ret_found, ret_environment);
}

err *environment_list_by_project(db *d, const char *project_id, const struct page *page,
                                 struct environment_list *ret_list) {
  ROW_LIST(ret_list, row_list_page(d, &environments, "t.project_id = ?1 AND " LIVE_ENVIRONMENT,
                                   DB_BIND(db_text(project_id)), page, &rows_));
}

err *environment_list_with_meta(db *d, struct environment_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &environments, "WHERE t.meta IS NOT NULL AND " LIVE_ENVIRONMENT " ORDER BY t.seq",
                              DB_NONE, &rows_));
}

err *environment_rename(db *d, const char *id, const char *name, int64_t now_us) {
  return row_taken(row_change(d, &environments,
                              "UPDATE environments SET name = ?2, updated_us = ?3"
                              " WHERE id = ?1 AND deleted_us = 0",
                              DB_BIND(db_text(id), db_text(name), db_int(now_us)), id),
                   "the project has an environment named '%s' already", name);
}

err *environment_set_meta(db *d, const char *id, const json_t *meta, int64_t now_us) {
  auto_free char *text = json_to_text(meta);
  return row_change(d, &environments,
                    "UPDATE environments SET meta = ?2, updated_us = ?3 WHERE id = ?1 AND deleted_us = 0",
                    DB_BIND(db_text(id), db_text(text), db_int(now_us)), id);
}

err *environment_mark_deleted(db *d, const char *id, int64_t now_us) {
  return row_change(d, &environments,
                    "UPDATE environments SET deleted_us = ?2 WHERE id = ?1 AND deleted_us = 0",
                    DB_BIND(db_text(id), db_int(now_us)), id);
}

err *environment_list_deleted(db *d, struct environment_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &environments, "WHERE t.deleted_us > 0 ORDER BY t.deleted_us",
                              DB_NONE, &rows_));
}

err *environment_purge(db *d, const char *id) {
  return row_change(d, &environments, "DELETE FROM environments WHERE id = ?1 AND deleted_us > 0",
                    DB_BIND(db_text(id)), id);
}
