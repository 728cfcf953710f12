#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

err *json_parse(const char *text, size_t len, const char *what, json_t **ret_value) {
  json_error_t error;
  json_t *value = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
  if (!value)
    return err_new(ERR_INVALID, "%s: not JSON: line %d, column %d: %s", what, error.line,
                   error.column, error.text);
  *ret_value = value;
  return NULL;
}

static char *dump(const json_t *value, size_t flags) {
  char *text = json_dumps(value, flags | JSON_ENCODE_ANY);
  if (!text) abort(); /* only out of memory, or invalid UTF-8 that json_string() would have refused */
  return text;
}

char *json_to_text(const json_t *value) {
  return dump(value, JSON_COMPACT);
}

char *json_to_pretty_text(const json_t *value) {
  return dump(value, JSON_INDENT(2));
}

const char *json_get_text(const json_t *object, const char *key) {
  return json_string_value(json_object_get(object, key));
}

int64_t json_get_int(const json_t *object, const char *key, int64_t otherwise) {
  const json_t *value = json_object_get(object, key);
  return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

bool json_get_bool(const json_t *object, const char *key, bool otherwise) {
  const json_t *value = json_object_get(object, key);
  return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

void json_set_text(json_t *object, const char *key, const char *text) {
  json_object_set_new(object, key, text ? json_string(text) : json_null());
}

void json_put(json_t *object, const char *path, json_t *value) {
  for (const char *dot; (dot = strchr(path, '.')); path = dot + 1) {
    auto_free char *key = str_ndup(path, (size_t)(dot - path));
    json_t *inner = json_object_get(object, key);
    if (!inner) json_object_set_new(object, key, inner = json_object());
    object = inner;
  }
  json_object_set_new(object, path, value);
}
