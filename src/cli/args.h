/* Command-line arguments, read by a table.  One row describes one flag:
 *
 *     { "duplicate|copy|d|c", "ENVIRONMENT", "copy this environment" },
 *
 * Names are divided by '|'; the first is the one that code and help use; names of one letter are
 * short ("-d").  A row without a value name is a switch; one with several ("SERVICE NAME=VALUE") takes as
 * many values, one after another.  Understood are `--name value`,
 * `--name=value`, `-n value`, `-nvalue`, `-n=value`, several switches in one (`-dc`), and `--`,
 * after which everything is a word.
 *
 * All texts are borrowed from argv. */
#ifndef TRAMWAY_CLI_ARGS_H
#define TRAMWAY_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct flag {
  const char *names; /* NULL ends a table */
  const char *value; /* what the value is called in help; NULL for a switch */
  const char *help;
};

struct args {
  struct arg_value {
    const struct flag *flag;
    const char *value; /* NULL for a switch */
  } * values;
  size_t value_count;
  const char **words; /* what is not a flag, in order; NULL-terminated */
  size_t word_count;
  bool help; /* --help or -h was there: nothing else was checked */
};

/* Reads argv[0 … argc).  With `stop_at_word` the first word and all that follows it are words, so
 * that the flags of a command to be run stay with that command.  ERR_INVALID names the argument and
 * the nearest flag.  After a failure there is nothing to be done. */
fallible args_parse(const struct flag *flags, bool stop_at_word, int argc, char *const *argv,
                    struct args *ret_args);
void args_done(struct args *args);
static inline void args_cleanup_(struct args *args) {
  args_done(args);
}
#define auto_args __attribute__((cleanup(args_cleanup_))) struct args

bool args_has(const struct args *args, const char *name);
const char *args_text(const struct args *args, const char *name); /* the last one, or NULL */
const char *args_word(const struct args *args, size_t index);     /* NULL when there are fewer */

/* Walks the values of a flag that was given several times, or takes several; *cursor starts at 0; NULL at
 * the end. */
const char *args_next(const struct args *args, const char *name, size_t *cursor);

/* A whole number in [low, high]; `otherwise` when the flag was not given. */
fallible args_int(const struct args *args, const char *name, long long low, long long high,
                  long long otherwise, long long *ret_value);

/* The place in argv of the first word, skipping flags of the table and their values; `argc` when
 * there is none, or when a flag that is not in the table comes first. */
int args_find_word(const struct flag *flags, int argc, char *const *argv);

/* "--duplicate, --copy, -d, -c <ENVIRONMENT>", appended to `text`. */
struct str;
void flag_describe(const struct flag *flag, struct str *text);

/* The flag's i-th name: its start and length; false past the last. */
bool flag_name(const struct flag *flag, size_t i, const char **ret_name, size_t *ret_len);

#endif
