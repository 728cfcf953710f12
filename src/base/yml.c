#include "base/yml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"

void yml_free(struct yml *y) {
  if (!y || --y->owners > 0) return;
  for (size_t i = 0; i < y->len; i++) {
    free(y->items[i].key);
    yml_free(y->items[i].value);
  }
  free(y->items);
  free(y->text);
  free(y);
}

static struct yml *value_new(enum yml_kind kind, int line) {
  struct yml *y = mem_zalloc(sizeof *y);
  *y = (struct yml){.kind = kind, .line = line, .weight = 1, .owners = 1};
  return y;
}

/* Takes key and value. */
static void add(struct yml *y, char *key, int line, struct yml *value) {
  y->items = mem_grow(y->items, &y->capacity, y->len + 1, sizeof *y->items);
  y->items[y->len++] = (struct yml_item){key, line, value};
  y->weight += value->weight;
}

/* ---- reading ---- */

struct reader {
  yaml_parser_t parser;
  const char *file;
  map *anchors; /* name → struct yml, an owner each */
};

static void event_done(yaml_event_t *event) {
  yaml_event_delete(event);
}
#define auto_event __attribute__((cleanup(event_done))) yaml_event_t

static int line_of(const yaml_event_t *event) {
  return (int)event->start_mark.line + 1;
}

static err *next_event(struct reader *r, yaml_event_t *ret_event) {
  if (yaml_parser_parse(&r->parser, ret_event)) return NULL;
  memset(ret_event, 0, sizeof *ret_event);
  return err_new(ERR_INVALID, "%s, line %zu: %s", r->file, r->parser.problem_mark.line + 1,
                 r->parser.problem ? r->parser.problem : "not YAML");
}

static err *check_weight(const struct reader *r, const struct yml *y) {
  if (y->weight <= YML_VALUES_MAX) return NULL;
  return err_new(ERR_LIMIT, "%s, line %d: more than %d values, aliases counted as often as they are used", r->file,
                 y->line, YML_VALUES_MAX);
}

static void set_anchor(struct reader *r, const yaml_char_t *name, struct yml *y) {
  if (!name) return;
  yml_free(map_remove(r->anchors, (const char *)name));
  y->owners++;
  map_set(r->anchors, (const char *)name, y);
}

static err *take_alias(struct reader *r, const yaml_event_t *event, struct yml **ret_value) {
  const char *name = (const char *)event->data.alias.anchor;
  struct yml *y = map_get(r->anchors, name);
  if (!y) return err_new(ERR_INVALID, "%s, line %d: there is no anchor '&%s'", r->file, line_of(event), name);
  if (y->open) return err_new(ERR_INVALID, "%s, line %d: '*%s' is inside of itself", r->file, line_of(event), name);
  y->owners++;
  *ret_value = y;
  return NULL;
}

static struct yml *take_scalar(struct reader *r, const yaml_event_t *event) {
  struct yml *y = value_new(YML_SCALAR, line_of(event));
  y->text = str_ndup((const char *)event->data.scalar.value, event->data.scalar.length);
  y->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
  set_anchor(r, event->data.scalar.anchor, y);
  return y;
}

static err *read_value(struct reader *r, const yaml_event_t *event, int depth, struct yml **ret_value);

/* "<<": what the map itself does not have. */
static err *merge(struct reader *r, struct yml *into, const struct yml *from) {
  if (from->kind == YML_LIST) {
    for (size_t i = 0; i < from->len; i++) TRY(merge(r, into, from->items[i].value));
    return NULL;
  }
  if (from->kind != YML_MAP) return err_new(ERR_INVALID, "%s, line %d: '<<' takes a map", r->file, from->line);
  for (size_t i = 0; i < from->len; i++) {
    const struct yml_item *item = &from->items[i];
    if (yml_item(into, item->key)) continue;
    item->value->owners++;
    add(into, str_dup(item->key), item->line, item->value);
    TRY(check_weight(r, into));
  }
  return NULL;
}

static err *merge_all(struct reader *r, struct yml *y) {
  for (size_t i = 0; i < y->len; i++) {
    if (!str_eq(y->items[i].key, "<<")) continue;
    struct yml_item item = y->items[i];
    memmove(&y->items[i], &y->items[i + 1], (y->len - i - 1) * sizeof *y->items);
    y->len--;
    y->weight -= item.value->weight;
    free(item.key);
    err *e = merge(r, y, item.value);
    yml_free(item.value);
    return e;
  }
  return NULL;
}

static err *read_entry(struct reader *r, struct yml *y, const yaml_event_t *key, int depth) {
  auto_event event = {0};
  if (key->type != YAML_SCALAR_EVENT) return err_new(ERR_INVALID, "%s, line %d: a key must be text", r->file, line_of(key));
  if (y->len >= YML_KEYS_MAX) return err_new(ERR_LIMIT, "%s, line %d: more than %d keys", r->file, line_of(key), YML_KEYS_MAX);
  const char *name = (const char *)key->data.scalar.value;
  if (strlen(name) != key->data.scalar.length) return err_new(ERR_INVALID, "%s, line %d: a NUL in a key", r->file, line_of(key));
  if (yml_item(y, name)) return err_new(ERR_INVALID, "%s, line %d: '%.64s' is there twice", r->file, line_of(key), name);
  TRY(next_event(r, &event));
  struct yml *value;
  TRY(read_value(r, &event, depth, &value));
  add(y, str_dup(name), line_of(key), value);
  return check_weight(r, y);
}

