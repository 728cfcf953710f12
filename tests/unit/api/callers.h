/* Who asks the API in tests: accounts in and out of the town's workspace. */
#ifndef TESTS_API_CALLERS_H
#define TESTS_API_CALLERS_H

#include "api/internal.h"
#include "core/town.h"

static inline void add_stranger(const char *email, struct caller *ret_caller) {
  auto_user u = {.email = str_dup(email)};
  CHECK_OK(user_insert(town_db, &u));
  *ret_caller = (struct caller){.kind = CALLER_USER};
  id_copy(ret_caller->user_id, u.id);
}

static inline void add_member(const char *email, enum workspace_role role, struct caller *ret_caller) {
  struct workspace_member row = {.role = role, .created_us = 1};
  add_stranger(email, ret_caller);
  id_copy(row.user_id, ret_caller->user_id);
  id_copy(row.workspace_id, workspace.id);
  CHECK_OK(workspace_member_set(town_db, &row));
}

#endif
