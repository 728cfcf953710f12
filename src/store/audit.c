#include "store/audit.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/account.h"
#include "store/row.h"

static const struct table audit_logs = {.name = "audit_logs", .shape = &audit_log_shape};

#define SETTING_HEAD "audit_head" /* the newest row's hash */
#define SETTING_BASE "audit_base" /* of the last row that was let go */
#define NO_HASH "0000000000000000000000000000000000000000000000000000000000000000"

/* ---- the chain ---- */

/* Each member with its length before it, so that nothing can move from one to the next. */
static void add_text(sha256 *s, const char *text) {
  char head[32];
  int len = snprintf(head, sizeof head, "%d:", text ? (int)strlen(text) : -1);
  sha256_add(s, head, (size_t)len);
  if (text) sha256_add(s, text, strlen(text));
}

static void hash_of(const struct audit_log *row, char hex[SHA256_HEX_SIZE]) {
  char time[32];
  sha256 *s = sha256_new();
  snprintf(time, sizeof time, "%lld", (long long)row->created_us);
  const char *const members[] = {row->previous_hash, row->id, row->event_type, audit_outcome_name(row->outcome),
                                 row->actor_user_id, row->actor_token_id, row->address, row->agent,
                                 row->workspace_id, row->project_id, row->environment_id, row->payload,
                                 row->problem, time};
  for (size_t i = 0; i < ARRAY_LEN(members); i++) add_text(s, members[i]);
  sha256_hex(s, hex);
  sha256_free(s);
}

static void set_hash(struct audit_log *row) {
  char hex[SHA256_HEX_SIZE];
  hash_of(row, hex);
  str_replace_owned(&row->hash, hex);
}

static err *setting_or_none(db *d, const char *key, char **ret_hash) {
  TRY(setting_get(d, key, ret_hash));
  if (!*ret_hash) *ret_hash = str_dup(NO_HASH);
  return NULL;
}

/* ---- writing ---- */

static err *forget_old(db *d, int64_t now_us) {
  auto_db_stmt *s = NULL;
  auto_free char *base = NULL;
  bool row;
  int64_t last = 0;
  TRY(db_query(d, "SELECT seq, hash, created_us, (SELECT max(seq) FROM audit_logs) FROM audit_logs WHERE seq > 0 ORDER BY seq LIMIT 100",
               DB_NONE, &s));
  for (;;) {
    TRY(db_step(s, &row));
    if (!row) break;
    bool old = db_column_int(s, 2) < now_us - AUDIT_KEEP_US || db_column_int(s, 0) <= db_column_int(s, 3) - AUDIT_ROWS_MAX;
    if (!old || db_column_int(s, 0) == db_column_int(s, 3)) break;
    last = db_column_int(s, 0);
    str_replace_owned(&base, db_column_text(s, 1));
  }
  if (!last) return NULL;
  db_finish(s);
  s = NULL;
  TRY(db_run(d, "DELETE FROM audit_logs WHERE seq <= ?1", DB_BIND(db_int(last)), NULL));
  return setting_set(d, SETTING_BASE, base);
}

err *audit_append(db *d, struct audit_log *row) {
  auto_db_relaxed relaxed = db_relax(d);
  auto_db_transaction t = {0};
  if (!*row->id) id_new(row->id);
  if (!row->created_us) row->created_us = clock_now_us();
  TRY(db_begin(d, &t));
  TRY(setting_or_none(d, SETTING_HEAD, &row->previous_hash));
  set_hash(row);
  TRY(row_insert(d, &audit_logs, row));
  TRY(setting_set(d, SETTING_HEAD, row->hash));
  TRY(forget_old(d, row->created_us));
  return db_commit(&t);
}

err *audit_complete(db *d, struct audit_log *row) {
  auto_db_relaxed relaxed = db_relax(d);
  auto_db_transaction t = {0};
  auto_free char *head = NULL;
  TRY(db_begin(d, &t));
  TRY(setting_or_none(d, SETTING_HEAD, &head));
  if (!str_eq(head, row->hash)) return err_new(ERR_CONFLICT, "the audit log went on before '%s' was over", row->event_type);
  set_hash(row);
  TRY(row_change(d, &audit_logs,
                 "UPDATE audit_logs SET outcome = ?2, problem = ?3, workspace_id = ?4, payload = ?5, hash = ?6 WHERE id = ?1",
                 DB_BIND(db_text(row->id), db_text(audit_outcome_name(row->outcome)), db_text(row->problem),
                         db_id(row->workspace_id), db_text(row->payload), db_text(row->hash)),
                 row->id));
  TRY(setting_set(d, SETTING_HEAD, row->hash));
  return db_commit(&t);
}

