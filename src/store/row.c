#include "store/row.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/service_settings.h"
#include "store/sealed.h"

/* --- from a struct --- */

/* The values of a struct, and the texts that were made for them. */
struct row_values {
  struct db_value items[ROW_FIELDS_MAX];
  char *made[ROW_FIELDS_MAX];
  struct str blob; /* of the sealed one */
};

static void row_values_done(struct row_values *v) {
  for (size_t i = 0; i < ARRAY_LEN(v->made); i++)
    free(v->made[i]);
  str_done(&v->blob);
}
#define auto_row_values __attribute__((cleanup(row_values_done))) struct row_values

static unsigned enum_at(const void *at) {
  unsigned value;
  memcpy(&value, at, sizeof value);
  return value;
}

static struct db_value json_value(const json_t *json, char **made) {
  *made = json ? json_to_text(json) : NULL;
  return db_text(*made);
}

static struct db_value value_of(const struct field *f, const void *at, char **made) {
  switch (f->kind) {
  case FIELD_ID:
    return db_id(at);
  case FIELD_TEXT:
    return db_text(*(char *const *)at);
  case FIELD_INT64:
    return db_int(*(const int64_t *)at);
  case FIELD_INT:
    return db_int(*(const int *)at);
  case FIELD_BOOL:
    return db_int(*(const bool *)at);
  case FIELD_ENUM:
    return db_text(names_word(f->names, enum_at(at)));
  case FIELD_JSON:
    return json_value(*(json_t *const *)at, made);
  case FIELD_SETTINGS:
    break;
  }
  auto_json *settings = service_settings_to_json(at);
  return json_value(settings, made);
}

static const struct field *field_named(const struct shape *shape, const char *name) {
  for (size_t i = 0; i < shape->count; i++)
    if (str_eq(shape->fields[i].name, name)) return &shape->fields[i];
  return NULL;
}

static void *member_named(const struct shape *shape, void *item, const char *name) {
  const struct field *f = field_named(shape, name);
  return f ? (char *)item + f->offset : NULL;
}

static void fill_time(const struct shape *shape, void *item, const char *name, int64_t time_us) {
  int64_t *at = member_named(shape, item, name);
  if (at && !*at) *at = time_us;
}

static void fill_in(const struct shape *shape, void *item) {
  char *id = member_named(shape, item, "id");
  if (id && !*id) id_new(id);
  fill_time(shape, item, "created_us", clock_now_us());
  const int64_t *created_us = member_named(shape, item, "created_us");
  if (created_us) fill_time(shape, item, "updated_us", *created_us);
}

static char *insert_text(const struct table *t, const char *tail) {
  auto_str sql = STR_EMPTY;
  str_addf(&sql, "INSERT INTO %s (", t->name);
  for (size_t i = 0; i < t->shape->count; i++)
    str_addf(&sql, "%s%s", i ? ", " : "", t->shape->fields[i].name);
  const struct sealed_column *sealed = sealed_column_of(t->name);
  bool has_format = sealed && sealed->format;
  if (has_format) str_addf(&sql, ", %s", sealed->format);
  str_add(&sql, ") VALUES (");
  for (size_t i = 0; i < t->shape->count; i++)
    str_addf(&sql, "%s?%zu", i ? ", " : "", i + 1);
  if (has_format) str_add(&sql, ", 1");
  str_addf(&sql, ") %s", tail);
  return str_take(&sql);
}

static bool is_sealed(const struct sealed_column *sealed, const struct field *f) {
  return sealed && str_eq(sealed->value, f->name);
}

/* The members that say whose secret it is: ids and texts. */
static void identity_of(const struct sealed_column *sealed, const struct shape *shape, void *item,
                        const char *ret_identity[SEALED_IDENTITY_MAX]) {
  for (size_t i = 0; sealed->identity[i]; i++) {
    const struct field *f = field_named(shape, sealed->identity[i]);
    void *at = (char *)item + f->offset;
    ret_identity[i] = f->kind == FIELD_ID ? at : *(char **)at;
  }
}

static err *seal(db *d, const struct sealed_column *sealed, const struct shape *shape, void *item,
                 struct db_value *value, struct str *blob) {
  const char *identity[SEALED_IDENTITY_MAX];
  if (value->type == DB_NULL) return NULL;
  identity_of(sealed, shape, item, identity);
  TRY(sealed_encrypt(d, sealed, identity, value->text, blob));
  *value = db_blob(blob->data, blob->len);
  return NULL;
}

err *row_upsert(db *d, const struct table *t, const char *tail, void *item) {
  const struct shape *shape = t->shape;
  if (shape->count > ROW_FIELDS_MAX) abort();
  const struct sealed_column *sealed = sealed_column_of(t->name);
  fill_in(shape, item);
  auto_row_values values = {0};
  for (size_t i = 0; i < shape->count; i++) {
    const struct field *f = &shape->fields[i];
    values.items[i] = value_of(f, (char *)item + f->offset, &values.made[i]);
    if (is_sealed(sealed, f)) TRY(seal(d, sealed, shape, item, &values.items[i], &values.blob));
  }
  auto_free char *sql = insert_text(t, tail);
  return db_run(d, sql, (struct db_values){values.items, shape->count}, NULL);
}

