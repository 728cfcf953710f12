/* The shape of a struct: a table of its members, so that freeing, copying and storing need no code
 * per struct (store/row.h makes the SQL from it; a member and its column have the same name).
 *
 * Every struct of the model is plain data.  It starts as `= {0}` and ends with `<type>_done`, which
 * frees what its members own; `auto_<type>` does so at the end of the scope.  Members are:
 *   char x[ID_SIZE]   an id; "" means none (NULL in the database)
 *   char *x           owned text, or NULL
 *   int64_t, int      numbers; times are Unix microseconds, 0 = has not happened
 *   bool
 *   enum              from 0, with its words (model/names.h)
 *   json_t *x         owned, or NULL
 *   struct service_settings */
#ifndef TRAMWAY_MODEL_SHAPE_H
#define TRAMWAY_MODEL_SHAPE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/secret.h"
#include "model/names.h"

struct service_settings;

enum field_kind {
  FIELD_ID,
  FIELD_TEXT,
  FIELD_INT64,
  FIELD_INT,
  FIELD_BOOL,
  FIELD_ENUM,
  FIELD_JSON,
  FIELD_SETTINGS,
};

struct field {
  const char *name;
  enum field_kind kind;
  size_t offset;
  size_t size;
  const struct names *names; /* of FIELD_ENUM */
};

struct shape {
  const char *what; /* "project", for error texts */
  size_t size;
  const struct field *fields;
  size_t count;
};

/* A row of a shape's table: the kind follows from the member's type. */
#define FIELD(type, member)                                                                        \
  {                                                                                                \
#member,                                                                                        \
   _Generic(&((type *)0)->member, char(*)[ID_SIZE]: FIELD_ID, char **: FIELD_TEXT,                  \
            int64_t *: FIELD_INT64, int *: FIELD_INT, bool *: FIELD_BOOL, json_t **: FIELD_JSON,   \
            struct service_settings *: FIELD_SETTINGS),                                            \
   offsetof(type, member), sizeof(((type *)0)->member), NULL  \
  }
#define ENUM_FIELD(type, member, names)                                                            \
  { #member, FIELD_ENUM, offsetof(type, member), sizeof(((type *)0)->member), &(names) }
#define SHAPE(what, type, fields)                                                                  \
  { what, sizeof(type), fields, sizeof(fields) / sizeof((fields)[0]) }

void shape_done(const struct shape *shape, void *item); /* leaves the struct empty: {0} */
void shape_copy(const struct shape *shape, const void *item, void *ret_copy);

/* Declares for `struct type`: type_shape, type_done, type_copy (the caller owns the copy),
 * struct type_list and type_list_done.  `has_more` is set by paged queries (store/page.h). */
#define MODEL_STRUCT(type)                                                                         \
  extern const struct shape type##_shape;                                                          \
  static inline void type##_done(struct type *item) {                                              \
    shape_done(&type##_shape, item);                                                               \
  }                                                                                                \
  static inline void type##_copy(const struct type *item, struct type *ret_copy) {                 \
    shape_copy(&type##_shape, item, ret_copy);                                                     \
  }                                                                                                \
  struct type##_list {                                                                             \
    struct type *items;                                                                            \
    size_t len;                                                                                    \
    bool has_more;                                                                                 \
  };                                                                                               \
  static inline void type##_list_done(struct type##_list *list) {                                  \
    for (size_t i = 0; i < list->len; i++)                                                         \
      type##_done(&list->items[i]);                                                                \
    free(list->items);                                                                             \
    *list = (struct type##_list){0};                                                               \
  }                                                                                                \
  struct type##_list

#define MODEL_AUTO(type) __attribute__((cleanup(type##_done))) struct type

#endif
