/* The words of an enum.  Every enum of the product counts from 0 and has one `struct names`, whose
 * i-th word is value i: what the database, the API and the CLI call it.  The tables are the one
 * place where such words are written in C; tests/unit/store keeps the SQL's CHECKs equal to them.
 */
#ifndef TRAMWAY_MODEL_NAMES_H
#define TRAMWAY_MODEL_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct names {
  const char *what; /* "deployment status", for error texts */
  const char *const *words;
  size_t count;
};

/* The word of `value`; aborts on a value that is none, which only a memory fault can make. */
const char *names_word(const struct names *names, unsigned value);

/* Letter case is ignored, as Railway does in its config files.  ERR_INVALID: "<what> 'x' is not one
 * of A, B, C"; NULL is not one either. */
fallible names_find(const struct names *names, const char *word, unsigned *ret_value);

/* Declares for `enum type`: type_names, type_name(value) and type_parse(word, &value). */
#define MODEL_ENUM(type)                                                                           \
  extern const struct names type##_names;                                                          \
  static inline const char *type##_name(enum type value) {                                         \
    return names_word(&type##_names, (unsigned)value);                                             \
  }                                                                                                \
  static inline fallible type##_parse(const char *word, enum type *ret_value) {                    \
    unsigned value;                                                                                \
    TRY(names_find(&type##_names, word, &value));                                                  \
    *ret_value = (enum type)value;                                                                 \
    return NULL;                                                                                   \
  }                                                                                                \
  _Static_assert(sizeof(enum type) == sizeof(unsigned), "enums are kept as unsigned")

/* Defines type_names; the words follow the enum's order. */
#define MODEL_ENUM_WORDS(type, what_, ...)                                                         \
  static const char *const type##_words[] = {__VA_ARGS__};                                         \
  const struct names type##_names = {what_, type##_words,                                          \
                                     sizeof type##_words / sizeof type##_words[0]}

#endif
