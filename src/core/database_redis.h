/* Commands for redis-cli, and its answers as CSV.  Pure.
 *
 * Keys and values are any bytes.  As text they are told so: UTF-8 as it is, every other byte and control characters as
 * \xHH, a backslash as "\\". */
#ifndef TRAMWAY_CORE_DATABASE_REDIS_H
#define TRAMWAY_CORE_DATABASE_REDIS_H

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define REDIS_KEYS_MAX 200
#define REDIS_ENTRIES_MAX 100
#define REDIS_TEXT_MAX 4096 /* bytes that are shown of a string value */
#define REDIS_KEY_MAX 1024  /* bytes of a key, or of a pattern, that can be asked for */

/* What was told as text, as an argument of a command line: "…" in which nothing but letters and digits stands for
 * itself.  ERR_INVALID: a bad escape, or it is too long.  The caller owns it. */
fallible redis_argument(const char *told, char **ret_argument);

/* A line of CSV as an array: texts told as above, numbers, null.  ERR_INVALID: it is an error, which the message says;
 * ERR_CORRUPT.  The caller owns it. */
fallible redis_line_read(const char *line, size_t len, json_t **ret_values);

/* Every line of an answer: an array of such arrays. */
fallible redis_lines_read(const char *output, json_t **ret_lines);

/* The commands that show a value of this type; NULL when it has no elements to show.  `key` as redis_argument made it. */
char *redis_show(const char *type, const char *key);

/* What they answered, as [{"name": field, index, score or null, "value"}]. */
json_t *redis_entries(const char *type, const json_t *values);

/* The number of what INFO answered, which is no CSV; or -1. */
double redis_info_number(const char *info, const char *name);
char *redis_info_text(const char *info, const char *name); /* or NULL; the caller owns it */

#endif
