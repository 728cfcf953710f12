/* Settings, users, workspaces, members, tokens. */
#include "store/account.h"

#include "house.h"

#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define NOBODY "00000000-0000-4000-8000-000000000000"

TEST(a_setting_is_set_changed_and_deleted) {
  auto_house h;
  house_empty(&h);
  auto_free char *none = NULL, *first = NULL, *second = NULL, *gone = NULL;
  CHECK_OK(setting_get(h.d, "k", &none));
  CHECK(!none);
  CHECK_OK(setting_set(h.d, "k", "1"));
  CHECK_OK(setting_get(h.d, "k", &first));
  CHECK_TEXT(first, "1");
  CHECK_OK(setting_set(h.d, "k", "2"));
  CHECK_OK(setting_get(h.d, "k", &second));
  CHECK_TEXT(second, "2");
  CHECK_OK(setting_delete(h.d, "k"));
  CHECK_OK(setting_delete(h.d, "k"));
  CHECK_OK(setting_get(h.d, "k", &gone));
  CHECK(!gone);
}

TEST(the_setup_token_works_once) {
  auto_house h;
  house_empty(&h);
  bool consumed;
  CHECK_OK(setting_set(h.d, SETTING_SETUP_TOKEN_HASH, HASH_A));
  CHECK_OK(setting_consume(h.d, SETTING_SETUP_TOKEN_HASH, HASH_B, &consumed));
  CHECK(!consumed);
  CHECK_OK(setting_consume(h.d, SETTING_SETUP_TOKEN_HASH, HASH_A, &consumed));
  CHECK(consumed);
  CHECK_OK(setting_consume(h.d, SETTING_SETUP_TOKEN_HASH, HASH_A, &consumed));
  CHECK(!consumed);
}

TEST(a_user_comes_back_and_is_counted) {
  auto_house h;
  house_open(&h);
  int64_t count;
  CHECK_OK(user_count(h.d, &count));
  CHECK_INT(count, 1);
  auto_user got = {0};
  CHECK_OK(user_get(h.d, h.user.id, &got));
  CHECK_TEXT(got.email, "ada@example.com");
  CHECK_TEXT(got.password_hash, NULL);
  CHECK(got.created_us > 0);
  CHECK_INT(got.updated_us, got.created_us);
}

TEST(emails_are_unique_whatever_their_case) {
  auto_house h;
  house_open(&h);
  auto_user other = {.email = str_dup("ADA@Example.com")}, found = {0}, none = {0};
  CHECK_ERR(user_insert(h.d, &other), ERR_CONFLICT,
            "a user with the email 'ADA@Example.com' exists already");
  bool there;
  CHECK_OK(user_find_by_email(h.d, "Ada@EXAMPLE.com", &there, &found));
  CHECK(there);
  CHECK_TEXT(found.id, h.user.id);
  CHECK_OK(user_find_by_email(h.d, "eve@example.com", &there, &none));
  CHECK(!there);
}

TEST(a_password_hash_is_replaced) {
  auto_house h;
  house_open(&h);
  CHECK_OK(user_set_password_hash(h.d, h.user.id, "$y$hash", 5));
  auto_user got = {0};
  CHECK_OK(user_get(h.d, h.user.id, &got));
  CHECK_TEXT(got.password_hash, "$y$hash");
  CHECK_INT(got.updated_us, 5);
  CHECK_ERR(user_set_password_hash(h.d, NOBODY, "x", 5), ERR_NOT_FOUND, "user '" NOBODY);
}

TEST(workspaces_are_those_of_the_user) {
  auto_house h;
  house_open(&h);
  auto_workspace other = {.name = str_dup("other")}, got = {0};
  CHECK_OK(workspace_insert(h.d, &other));
  CHECK_OK(workspace_rename(h.d, h.workspace.id, "renamed", 7));
  auto_workspace_list list = {0};
  CHECK_OK(workspace_list_by_user(h.d, h.user.id, &list));
  CHECK_INT(list.len, 1);
  CHECK_TEXT(list.items[0].name, "renamed");
  CHECK_OK(workspace_get(h.d, other.id, &got));
  CHECK_ERR(workspace_rename(h.d, NOBODY, "x", 1), ERR_NOT_FOUND, "workspace");
}

