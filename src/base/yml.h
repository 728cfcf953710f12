/* YAML (libyaml) as a tree of values that remember their lines.
 *
 * A document of a stranger: its size, depth and the number of values are limited, aliases counted as often
 * as they are used, so that a few lines cannot stand for billions.  One document; anchors, aliases and
 * merge keys ("<<") are understood; tags are not: a scalar is text, and who reads it knows what it should
 * be.  (The prefix is yml_: libyaml has taken yaml_.) */
#ifndef TRAMWAY_BASE_YML_H
#define TRAMWAY_BASE_YML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define YML_SIZE_MAX (1 << 20)
#define YML_DEPTH_MAX 32
#define YML_KEYS_MAX 2000 /* of one map */
#define YML_VALUES_MAX 50000 /* with aliases followed */

enum yml_kind { YML_SCALAR, YML_LIST, YML_MAP };

struct yml {
  enum yml_kind kind;
  int line;    /* from 1 */
  char *text;  /* of a scalar */
  bool plain;  /* a scalar without quotes: true, null and 12 mean what they say */
  struct yml_item {
    char *key; /* of a map */
    int line;
    struct yml *value;
  } * items;   /* of a list or map, in order */
  size_t len, capacity;
  size_t weight; /* values in it, itself included */
  bool expanded; /* for who changes texts in place: has been here */
  bool open;     /* still being read: an alias to it would never end */
  int owners;    /* aliases share it */
};

/* ERR_INVALID with file and line; ERR_LIMIT. */
fallible yml_parse(const char *text, size_t len, const char *file, struct yml **ret_root);
void yml_free(struct yml *y); /* NULL is accepted */
static inline void yml_cleanup_(struct yml **y) {
  yml_free(*y);
}
#define auto_yml __attribute__((cleanup(yml_cleanup_))) struct yml

/* The value of a map's key, or NULL; also when `y` is NULL or no map. */
const struct yml *yml_get(const struct yml *y, const char *key);
const struct yml_item *yml_item(const struct yml *y, const char *key);

bool yml_is_null(const struct yml *y);  /* NULL, nothing, "~" or "null", unquoted */
const char *yml_text(const struct yml *y); /* of a scalar that is not null, or NULL */
bool yml_is_true(const struct yml *y);  /* true, yes, on: YAML 1.1, as compose reads it */

#endif
