/* YAML (libyaml) as a tree of values that remember their lines.
 *
 * A document of a stranger: its size, depth and the number of values are limited, aliases counted as often
 * as they are used, so that a few lines cannot stand for billions.  One document; anchors, aliases and
 * merge keys ("<<") are understood; tags are not: a scalar is text, and who reads it knows what it should
 * be. */
#ifndef TRAMWAY_CLI_YAML_H
#define TRAMWAY_CLI_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define YAML_SIZE_MAX (1 << 20)
#define YAML_DEPTH_MAX 32
#define YAML_VALUES_MAX 50000 /* with aliases followed */

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml {
  enum yaml_kind kind;
  int line;    /* from 1 */
  char *text;  /* of a scalar */
  bool plain;  /* a scalar without quotes: true, null and 12 mean what they say */
  struct yaml_item {
    char *key; /* of a map */
    int line;
    struct yaml *value;
  } * items;   /* of a list or map, in order */
  size_t len, capacity;
  size_t weight; /* values in it, itself included */
  bool open;     /* still being read: an alias to it would never end */
  int owners;    /* aliases share it */
};

/* ERR_INVALID with file and line; ERR_LIMIT. */
fallible yaml_parse(const char *text, size_t len, const char *file, struct yaml **ret_root);
void yaml_free(struct yaml *y); /* NULL is accepted */
static inline void yaml_cleanup_(struct yaml **y) {
  yaml_free(*y);
}
#define auto_yaml __attribute__((cleanup(yaml_cleanup_))) struct yaml

/* The value of a map's key, or NULL; also when `y` is NULL or no map. */
const struct yaml *yaml_get(const struct yaml *y, const char *key);
const struct yaml_item *yaml_item(const struct yaml *y, const char *key);

bool yaml_is_null(const struct yaml *y);  /* NULL, nothing, "~" or "null", unquoted */
const char *yaml_text(const struct yaml *y); /* of a scalar that is not null, or NULL */
bool yaml_is_true(const struct yaml *y);  /* true, yes, on: YAML 1.1, as compose reads it */

#endif
