#include "model/shape.h"

#include <string.h>

#include "base/str.h"
#include "model/service_settings.h"

static void field_done(const struct field *f, void *at) {
  switch (f->kind) {
  case FIELD_TEXT:
    free(*(char **)at);
    break;
  case FIELD_JSON:
    json_decref(*(json_t **)at);
    break;
  case FIELD_SETTINGS:
    service_settings_done(at);
    break;
  case FIELD_ID:
  case FIELD_INT64:
  case FIELD_INT:
  case FIELD_BOOL:
  case FIELD_ENUM:
    break;
  }
}

static void field_copy(const struct field *f, const void *from, void *to) {
  switch (f->kind) {
  case FIELD_TEXT:
    *(char **)to = str_dup(*(char *const *)from);
    break;
  case FIELD_JSON:
    *(json_t **)to = json_deep_copy(*(json_t *const *)from);
    break;
  case FIELD_SETTINGS:
    service_settings_copy(from, to);
    break;
  case FIELD_ID:
  case FIELD_INT64:
  case FIELD_INT:
  case FIELD_BOOL:
  case FIELD_ENUM:
    memcpy(to, from, f->size);
    break;
  }
}

void shape_done(const struct shape *shape, void *item) {
  for (size_t i = 0; i < shape->count; i++)
    field_done(&shape->fields[i], (char *)item + shape->fields[i].offset);
  memset(item, 0, shape->size);
}

void shape_copy(const struct shape *shape, const void *item, void *ret_copy) {
  memset(ret_copy, 0, shape->size);
  for (size_t i = 0; i < shape->count; i++) {
    size_t offset = shape->fields[i].offset;
    field_copy(&shape->fields[i], (const char *)item + offset, (char *)ret_copy + offset);
  }
}
