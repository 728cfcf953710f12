#include "store/account.h"

#include "base/str.h"
#include "store/row.h"

static const struct table workspaces = {"workspaces", &workspace_shape};
static const struct table users = {"users", &user_shape};
static const struct table members = {"workspace_members", &workspace_member_shape};
static const struct table api_tokens = {"api_tokens", &api_token_shape};
static const struct table invitations = {"invitations", &invitation_shape};
static const struct table project_tokens = {"project_tokens", &project_token_shape};

/* --- settings --- */

err *setting_get(db *d, const char *key, char **ret_value) {
  auto_db_stmt *s = NULL;
  bool row;
  TRY(db_query(d, "SELECT value FROM settings WHERE key = ?1", DB_BIND(db_text(key)), &s));
  TRY(db_step(s, &row));
  *ret_value = row ? str_dup(db_column_text(s, 0)) : NULL;
  return NULL;
}

err *setting_set(db *d, const char *key, const char *value) {
  return db_run(d,
                "INSERT INTO settings VALUES (?1, ?2)"
                " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                DB_BIND(db_text(key), db_text(value)), NULL);
}

err *setting_delete(db *d, const char *key) {
  return db_run(d, "DELETE FROM settings WHERE key = ?1", DB_BIND(db_text(key)), NULL);
}

err *setting_consume(db *d, const char *key, const char *value, bool *ret_consumed) {
  int64_t changed;
  TRY(db_run(d, "DELETE FROM settings WHERE key = ?1 AND value = ?2",
             DB_BIND(db_text(key), db_text(value)), &changed));
  *ret_consumed = changed > 0;
  return NULL;
}

/* --- workspaces --- */

err *workspace_insert(db *d, struct workspace *w) {
  return row_insert(d, &workspaces, w);
}

err *workspace_get(db *d, const char *id, struct workspace *ret_workspace) {
  return row_get(d, &workspaces, "WHERE t.id = ?1", DB_BIND(db_text(id)), id, ret_workspace);
}

err *workspace_list_by_user(db *d, const char *user_id, struct workspace_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &workspaces,
                              "JOIN workspace_members AS m ON m.workspace_id = t.id"
                              " WHERE m.user_id = ?1 ORDER BY t.seq",
                              DB_BIND(db_text(user_id)), &rows_));
}

err *workspace_delete(db *d, const char *id) {
  err *e = row_change(d, &workspaces, "DELETE FROM workspaces WHERE id = ?1", DB_BIND(db_text(id)), id);
  if (!e || err_code_of(e) != ERR_CONFLICT) return e;
  err_free(e);
  return err_new(ERR_CONFLICT, "the workspace still has projects: delete them first");
}

err *workspace_rename(db *d, const char *id, const char *name, int64_t now_us) {
  return row_change(d, &workspaces,
                    "UPDATE workspaces SET name = ?2, updated_us = ?3 WHERE id = ?1",
                    DB_BIND(db_text(id), db_text(name), db_int(now_us)), id);
}

/* --- users --- */

err *user_insert(db *d, struct user *u) {
  return row_taken(row_insert(d, &users, u), "a user with the email '%s' exists already", u->email);
}

err *user_count(db *d, int64_t *ret_count) {
  return db_query_int(d, "SELECT count(*) FROM users", DB_NONE, 0, ret_count);
}

err *user_get(db *d, const char *id, struct user *ret_user) {
  return row_get(d, &users, "WHERE t.id = ?1", DB_BIND(db_text(id)), id, ret_user);
}

err *user_find_by_email(db *d, const char *email, bool *ret_found, struct user *ret_user) {
  return row_find(d, &users, "WHERE t.email = ?1", DB_BIND(db_text(email)), ret_found, ret_user);
}

err *user_set_password_hash(db *d, const char *id, const char *hash, int64_t now_us) {
  return row_change(d, &users, "UPDATE users SET password_hash = ?2, updated_us = ?3 WHERE id = ?1",
                    DB_BIND(db_text(id), db_text(hash), db_int(now_us)), id);
}

err *user_delete(db *d, const char *id) {
  return row_change(d, &users, "DELETE FROM users WHERE id = ?1", DB_BIND(db_text(id)), id);
}

/* --- members --- */

err *workspace_member_set(db *d, const struct workspace_member *m) {
  struct workspace_member row = *m; /* it owns nothing */
  return row_upsert(d, &members,
                    "ON CONFLICT (workspace_id, user_id) DO UPDATE SET role = excluded.role", &row);
}

err *workspace_member_find(db *d, const char *workspace_id, const char *user_id, bool *ret_found,
                           struct workspace_member *ret_member) {
  return row_find(d, &members, "WHERE t.workspace_id = ?1 AND t.user_id = ?2",
                  DB_BIND(db_text(workspace_id), db_text(user_id)), ret_found, ret_member);
}

err *workspace_member_list(db *d, const char *workspace_id,
                           struct workspace_member_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &members, "WHERE t.workspace_id = ?1 ORDER BY t.user_id",
                              DB_BIND(db_text(workspace_id)), &rows_));
}

err *workspace_member_delete(db *d, const char *workspace_id, const char *user_id) {
  return row_change(d, &members,
                    "DELETE FROM workspace_members WHERE workspace_id = ?1 AND user_id = ?2",
                    DB_BIND(db_text(workspace_id), db_text(user_id)), user_id);
}

