/* The audit log's chain: what verifies, and where it breaks when somebody was at it. */
#include "store/audit.h"

#include "house.h"
#include "base/json.h"
#include "store/account.h"

#define DAY_US (INT64_C(86400) * 1000000)

static void append(struct house *h, const char *type, int64_t created_us, char ret_id[ID_SIZE]) {
  auto_audit_log row = {.event_type = str_dup(type), .address = str_dup("192.0.2.1"), .created_us = created_us,
                        .payload = str_dup("{\"arguments\":{}}")};
  id_copy(row.workspace_id, h->workspace.id);
  must(audit_append(h->d, &row));
  row.outcome = AUDIT_DONE;
  must(audit_complete(h->d, &row));
  if (ret_id) id_copy(ret_id, row.id);
}

static void run(struct house *h, const char *sql) {
  must(db_run(h->d, sql, DB_NONE, NULL));
}

/* What is wrong, and with which row; the caller ends it. */
static void verify(struct house *h, struct audit_verdict *ret_verdict) {
  must(audit_verify(h->d, 0, AUDIT_VERIFY_MAX, ret_verdict));
}

TEST(an_untouched_chain_is_whole_page_by_page) {
  auto_house h;
  house_open(&h);
  auto_audit_verdict empty = {0}, all = {0}, first = {0}, rest = {0};
  verify(&h, &empty);
  CHECK(!empty.problem && empty.rows == 0);
  for (int i = 0; i < 7; i++) append(&h, "variableUpsert", 0, NULL);
  verify(&h, &all);
  CHECK_TEXT(all.problem, NULL);
  CHECK_INT(all.rows, 7);
  CHECK_INT(all.next, 0);
  must(audit_verify(h.d, 0, 4, &first));
  CHECK(!first.problem && first.next > 0);
  must(audit_verify(h.d, first.next, 4, &rest));
  CHECK(!rest.problem && !rest.next);
  CHECK_INT(rest.rows, 3);
  CHECK_TEXT(rest.head, all.head);
}

TEST(whatever_was_done_to_a_row_shows_there) {
  static const struct {
    const char *sql, *problem;
    bool names_row;
  } rows[] = {
      {"UPDATE audit_logs SET payload = '{}' WHERE seq = 3", "was changed", true},
      {"UPDATE audit_logs SET actor_user_id = 'somebody else' WHERE seq = 3", "was changed", true},
      {"UPDATE audit_logs SET outcome = 'DENIED' WHERE seq = 3", "was changed", true},
      {"UPDATE audit_logs SET created_us = created_us + 1 WHERE seq = 3", "was changed", true},
      {"UPDATE audit_logs SET payload = NULL, address = '{\"arguments\":{}}' WHERE seq = 3", "was changed", true},
      {"DELETE FROM audit_logs WHERE seq = 3", "is missing", true},
      {"DELETE FROM audit_logs WHERE seq = 1", "is missing", true},
      {"DELETE FROM audit_logs WHERE seq >= 5", "newest rows are missing", false},
      {"DELETE FROM audit_logs", "newest rows are missing", false},
      {"UPDATE audit_logs SET seq = seq + 100 WHERE seq = 3", "is missing", true},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_house h;
    auto_audit_verdict v = {0};
    house_open(&h);
    for (int n = 0; n < 5; n++) append(&h, "serviceDelete", 0, NULL);
    run(&h, rows[i].sql);
    verify(&h, &v);
    CHECK_HAS(v.problem, rows[i].problem);
    CHECK_INT(*v.broken_id != '\0', rows[i].names_row);
  }
}

TEST(retention_takes_the_oldest_and_leaves_the_chain_whole) {
  auto_house h;
  auto_audit_verdict v = {0}, broken = {0};
  house_open(&h);
  int64_t now_us = 2000 * DAY_US;
  for (int i = 0; i < 5; i++) append(&h, "old", now_us - AUDIT_KEEP_US - DAY_US + i, NULL);
  CHECK_INT(house_count(&h, "audit_logs"), 5);
  append(&h, "new", now_us, NULL);
  CHECK_INT(house_count(&h, "audit_logs"), 1);
  append(&h, "new", now_us + 1, NULL);
  verify(&h, &v);
  CHECK_TEXT(v.problem, NULL);
  CHECK_INT(v.rows, 2);
  run(&h, "DELETE FROM audit_logs WHERE seq = (SELECT min(seq) FROM audit_logs)"); /* by hand, after retention */
  verify(&h, &broken);
  CHECK(broken.problem);
}

TEST(a_row_that_was_never_completed_says_so_and_verifies) {
  auto_house h;
  auto_audit_verdict v = {0};
  house_open(&h);
  auto_audit_log lost = {.event_type = str_dup("projectDelete")}, got = {0};
  must(audit_append(h.d, &lost));
  append(&h, "projectCreate", 0, NULL);
  lost.outcome = AUDIT_DONE;
  CHECK_ERR(audit_complete(h.d, &lost), ERR_CONFLICT, "went on");
  must(audit_get(h.d, lost.id, &got));
  CHECK_INT(got.outcome, AUDIT_STARTED);
  verify(&h, &v);
  CHECK_TEXT(v.problem, NULL);
}

TEST(lists_are_by_workspace_kind_and_time) {
  auto_house h;
  house_open(&h);
  append(&h, "a", DAY_US, NULL);
  append(&h, "b", 2 * DAY_US, NULL);
  append(&h, "a", 3 * DAY_US, NULL);
  auto_audit_log of_none = {.event_type = str_dup("login"), .created_us = 4 * DAY_US};
  must(audit_append(h.d, &of_none));
  auto_json *types = json_pack("[s]", "a");
  const struct {
    struct audit_filter filter;
    size_t count;
  } rows[] = {
      {{.workspace_id = h.workspace.id}, 3},
      {{.workspace_id = h.workspace.id, .and_of_none = true}, 4},
      {{.workspace_id = h.user.id}, 0},
      {{.workspace_id = h.workspace.id, .event_types = types}, 2},
      {{.workspace_id = h.workspace.id, .from_us = 2 * DAY_US}, 2},
      {{.workspace_id = h.workspace.id, .until_us = 2 * DAY_US}, 1},
      {{.workspace_id = h.workspace.id, .project_id = h.project.id}, 0},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_audit_log_list list = {0};
    struct page page = {.first = 10};
    must(audit_list(h.d, &rows[i].filter, &page, &list));
    CHECK_INT(list.len, rows[i].count);
    if (list.len > 1) CHECK(list.items[0].created_us > list.items[1].created_us);
  }
}

TEST(each_statement_may_fail_and_the_chain_stays_whole) {
  auto_house h;
  house_open(&h);
  append(&h, "first", 0, NULL);
  for (int nth = 1; nth <= 6; nth++) {
    auto_audit_log row = {.event_type = str_dup("x")};
    auto_audit_verdict v = {0};
    db_fail_after(h.d, nth);
    err *e = audit_append(h.d, &row);
    db_fail_after(h.d, 0);
    CHECK(e && err_code_of(e) == ERR_IO);
    err_free(e);
    CHECK(!db_in_transaction(h.d));
    verify(&h, &v);
    CHECK_TEXT(v.problem, NULL);
    CHECK_INT(v.rows, 1);
  }
}

TEST_MAIN