TEST(a_member_has_one_role) {
  auto_house h;
  house_open(&h);
  auto_workspace_member m = {.role = WORKSPACE_VIEWER}, found = {0}, none = {0};
  memcpy(m.workspace_id, h.workspace.id, ID_SIZE);
  memcpy(m.user_id, h.user.id, ID_SIZE);
  CHECK_OK(workspace_member_set(h.d, &m));
  auto_workspace_member_list list = {0};
  CHECK_OK(workspace_member_list(h.d, h.workspace.id, &list));
  CHECK_INT(list.len, 1);
  bool there;
  CHECK_OK(workspace_member_find(h.d, h.workspace.id, h.user.id, &there, &found));
  CHECK(there && found.role == WORKSPACE_VIEWER);
  CHECK_OK(workspace_member_delete(h.d, h.workspace.id, h.user.id));
  CHECK_OK(workspace_member_find(h.d, h.workspace.id, h.user.id, &there, &none));
  CHECK(!there);
  CHECK_ERR(workspace_member_delete(h.d, h.workspace.id, h.user.id), ERR_NOT_FOUND, "member");
  memcpy(m.user_id, NOBODY, ID_SIZE);
  CHECK_ERR(workspace_member_set(h.d, &m), ERR_CONFLICT, "FOREIGN KEY");
}

static void make_token(struct house *h, enum api_token_kind kind, const char *hash,
                       int64_t expires_us, struct api_token *ret) {
  *ret = (struct api_token){.kind = kind, .expires_us = expires_us};
  memcpy(ret->user_id, h->user.id, ID_SIZE);
  if (kind == API_TOKEN_WORKSPACE) memcpy(ret->workspace_id, h->workspace.id, ID_SIZE);
  ret->name = str_dup("ci");
  ret->secret_hash = str_dup(hash);
}

TEST(a_token_is_found_by_its_hash_until_it_expires) {
  auto_house h;
  house_open(&h);
  auto_api_token t, found = {0}, late = {0}, none = {0};
  make_token(&h, API_TOKEN_SESSION, HASH_A, 1000, &t);
  CHECK_OK(api_token_insert(h.d, &t));
  bool there;
  CHECK_OK(api_token_find_by_hash(h.d, HASH_A, 999, &there, &found));
  CHECK(there);
  CHECK_TEXT(found.user_id, h.user.id);
  CHECK_TEXT(found.workspace_id, "");
  CHECK_OK(api_token_find_by_hash(h.d, HASH_A, 1000, &there, &late));
  CHECK(!there);
  CHECK_OK(api_token_find_by_hash(h.d, HASH_B, 1, &there, &none));
  CHECK(!there);
  CHECK_OK(api_token_delete_expired(h.d, 999));
  CHECK_INT(house_count(&h, "api_tokens"), 1);
  CHECK_OK(api_token_delete_expired(h.d, 1000));
  CHECK_INT(house_count(&h, "api_tokens"), 0);
}

TEST(sessions_are_not_listed) {
  auto_house h;
  house_open(&h);
  auto_api_token session, workspace;
  make_token(&h, API_TOKEN_SESSION, HASH_A, 0, &session);
  make_token(&h, API_TOKEN_WORKSPACE, HASH_B, 0, &workspace);
  CHECK_OK(api_token_insert(h.d, &session));
  CHECK_OK(api_token_insert(h.d, &workspace));
  auto_api_token_list list = {0};
  CHECK_OK(api_token_list_by_user(h.d, h.user.id, &list));
  CHECK_INT(list.len, 1);
  CHECK_INT(list.items[0].kind, API_TOKEN_WORKSPACE);
  CHECK_TEXT(list.items[0].workspace_id, h.workspace.id);
}

