/* JSON values are jansson's.  One owner each: `auto_json` releases at the end of the scope; a
 * function that keeps a borrowed value takes a reference of its own with json_incref.
 *
 * The getters below treat a missing key, null and a value of another type alike; use json_parse's
 * callers' own checks where the difference matters. */
#ifndef TRAMWAY_BASE_JSON_H
#define TRAMWAY_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

static inline void json_cleanup_(json_t **value) {
  json_decref(*value);
}
#define auto_json __attribute__((cleanup(json_cleanup_))) json_t

/* Parses exactly one value (duplicate keys and trailing bytes are errors; depth is limited by
 * jansson to 2048).  `what` names the input in the error: "<what>: line 3: '}' expected". */
fallible json_parse(const char *text, size_t len, const char *what, json_t **ret_value);

char *json_to_text(const json_t *value);        /* compact; the caller owns it */
char *json_to_pretty_text(const json_t *value); /* two-space indent */

const char *json_get_text(const json_t *object, const char *key); /* borrowed, or NULL */
int64_t json_get_int(const json_t *object, const char *key, int64_t otherwise);
bool json_get_bool(const json_t *object, const char *key, bool otherwise);

/* Sets object[key] to a string, or to null when `text` is NULL. */
void json_set_text(json_t *object, const char *key, const char *text);

/* Sets object.a.b.c for the path "a.b.c", and makes the objects on the way.  Takes `value`. */
void json_put(json_t *object, const char *path, json_t *value);

#endif
