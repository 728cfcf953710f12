/* A copy beside the live one, and whether it is whole. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "core/database_upgrade_private.h"
#include "core/database_upgrade_report.h"
#include "core/database_upgrade_steps.h"

enum { FREEZE_MS = 60000, ALL_FACTS_BYTES = 32 << 20, DATABASES_MAX = 1000 };

/* `no` is a way to say off that nobody writes: what is set already stays as it is.  What autovacuum does would count as
 * transactions. */
static const char sql_freeze[] =
    "ALTER SYSTEM SET default_transaction_read_only = on;\n"
    "SELECT 'ALTER SYSTEM SET autovacuum = no' WHERE NOT EXISTS (SELECT FROM pg_file_settings WHERE name = 'autovacuum' AND "
    "sourcefile ~ '/postgresql.auto.conf$') \\gexec\n"
    "SELECT pg_reload_conf()";
/* Ends who connected before; then a number that every transaction that writes makes larger.  What was prepared for a commit
 * in two phases has its number already. */
static const char sql_frozen[] =
    "SELECT current_setting('default_transaction_read_only') || ' ' || (SELECT count(pg_terminate_backend(pid)) FROM "
    "pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type IN ('client backend', 'autovacuum worker') AND "
    "backend_start < pg_conf_load_time()) + (SELECT count(*) FROM pg_prepared_xacts) || ' ' || "
    "pg_snapshot_xmax(pg_current_snapshot())";
/* The server stays as it is until it reads its files again.  A restore to a moment needs a transaction from after it: the
 * last one is from now. */
static const char sql_forget[] = UPGRADE_SQL_UNFREEZE "SELECT pg_current_xact_id()";

/* ---- is all there? ---- */

static void on_still_frozen(upgrade_task *t, err *e, const char *output) {
  if (!e && !str_eq(output, t->frozen))
    e = err_new(ERR_CONFLICT, "the database was written to or started again while it was copied: stop those who write, and try again");
  if (!e) e = upgrade_record(t, DATABASE_UPGRADE_SWAPPING);
  if (e)
    upgrade_fail(t, e);
  else
    upgrade_switch(t);
}

static void compare(upgrade_task *t) {
  json_t *report = upgrade_report_make(t->facts[0], t->facts[1], !t->u.is_rehearsal);
  json_object_set(report, "copySeconds", json_object_get(t->u.report, "copySeconds"));
  json_decref(t->u.report);
  t->u.report = report;
  size_t problems = json_array_size(json_object_get(report, "problems"));
  err *e = problems ? err_new(ERR_CONFLICT, "%zu of what is in the database did not arrive as it is: %s", problems,
                              json_string_value(json_array_get(json_object_get(report, "problems"), 0)))
                    : NULL;
  if (!e && !t->u.is_rehearsal) e = upgrade_ask(t, t->u.service_id, NULL, sql_frozen, on_still_frozen);
  if (e)
    upgrade_fail(t, e);
  else if (t->u.is_rehearsal)
    upgrade_conclude(t);
}

static void ask_facts(upgrade_task *t);

static const char *asked_database(const upgrade_task *t) {
  const json_t *names = json_object_get(json_object_get(t->facts[0], "cluster"), "databases");
  return t->asked < 2 ? NULL : json_string_value(json_array_get(names, t->asked / 2 - 1));
}

/* The program that tells is the image's: it may tell without end. */
static err *take_facts(upgrade_task *t, const char *output, json_t **ret_facts) {
  size_t len = strlen(output);
  t->facts_bytes += len;
  if (t->facts_bytes > ALL_FACTS_BYTES) return err_new(ERR_LIMIT, "it tells more of itself than %d bytes", ALL_FACTS_BYTES);
  TRY(json_parse(output, len, "what the database says of itself", ret_facts));
  if (json_array_size(json_object_get(*ret_facts, "databases")) <= DATABASES_MAX) return NULL;
  return err_new(ERR_LIMIT, "it has more than %d databases", DATABASES_MAX);
}

static void on_facts(upgrade_task *t, err *e, const char *output) {
  auto_json *facts = NULL;
  const char *database = asked_database(t);
  if (!e) e = take_facts(t, output, &facts);
  if (e) {
    upgrade_fail(t, err_wrap(e, t->asked % 2 ? "the copy" : "the database"));
    return;
  }
  json_t *all = t->facts[t->asked % 2];
  if (database)
    json_object_set(json_object_get(all, "databases"), database, facts);
  else
    json_object_set(all, "cluster", facts);
  t->asked++;
  ask_facts(t);
}

