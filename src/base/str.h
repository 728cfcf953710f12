/* Strings: helpers on plain `char *`, a growing buffer (`struct str`) and a NULL-terminated vector
 * (`struct strv`) for argument lists and environments.  Everything is NUL-terminated; a `struct
 * str` may also hold NUL bytes (its `len` counts). */
#ifndef TRAMWAY_BASE_STR_H
#define TRAMWAY_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

char *str_dup(const char *text);            /* NULL stays NULL */
char *str_ndup(const char *text, size_t n); /* exactly n bytes and a NUL */
char *str_format(const char *format, ...) __attribute__((format(printf, 1, 2), returns_nonnull));
char *str_vformat(const char *format, va_list args)
    __attribute__((format(printf, 1, 0), nonnull(1), returns_nonnull));
bool str_eq(const char *a, const char *b);          /* two NULLs are equal */
bool str_ieq(const char *a, const char *b);         /* ASCII letter case ignored */
bool str_empty(const char *text);                   /* NULL or "" */
bool str_starts(const char *text, const char *prefix);
bool str_ends(const char *text, const char *suffix);
char *str_trim(char *text);                         /* in place; returns the first non-space */
void str_replace_owned(char **slot, const char *text); /* frees *slot, stores a copy of text */

/* A whole decimal integer within [low, high]; false when `text` is anything else. */
bool str_to_int(const char *text, long long low, long long high, long long *ret_value);

/* Whether `data` is well-formed UTF-8 (no overlong forms, no surrogates). */
bool str_is_utf8(const char *data, size_t len);

/* The number of single-character edits between two words: "did you mean …". */
size_t str_distance(const char *a, const char *b);

struct str {
  char *data; /* never NULL after str_init or the first str_add */
  size_t len;
  size_t capacity;
};
#define STR_EMPTY ((struct str){0})
void str_init(struct str *s);
void str_done(struct str *s);
void str_clear(struct str *s);
void str_add(struct str *s, const char *text);
void str_add_bytes(struct str *s, const void *data, size_t len);
void str_add_char(struct str *s, char c);
void str_addf(struct str *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void str_consume(struct str *s, size_t n); /* drops the first n bytes */
const char *str_text(const struct str *s); /* "" when empty; borrowed until the next change */
char *str_take(struct str *s);             /* the caller owns the text; s is empty again */
static inline void str_cleanup_(struct str *s) {
  str_done(s);
}
#define auto_str __attribute__((cleanup(str_cleanup_))) struct str

struct strv {
  char **items; /* NULL-terminated once something was added */
  size_t len;
  size_t capacity;
};
#define STRV_EMPTY ((struct strv){0})
void strv_done(struct strv *v);
void strv_add(struct strv *v, const char *text);
void strv_addf(struct strv *v, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strv_add_take(struct strv *v, char *text);
void strv_add_all(struct strv *v, const char *const *items); /* NULL-terminated; NULL adds none */
void strv_split(struct strv *v, const char *text, char separator); /* empty parts are kept */
bool strv_has(const struct strv *v, const char *text);
char *strv_join(const struct strv *v, const char *separator); /* the caller owns it */
static inline void strv_cleanup_(struct strv *v) {
  strv_done(v);
}
#define auto_strv __attribute__((cleanup(strv_cleanup_))) struct strv

#endif
