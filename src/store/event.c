#include "store/event.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/row.h"

static const struct table events = {"events", &event_shape};

/* IS, not =: what concerns the machine has no ids. */
static err *count_again(db *d, const struct event *e, int64_t now_us, bool *ret_counted) {
  int64_t changed = 0;
  TRY(db_run(d,
             "UPDATE events SET count = count + 1, last_us = ?1, severity = ?9 WHERE seq ="
             " (SELECT max(seq) FROM events WHERE last_us > ?2 AND project_id IS ?3"
             " AND environment_id IS ?4 AND deployment_id IS ?5 AND object = ?6 AND action = ?7"
             " AND cause = ?8)",
             DB_BIND(db_int(now_us), db_int(now_us - EVENTS_SAME_US), db_id(e->project_id),
                     db_id(e->environment_id), db_id(e->deployment_id), db_text(e->object),
                     db_text(e->action), db_text(e->cause), db_text(event_severity_name(e->severity))),
             &changed));
  *ret_counted = changed > 0;
  return NULL;
}

static err *forget_old(db *d, int64_t now_us) {
  TRY(db_run(d, "DELETE FROM events WHERE seq <= (SELECT max(seq) FROM events) - ?1",
             DB_BIND(db_int(EVENTS_MAX)), NULL));
  return db_run(d, "DELETE FROM events WHERE last_us < ?1",
                DB_BIND(db_int(now_us - EVENTS_AGE_MAX_US)), NULL);
}

err *event_record(db *d, struct event *e, int64_t now_us) {
  bool counted = false;
  TRY(count_again(d, e, now_us, &counted));
  if (counted) return NULL;
  if (!e->count) e->count = 1;
  if (!e->created_us) e->created_us = now_us;
  if (!e->last_us) e->last_us = e->created_us;
  TRY(row_insert(d, &events, e));
  return forget_old(d, now_us);
}

/* --- lists --- */

/* A condition under construction, its values and the texts they borrow. */
struct condition {
  struct str text;
  struct strv kept;
  struct db_value values[8];
  size_t len;
};

static void add_value(struct condition *c, const char *text) {
  strv_add(&c->kept, text);
  c->values[c->len++] = db_text(c->kept.items[c->kept.len - 1]);
}

static void add_list(struct condition *c, const char *column, bool not, const json_t *list) {
  if (!list) return;
  auto_free char *text = json_to_text(list);
  add_value(c, text);
  str_addf(&c->text, " AND ifnull(t.%s, '') %sIN (SELECT value FROM json_each(?%zu))", column,
           not ? "NOT " : "", c->len);
}

static err *list(db *d, struct condition *c, const struct event_filter *filter,
                 const struct page *page, struct rows *ret_rows) {
  add_value(c, filter->project_id);
  str_add(&c->text, "(t.project_id = ?1 OR t.project_id IS NULL)");
  if (!str_empty(filter->environment_id)) {
    add_value(c, filter->environment_id);
    str_addf(&c->text, " AND (t.environment_id = ?%zu OR t.environment_id IS NULL)", c->len);
  }
  add_list(c, "object", false, filter->objects);
  add_list(c, "object", true, filter->not_objects);
  add_list(c, "action", false, filter->actions);
  add_list(c, "action", true, filter->not_actions);
  add_list(c, "service_id", false, filter->service_ids);
  add_list(c, "service_id", true, filter->not_service_ids);
  return row_list_page(d, &events, str_text(&c->text), (struct db_values){c->values, c->len}, page,
                       ret_rows);
}

err *event_list(db *d, const struct event_filter *filter, const struct page *page,
                struct event_list *ret_list) {
  struct condition c = {.text = STR_EMPTY, .kept = STRV_EMPTY};
  struct rows rows = {0};
  err *e = list(d, &c, filter, page, &rows);
  str_done(&c.text);
  strv_done(&c.kept);
  if (e) return e;
  *ret_list = (struct event_list){rows.items, rows.len, rows.has_more};
  return NULL;
}