static err *read_items(struct reader *r, struct yml *y, int depth) {
  for (;;) {
    auto_event event = {0};
    struct yml *value;
    TRY(next_event(r, &event));
    if (event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT) break;
    if (y->kind == YML_MAP) {
      TRY(read_entry(r, y, &event, depth));
      continue;
    }
    TRY(read_value(r, &event, depth, &value));
    add(y, NULL, value->line, value);
    TRY(check_weight(r, y));
  }
  return y->kind == YML_MAP ? merge_all(r, y) : NULL;
}

static err *read_inside(struct reader *r, const yaml_event_t *event, int depth, struct yml **ret_value) {
  bool is_map = event->type == YAML_MAPPING_START_EVENT;
  struct yml *y = value_new(is_map ? YML_MAP : YML_LIST, line_of(event));
  set_anchor(r, is_map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor, y);
  y->open = true;
  err *e = depth > YML_DEPTH_MAX
               ? err_new(ERR_LIMIT, "%s, line %d: deeper than %d levels", r->file, y->line, YML_DEPTH_MAX)
               : read_items(r, y, depth);
  y->open = false;
  if (e) {
    yml_free(y);
    return e;
  }
  *ret_value = y;
  return NULL;
}

static err *read_value(struct reader *r, const yaml_event_t *event, int depth, struct yml **ret_value) {
  switch (event->type) {
  case YAML_ALIAS_EVENT: return take_alias(r, event, ret_value);
  case YAML_SCALAR_EVENT:
    if (memchr(event->data.scalar.value, '\0', event->data.scalar.length))
      return err_new(ERR_INVALID, "%s, line %d: a NUL in a text", r->file, line_of(event));
    *ret_value = take_scalar(r, event);
    return NULL;
  case YAML_SEQUENCE_START_EVENT:
  case YAML_MAPPING_START_EVENT: return read_inside(r, event, depth + 1, ret_value);
  default: return err_new(ERR_INVALID, "%s, line %d: not a value", r->file, line_of(event));
  }
}

static err *read_document(struct reader *r, struct yml **ret_root) {
  for (;;) {
    auto_event event = {0};
    TRY(next_event(r, &event));
    if (event.type == YAML_STREAM_START_EVENT || event.type == YAML_DOCUMENT_START_EVENT) continue;
    if (event.type == YAML_STREAM_END_EVENT) return err_new(ERR_INVALID, "%s: empty", r->file);
    return read_value(r, &event, 0, ret_root);
  }
}

/* What follows the document: its end, then the end of the file. */
static err *read_end(struct reader *r) {
  auto_event end = {0}, last = {0};
  TRY(next_event(r, &end));
  TRY(next_event(r, &last));
  if (last.type == YAML_STREAM_END_EVENT) return NULL;
  return err_new(ERR_INVALID, "%s, line %d: a second document", r->file, line_of(&last));
}

static void reader_done(struct reader *r) {
  size_t cursor = 0;
  const char *name;
  void *value;
  while (map_next(r->anchors, &cursor, &name, &value)) yml_free(value);
  map_free(r->anchors);
  yaml_parser_delete(&r->parser);
}

err *yml_parse(const char *text, size_t len, const char *file, struct yml **ret_root) {
  struct reader r = {.file = file};
  struct yml *root = NULL;
  if (len > YML_SIZE_MAX) return err_new(ERR_LIMIT, "%s has %zu bytes; at most %d are read", file, len, YML_SIZE_MAX);
  if (!yaml_parser_initialize(&r.parser)) abort(); /* out of memory */
  r.anchors = map_new();
  yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
  err *e = read_document(&r, &root);
  if (!e) e = read_end(&r);
  reader_done(&r);
  if (e) {
    yml_free(root);
    return e;
  }
  *ret_root = root;
  return NULL;
}

/* ---- asking ---- */

const struct yml_item *yml_item(const struct yml *y, const char *key) {
  for (size_t i = 0; y && y->kind == YML_MAP && i < y->len; i++)
    if (str_eq(y->items[i].key, key)) return &y->items[i];
  return NULL;
}

const struct yml *yml_get(const struct yml *y, const char *key) {
  const struct yml_item *item = yml_item(y, key);
  return item ? item->value : NULL;
}

bool yml_is_null(const struct yml *y) {
  if (!y) return true;
  return y->kind == YML_SCALAR && y->plain && (!*y->text || str_eq(y->text, "~") || str_ieq(y->text, "null"));
}

const char *yml_text(const struct yml *y) {
  return !yml_is_null(y) && y->kind == YML_SCALAR ? y->text : NULL;
}

bool yml_is_true(const struct yml *y) {
  const char *text = yml_text(y);
  return str_ieq(text, "true") || str_ieq(text, "yes") || str_ieq(text, "on") || str_ieq(text, "y");
}