err *row_insert(db *d, const struct table *t, void *item) {
  return row_upsert(d, t, "", item);
}

/* --- to a struct --- */

static err *read_json(const char *text, json_t **ret_json) {
  return err_recode(json_parse(text, strlen(text), "stored JSON", ret_json), ERR_CORRUPT);
}

static err *read_settings(const char *text, struct service_settings *ret_settings) {
  auto_json *object = NULL;
  TRY(read_json(text, &object));
  service_settings_init(ret_settings); /* the row's reader ends it, also when the next line fails */
  return err_recode(service_settings_apply_json(ret_settings, object), ERR_CORRUPT);
}

static err *read_text(const struct field *f, const char *text, void *at) {
  unsigned word;
  switch (f->kind) {
  case FIELD_ID:
    if (strlen(text) >= ID_SIZE) return err_new(ERR_CORRUPT, "is not an id");
    memcpy(at, text, strlen(text) + 1);
    return NULL;
  case FIELD_ENUM:
    TRY(err_recode(names_find(f->names, text, &word), ERR_CORRUPT));
    memcpy(at, &word, sizeof word);
    return NULL;
  case FIELD_JSON:
    return read_json(text, at);
  case FIELD_SETTINGS:
    return read_settings(text, at);
  default:
    *(char **)at = str_dup(text);
    return NULL;
  }
}

static err *read_number(const struct field *f, int64_t number, void *at) {
  if (f->kind == FIELD_INT && (number < INT_MIN || number > INT_MAX))
    return err_new(ERR_CORRUPT, "is out of range");
  if (f->kind == FIELD_INT64)
    *(int64_t *)at = number;
  else if (f->kind == FIELD_INT)
    *(int *)at = (int)number;
  else
    *(bool *)at = number != 0;
  return NULL;
}

static err *read_field(db_stmt *s, int column, const struct field *f, void *at) {
  if (f->kind == FIELD_INT64 || f->kind == FIELD_INT || f->kind == FIELD_BOOL)
    return read_number(f, db_column_int(s, column), at);
  if (db_column_is_null(s, column)) return NULL; /* the struct is zeroed */
  /* A value that is kept in a way that this program is too old for is a blob. */
  if (!db_column_is_text(s, column))
    return err_new(ERR_CORRUPT, "is kept in a format that this version does not know");
  return read_text(f, db_column_text(s, column), at);
}

static err *read_sealed(db *d, const struct sealed_column *sealed, db_stmt *s, int column, const struct shape *shape,
                        void *item) {
  const char *identity[SEALED_IDENTITY_MAX];
  const struct field *f = &shape->fields[column];
  auto_free char *text = NULL;
  identity_of(sealed, shape, item, identity);
  TRY(sealed_read(d, sealed, identity, s, column, &text));
  if (!text) return NULL;
  err *e = read_text(f, text, (char *)item + f->offset);
  secret_wipe(text, strlen(text));
  return e;
}

/* A sealed member comes behind those that its identity is made of. */
static err *read_row(db *d, db_stmt *s, const struct table *t, void *ret_item) {
  const struct shape *shape = t->shape;
  const struct sealed_column *sealed = sealed_column_of(t->name);
  memset(ret_item, 0, shape->size);
  for (size_t i = 0; i < shape->count; i++) {
    const struct field *f = &shape->fields[i];
    err *e = is_sealed(sealed, f) ? read_sealed(d, sealed, s, (int)i, shape, ret_item)
                                  : read_field(s, (int)i, f, (char *)ret_item + f->offset);
    if (!e) continue;
    shape_done(shape, ret_item);
    return err_wrap(e, "%s.%s", t->name, f->name);
  }
  return NULL;
}

static char *select_text(const struct table *t, const char *tail) {
  auto_str sql = STR_EMPTY;
  str_add(&sql, "SELECT ");
  for (size_t i = 0; i < t->shape->count; i++)
    str_addf(&sql, "%st.%s", i ? ", " : "", t->shape->fields[i].name);
  str_addf(&sql, " FROM %s AS t %s", t->name, tail);
  return str_take(&sql);
}

static err *find(db *d, const struct table *t, const char *tail, struct db_values values,
                 bool *ret_found, void *ret_item) {
  auto_free char *sql = select_text(t, tail);
  auto_db_stmt *s = NULL;
  bool row;
  TRY(db_query(d, sql, values, &s));
  TRY(db_step(s, &row));
  if (row) TRY(read_row(d, s, t, ret_item));
  *ret_found = row;
  return NULL;
}