TEST(a_token_is_touched_and_deleted) {
  auto_house h;
  house_open(&h);
  auto_api_token t, got = {0}, none = {0};
  make_token(&h, API_TOKEN_ACCOUNT, HASH_A, 0, &t);
  CHECK_OK(api_token_insert(h.d, &t));
  CHECK_OK(api_token_touch(h.d, t.id, 77));
  CHECK_OK(api_token_get(h.d, t.id, &got));
  CHECK_INT(got.last_used_us, 77);
  CHECK_OK(api_token_delete(h.d, t.id));
  CHECK_ERR(api_token_get(h.d, t.id, &none), ERR_NOT_FOUND, "token '");
  CHECK_ERR(api_token_delete(h.d, t.id), ERR_NOT_FOUND, "token '");
}

TEST(a_token_row_must_make_sense) {
  auto_house h;
  house_open(&h);
  auto_api_token twice, again, short_hash, no_workspace;
  make_token(&h, API_TOKEN_ACCOUNT, HASH_A, 0, &twice);
  make_token(&h, API_TOKEN_ACCOUNT, HASH_A, 0, &again);
  make_token(&h, API_TOKEN_ACCOUNT, "abc", 0, &short_hash);
  make_token(&h, API_TOKEN_WORKSPACE, HASH_B, 0, &no_workspace);
  no_workspace.workspace_id[0] = '\0';
  CHECK_OK(api_token_insert(h.d, &twice));
  CHECK_ERR(api_token_insert(h.d, &again), ERR_CONFLICT, "secret_hash");
  CHECK_ERR(api_token_insert(h.d, &short_hash), ERR_CONFLICT, "CHECK");
  CHECK_ERR(api_token_insert(h.d, &no_workspace), ERR_CONFLICT, "CHECK");
}

TEST(a_project_token_speaks_for_an_environment) {
  auto_house h;
  house_open(&h);
  auto_project_token t = {.name = str_dup("deploy"), .secret_hash = str_dup(HASH_A)};
  auto_project_token found = {0}, got = {0}, none = {0};
  memcpy(t.project_id, h.project.id, ID_SIZE);
  memcpy(t.environment_id, h.environment.id, ID_SIZE);
  memcpy(t.creator_user_id, h.user.id, ID_SIZE);
  CHECK_OK(project_token_insert(h.d, &t));
  bool there;
  CHECK_OK(project_token_find_by_hash(h.d, HASH_A, 5, &there, &found));
  CHECK(there);
  CHECK_TEXT(found.environment_id, h.environment.id);
  CHECK_OK(project_token_touch(h.d, t.id, 9));
  CHECK_OK(user_delete(h.d, h.user.id)); /* the token outlives who made it */
  CHECK_OK(project_token_get(h.d, t.id, &got));
  CHECK_TEXT(got.creator_user_id, "");
  CHECK_INT(got.last_used_us, 9);
  auto_project_token_list list = {0};
  CHECK_OK(project_token_list_by_project(h.d, h.project.id, &list));
  CHECK_INT(list.len, 1);
  CHECK_OK(project_token_delete(h.d, t.id));
  CHECK_OK(project_token_find_by_hash(h.d, HASH_A, 5, &there, &none));
  CHECK(!there);
}

TEST(deleting_a_user_takes_what_is_theirs) {
  auto_house h;
  house_open(&h);
  auto_api_token t;
  make_token(&h, API_TOKEN_ACCOUNT, HASH_A, 0, &t);
  CHECK_OK(api_token_insert(h.d, &t));
  CHECK_OK(user_delete(h.d, h.user.id));
  CHECK_INT(house_count(&h, "api_tokens"), 0);
  CHECK_INT(house_count(&h, "workspace_members"), 0);
  CHECK_ERR(user_delete(h.d, h.user.id), ERR_NOT_FOUND, "user '");
}

TEST_MAIN