err *workspace_admin_count(db *d, const char *workspace_id, int64_t *ret_count) {
  return db_query_int(d, "SELECT count(*) FROM workspace_members WHERE workspace_id = ?1 AND role = 'ADMIN'",
                      DB_BIND(db_text(workspace_id)), 0, ret_count);
}

/* --- invitations --- */

err *invitation_insert(db *d, struct invitation *i) {
  return row_insert(d, &invitations, i);
}

err *invitation_get(db *d, const char *id, struct invitation *ret_invitation) {
  return row_get(d, &invitations, "WHERE t.id = ?1", DB_BIND(db_text(id)), id, ret_invitation);
}

err *invitation_find_by_hash(db *d, const char *secret_hash, int64_t now_us, bool *ret_found,
                             struct invitation *ret_invitation) {
  return row_find(d, &invitations, "WHERE t.secret_hash = ?1 AND t.expires_us > ?2",
                  DB_BIND(db_text(secret_hash), db_int(now_us)), ret_found, ret_invitation);
}

err *invitation_list(db *d, const char *workspace_id, int64_t now_us, struct invitation_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &invitations, "WHERE t.workspace_id = ?1 AND t.expires_us > ?2 ORDER BY t.seq DESC",
                              DB_BIND(db_text(workspace_id), db_int(now_us)), &rows_));
}

err *invitation_delete(db *d, const char *id) {
  return row_change(d, &invitations, "DELETE FROM invitations WHERE id = ?1", DB_BIND(db_text(id)), id);
}

err *invitation_delete_expired(db *d, int64_t now_us) {
  return db_run(d, "DELETE FROM invitations WHERE expires_us <= ?1", DB_BIND(db_int(now_us)), NULL);
}

/* --- tokens --- */

#define UNEXPIRED_WITH_HASH "WHERE t.secret_hash = ?1 AND (t.expires_us = 0 OR t.expires_us > ?2)"

err *api_token_insert(db *d, struct api_token *t) {
  return row_insert(d, &api_tokens, t);
}

err *api_token_find_by_hash(db *d, const char *secret_hash, int64_t now_us, bool *ret_found,
                            struct api_token *ret_token) {
  return row_find(d, &api_tokens, UNEXPIRED_WITH_HASH,
                  DB_BIND(db_text(secret_hash), db_int(now_us)), ret_found, ret_token);
}

err *api_token_list_by_user(db *d, const char *user_id, struct api_token_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &api_tokens,
                              "WHERE t.user_id = ?1 AND t.kind <> 'SESSION' ORDER BY t.seq DESC",
                              DB_BIND(db_text(user_id)), &rows_));
}

err *api_token_list_sessions(db *d, const char *user_id, int64_t now_us, struct api_token_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &api_tokens,
                              "WHERE t.user_id = ?1 AND t.kind = 'SESSION' AND t.expires_us > ?2 ORDER BY t.seq DESC",
                              DB_BIND(db_text(user_id), db_int(now_us)), &rows_));
}

err *api_token_confirm(db *d, const char *id, int64_t now_us) {
  return row_change(d, &api_tokens, "UPDATE api_tokens SET confirmed_us = ?2 WHERE id = ?1",
                    DB_BIND(db_text(id), db_int(now_us)), id);
}

err *api_token_touch(db *d, const char *id, int64_t now_us) {
  return row_change(d, &api_tokens, "UPDATE api_tokens SET last_used_us = ?2 WHERE id = ?1",
                    DB_BIND(db_text(id), db_int(now_us)), id);
}

err *api_token_get(db *d, const char *id, struct api_token *ret_token) {
  return row_get(d, &api_tokens, "WHERE t.id = ?1", DB_BIND(db_text(id)), id, ret_token);
}

err *api_token_delete(db *d, const char *id) {
  return row_change(d, &api_tokens, "DELETE FROM api_tokens WHERE id = ?1", DB_BIND(db_text(id)),
                    id);
}

err *api_token_delete_expired(db *d, int64_t now_us) {
  return db_run(d, "DELETE FROM api_tokens WHERE expires_us > 0 AND expires_us <= ?1",
                DB_BIND(db_int(now_us)), NULL);
}

err *project_token_insert(db *d, struct project_token *t) {
  return row_insert(d, &project_tokens, t);
}

err *project_token_find_by_hash(db *d, const char *secret_hash, int64_t now_us, bool *ret_found,
                                struct project_token *ret_token) {
  return row_find(d, &project_tokens, UNEXPIRED_WITH_HASH,
                  DB_BIND(db_text(secret_hash), db_int(now_us)), ret_found, ret_token);
}

err *project_token_list_by_project(db *d, const char *project_id,
                                   struct project_token_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &project_tokens, "WHERE t.project_id = ?1 ORDER BY t.seq DESC",
                              DB_BIND(db_text(project_id)), &rows_));
}

err *project_token_touch(db *d, const char *id, int64_t now_us) {
  return row_change(d, &project_tokens, "UPDATE project_tokens SET last_used_us = ?2 WHERE id = ?1",
                    DB_BIND(db_text(id), db_int(now_us)), id);
}

err *project_token_get(db *d, const char *id, struct project_token *ret_token) {
  return row_get(d, &project_tokens, "WHERE t.id = ?1", DB_BIND(db_text(id)), id, ret_token);
}

err *project_token_delete(db *d, const char *id) {
  return row_change(d, &project_tokens, "DELETE FROM project_tokens WHERE id = ?1",
                    DB_BIND(db_text(id)), id);
}