err *row_find(db *d, const struct table *t, const char *tail, struct db_values values,
              bool *ret_found, void *ret_item) {
  return err_wrap(find(d, t, tail, values, ret_found, ret_item), "reading from '%s'", t->name);
}

err *row_get(db *d, const struct table *t, const char *tail, struct db_values values,
             const char *key, void *ret_item) {
  bool found;
  TRY(row_find(d, t, tail, values, &found, ret_item));
  if (!found) return err_new(ERR_NOT_FOUND, "%s '%.64s' does not exist", t->shape->what, key);
  return NULL;
}

/* --- lists --- */

static void rows_done(const struct shape *shape, struct rows *rows) {
  for (size_t i = 0; i < rows->len; i++)
    shape_done(shape, (char *)rows->items + i * shape->size);
  free(rows->items);
  *rows = (struct rows){0};
}

static err *read_rows(db *d, db_stmt *s, const struct table *t, struct rows *rows) {
  size_t capacity = 0;
  for (;;) {
    bool row;
    TRY(db_step(s, &row));
    if (!row) return NULL;
    rows->items = mem_grow(rows->items, &capacity, rows->len + 1, t->shape->size);
    TRY(read_row(d, s, t, (char *)rows->items + rows->len * t->shape->size));
    rows->len++;
  }
}

err *row_list(db *d, const struct table *t, const char *tail, struct db_values values,
              struct rows *ret_rows) {
  auto_free char *sql = select_text(t, tail);
  auto_db_stmt *s = NULL;
  TRY(db_query(d, sql, values, &s));
  struct rows rows = {0};
  err *e = read_rows(d, s, t, &rows);
  if (e) {
    rows_done(t->shape, &rows);
    return err_wrap(e, "reading from '%s'", t->name);
  }
  *ret_rows = rows;
  return NULL;
}

/* The seq to stay below: everything, or what is older than the cursor. */
static err *seq_after(db *d, const struct table *t, const char *after, int64_t *ret_seq) {
  *ret_seq = INT64_MAX;
  if (str_empty(after)) return NULL;
  auto_free char *sql = str_format("SELECT seq FROM %s WHERE id = ?1", t->name);
  TRY(db_query_int(d, sql, DB_BIND(db_text(after)), -1, ret_seq));
  if (*ret_seq < 0)
    return err_new(ERR_INVALID, "the cursor '%.64s' names no %s", after, t->shape->what);
  return NULL;
}

static err *list_one_page(db *d, const struct table *t, const char *where, struct db_values values,
                          const struct page *page, struct rows *ret_rows) {
  enum { PAGE_VALUES = 2 };
  if (page->first < 1 || page->first > PAGE_FIRST_MAX)
    return err_new(ERR_INVALID, "a page has 1 to %d items, not %lld", PAGE_FIRST_MAX,
                   (long long)page->first);
  struct db_value all[ROW_FIELDS_MAX + PAGE_VALUES];
  if (values.len > ROW_FIELDS_MAX) abort();
  if (values.len) memcpy(all, values.items, values.len * sizeof *all);
  int64_t below;
  TRY(seq_after(d, t, page->after, &below));
  all[values.len] = db_int(below);
  all[values.len + 1] =
      db_int(page->first + 1); /* one more than asked tells whether there is more */
  auto_free char *tail = str_format("WHERE (%s) AND t.seq < ?%zu ORDER BY t.seq DESC LIMIT ?%zu",
                                    where, values.len + 1, values.len + 2);
  TRY(row_list(d, t, tail, (struct db_values){all, values.len + PAGE_VALUES}, ret_rows));
  if (ret_rows->len <= (size_t)page->first) return NULL;
  ret_rows->has_more = true;
  shape_done(t->shape, (char *)ret_rows->items + --ret_rows->len * t->shape->size);
  return NULL;
}

err *row_list_page(db *d, const struct table *t, const char *where, struct db_values values,
                   const struct page *page, struct rows *ret_rows) {
  if (page) return list_one_page(d, t, where, values, page, ret_rows);
  auto_free char *tail = str_format("WHERE %s ORDER BY t.seq DESC", where);
  return row_list(d, t, tail, values, ret_rows);
}

/* --- changes --- */

err *row_change(db *d, const struct table *t, const char *sql, struct db_values values,
                const char *key) {
  int64_t changed;
  TRY(db_run(d, sql, values, &changed));
  if (!changed) return err_new(ERR_NOT_FOUND, "%s '%.64s' does not exist", t->shape->what, key);
  return NULL;
}

err *row_taken(err *e, const char *format, ...) {
  bool taken =
      e && err_code_of(e) == ERR_CONFLICT && strstr(err_message(e), "UNIQUE constraint failed");
  if (!taken) return e;
  err_free(e);
  va_list args;
  va_start(args, format);
  auto_free char *text = str_vformat(format, args);
  va_end(args);
  return err_new(ERR_CONFLICT, "%s", text);
}