/* A database that the copy does not have is not asked for: that is in the report anyway. */
static bool is_missing(const upgrade_task *t, const char *database) {
  const json_t *names = json_object_get(json_object_get(t->facts[1], "cluster"), "databases");
  for (size_t i = 0; i < json_array_size(names); i++)
    if (str_eq(json_string_value(json_array_get(names, i)), database)) return false;
  return true;
}

static void ask_facts(upgrade_task *t) {
  const char *database = asked_database(t);
  bool of_copy = t->asked % 2;
  if (t->asked >= 2 && !database) {
    compare(t);
    return;
  }
  if (of_copy && database && is_missing(t, database)) {
    t->asked++;
    ask_facts(t);
    return;
  }
  err *e = upgrade_ask(t, of_copy ? t->u.sibling_id : t->u.service_id, database,
                       database ? upgrade_sql_database : upgrade_sql_cluster, on_facts);
  if (e) upgrade_fail(t, e);
}

/* ---- the copy ---- */

static void on_copying(void *arg) {
  upgrade_task *t = arg;
  bool live = false;
  upgrade_due(t);
  err *e = err_wrap(upgrade_look_at(t, t->u.sibling_id, t->u.image, &live), "the copy");
  if (!e && !live) {
    upgrade_later(t, on_copying);
    return;
  }
  if (!e) {
    t->u.report = json_pack("{s:I}", "copySeconds", (json_int_t)((clock_monotonic_ms() - t->since_ms) / 1000));
    for (int i = 0; i < 2; i++) t->facts[i] = json_pack("{s:{}}", "databases");
    e = upgrade_record(t, DATABASE_UPGRADE_COMPARING);
  }
  if (e)
    upgrade_fail(t, e);
  else
    ask_facts(t);
}

static void copy(upgrade_task *t) {
  err *e = upgrade_make_sibling(t->core, t->version, &t->u, t->user_id);
  t->since_ms = clock_monotonic_ms();
  if (e)
    upgrade_fail(t, e);
  else
    upgrade_later(t, on_copying);
}

/* ---- the end of writing ---- */

static void ask_next(upgrade_task *t, const char *text, upgrade_answer_fn *done) {
  err *e = upgrade_ask(t, t->u.service_id, NULL, text, done);
  if (e) upgrade_fail(t, err_wrap(e, "ending what writes"));
}

static bool is_frozen(const char *output) {
  return str_starts(output, "on 0 ");
}

static void on_frozen_for_good(upgrade_task *t, err *e, const char *output) {
  if (!e && !is_frozen(output)) e = err_new(ERR_CONFLICT, "the database was started again meanwhile");
  if (e) {
    upgrade_fail(t, err_wrap(e, "ending what writes"));
    return;
  }
  t->frozen = str_dup(output);
  copy(t);
}

static void on_forgotten(upgrade_task *t, err *e, const char *output) {
  (void)output;
  if (e)
    upgrade_fail(t, err_wrap(e, "ending what writes"));
  else
    ask_next(t, sql_frozen, on_frozen_for_good);
}

static void ask_frozen(void *arg);

static void on_frozen(upgrade_task *t, err *e, const char *output) {
  bool frozen = !e && is_frozen(output);
  if (!e && !frozen && clock_monotonic_ms() - t->since_ms > FREEZE_MS)
    e = err_new(ERR_BUSY, "some connections or prepared transactions did not end within a minute");
  if (frozen) t->u.frozen_us = clock_now_us();
  if (e)
    upgrade_fail(t, err_wrap(e, "ending what writes"));
  else if (frozen)
    ask_next(t, sql_forget, on_forgotten);
  else
    upgrade_later(t, ask_frozen);
}

static void ask_frozen(void *arg) {
  upgrade_task *t = arg;
  upgrade_due(t);
  ask_next(t, sql_frozen, on_frozen);
}

static void on_freezing(upgrade_task *t, err *e, const char *output) {
  (void)output;
  if (e)
    upgrade_fail(t, err_wrap(e, "ending what writes"));
  else
    upgrade_later(t, ask_frozen);
}

void upgrade_copy_begin(upgrade_task *t) {
  if (t->u.is_rehearsal)
    copy(t);
  else
    ask_next(t, sql_freeze, on_freezing);
}
