/* Tables: settings, workspaces, users, workspace_members, invitations, api_tokens, project_tokens.
 * Inserts fill id, created_us and updated_us where they are empty. */
#ifndef TRAMWAY_STORE_ACCOUNT_H
#define TRAMWAY_STORE_ACCOUNT_H

#include "model/account.h"
#include "store/db.h"

/* Facts of the installation by name, such as the hash of the one-time setup token. */
#define SETTING_SETUP_TOKEN_HASH "setup_token_hash"
fallible setting_get(db *d, const char *key, char **ret_value); /* *ret_value is NULL: not set */
fallible setting_set(db *d, const char *key, const char *value);
fallible setting_delete(db *d, const char *key); /* not there is success */
/* Deletes it if it still has this value; false when it has not: the way to use a token just once.
 */
fallible setting_consume(db *d, const char *key, const char *value, bool *ret_consumed);

fallible workspace_insert(db *d, struct workspace *w);
fallible workspace_get(db *d, const char *id, struct workspace *ret_workspace);
fallible workspace_list_by_user(db *d, const char *user_id, struct workspace_list *ret_list);
fallible workspace_delete(db *d, const char *id); /* ERR_CONFLICT while it has projects */
fallible workspace_rename(db *d, const char *id, const char *name, int64_t now_us);

fallible user_insert(db *d, struct user *u); /* ERR_CONFLICT: the email is taken */
fallible user_count(db *d, int64_t *ret_count);
fallible user_get(db *d, const char *id, struct user *ret_user);
fallible user_find_by_email(db *d, const char *email, bool *ret_found, struct user *ret_user);
fallible user_set_password_hash(db *d, const char *id, const char *hash, int64_t now_us);
fallible user_delete(db *d, const char *id); /* with their tokens and memberships */

fallible workspace_member_set(db *d,
                              const struct workspace_member *m); /* adds, or changes the role */
fallible workspace_member_find(db *d, const char *workspace_id, const char *user_id,
                               bool *ret_found, struct workspace_member *ret_member);
fallible workspace_member_list(db *d, const char *workspace_id,
                               struct workspace_member_list *ret_list);
fallible workspace_member_delete(db *d, const char *workspace_id, const char *user_id);

fallible workspace_admin_count(db *d, const char *workspace_id, int64_t *ret_count);

/* An expired invitation is neither found nor listed. */
fallible invitation_insert(db *d, struct invitation *i);
fallible invitation_get(db *d, const char *id, struct invitation *ret_invitation);
fallible invitation_find_by_hash(db *d, const char *secret_hash, int64_t now_us, bool *ret_found,
                                 struct invitation *ret_invitation);
fallible invitation_list(db *d, const char *workspace_id, int64_t now_us, struct invitation_list *ret_list);
fallible invitation_delete(db *d, const char *id);
fallible invitation_delete_expired(db *d, int64_t now_us);

/* Tokens are found by the SHA-256 of their secret.  An expired one is not found. */
fallible api_token_insert(db *d, struct api_token *t);
fallible api_token_find_by_hash(db *d, const char *secret_hash, int64_t now_us, bool *ret_found,
                                struct api_token *ret_token);
fallible api_token_list_by_user(db *d, const char *user_id, struct api_token_list *ret_list);
fallible api_token_list_sessions(db *d, const char *user_id, int64_t now_us, struct api_token_list *ret_list);
fallible api_token_confirm(db *d, const char *id, int64_t now_us); /* a second factor was shown */
fallible api_token_touch(db *d, const char *id, int64_t now_us); /* last used */
fallible api_token_get(db *d, const char *id, struct api_token *ret_token);
fallible api_token_delete(db *d, const char *id);
fallible api_token_delete_expired(db *d, int64_t now_us);

fallible project_token_insert(db *d, struct project_token *t);
fallible project_token_find_by_hash(db *d, const char *secret_hash, int64_t now_us, bool *ret_found,
                                    struct project_token *ret_token);
fallible project_token_list_by_project(db *d, const char *project_id,
                                       struct project_token_list *ret_list);
fallible project_token_touch(db *d, const char *id, int64_t now_us);
fallible project_token_get(db *d, const char *id, struct project_token *ret_token);
fallible project_token_delete(db *d, const char *id);

#endif