/* ---- reading ---- */

err *audit_list(db *d, const struct audit_filter *f, const struct page *page, struct audit_log_list *ret_list) {
  auto_free char *types = f->event_types ? json_to_text(f->event_types) : NULL;
  ROW_LIST(ret_list,
           row_list_page(d, &audit_logs,
                         "(t.workspace_id = ?1 OR (?2 AND t.workspace_id IS NULL))"
                         " AND (?3 IS NULL OR t.project_id = ?3) AND (?4 IS NULL OR t.environment_id = ?4)"
                         " AND (?5 IS NULL OR t.event_type IN (SELECT value FROM json_each(?5)))"
                         " AND t.created_us >= ?6 AND (?7 = 0 OR t.created_us < ?7)",
                         DB_BIND(db_text(f->workspace_id), db_int(f->and_of_none), db_id(f->project_id),
                                 db_id(f->environment_id), db_text(types), db_int(f->from_us), db_int(f->until_us)),
                         page, &rows_));
}

err *audit_get(db *d, const char *id, struct audit_log *ret_row) {
  return row_get(d, &audit_logs, "WHERE t.id = ?1", DB_BIND(db_text(id)), id, ret_row);
}

/* ---- verifying ---- */

void audit_verdict_done(struct audit_verdict *v) {
  free(v->problem);
  v->problem = NULL;
}

static void broken(struct audit_verdict *v, const char *id, const char *problem) {
  id_copy(v->broken_id, id);
  str_replace_owned(&v->problem, problem);
}

/* Where the chain must go on from: the row before `from`, or what was let go. */
static err *hash_before(db *d, int64_t from, char **ret_hash) {
  auto_db_stmt *s = NULL;
  bool row;
  TRY(db_query(d, "SELECT hash FROM audit_logs WHERE seq < ?1 ORDER BY seq DESC LIMIT 1", DB_BIND(db_int(from)), &s));
  TRY(db_step(s, &row));
  if (!row) return setting_or_none(d, SETTING_BASE, ret_hash);
  *ret_hash = str_dup(db_column_text(s, 0));
  return NULL;
}

static err *seq_of(db *d, const char *id, int64_t *ret_seq) {
  return db_query_int(d, "SELECT seq FROM audit_logs WHERE id = ?1", DB_BIND(db_text(id)), 0, ret_seq);
}

static void look_at(struct audit_verdict *v, const struct audit_log *row, const char *before) {
  char hex[SHA256_HEX_SIZE];
  hash_of(row, hex);
  if (!str_eq(row->previous_hash, before))
    broken(v, row->id, "what stood before it is missing or was replaced");
  else if (!str_eq(row->hash, hex))
    broken(v, row->id, "it was changed after it was written");
}

err *audit_verify(db *d, int64_t from, int64_t limit, struct audit_verdict *ret_verdict) {
  auto_audit_log_list list = {0};
  auto_free char *before = NULL, *head = NULL;
  struct rows rows = {0};
  struct audit_verdict v = {0};
  if (limit < 1 || limit > AUDIT_VERIFY_MAX) return err_new(ERR_INVALID, "limit: 1 to %d rows", AUDIT_VERIFY_MAX);
  TRY(hash_before(d, from, &before));
  TRY(row_list(d, &audit_logs, "WHERE t.seq >= ?1 ORDER BY t.seq LIMIT ?2", DB_BIND(db_int(from), db_int(limit)), &rows));
  list = (struct audit_log_list){rows.items, rows.len, false};
  for (size_t i = 0; i < list.len && !v.problem; i++) {
    look_at(&v, &list.items[i], before);
    str_replace_owned(&before, list.items[i].hash);
    v.rows++;
  }
  snprintf(v.head, sizeof v.head, "%s", before);
  err *e = NULL;
  if (!v.problem && (int64_t)list.len == limit) {
    e = seq_of(d, list.items[list.len - 1].id, &v.next);
    v.next++;
  } else if (!v.problem) {
    e = setting_or_none(d, SETTING_HEAD, &head);
    if (!e && !str_eq(head, before)) broken(&v, "", "the newest rows are missing");
  }
  if (e) {
    audit_verdict_done(&v);
    return e;
  }
  *ret_verdict = v;
  return NULL;
}
