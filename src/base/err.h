/* An error is a value: NULL means success, anything else is one owned `err *`.
 *
 * A function that can fail is declared `fallible name(...)`, writes its `ret_…` outputs only on
 * success, and leaves nothing half done on failure.  On the way up an error is wrapped so that its
 * message reads like a path to the cause:
 *
 *     err *e = image_pull(store, ref, &image);
 *     if (e) return err_wrap(e, "service '%s'", service->name);
 *
 * gives `service 'api': pulling 'nginx:1': registry answered 401`.  The last part says what to do
 * where that is known.  Only the top of an activity (a request, a job, main) logs or prints one.
 * A message never contains a secret: callers name the variable, not its value.
 */
#ifndef TRAMWAY_BASE_ERR_H
#define TRAMWAY_BASE_ERR_H

#include <stdarg.h>

/* What the caller can do about it.  Each maps once to an HTTP status, a GraphQL `extensions.code`
 * and a CLI exit code: docs/error-codes.md, kept true by tests/unit/base/err_test.c. */
enum err_code {
  ERR_INVALID = 1, /* the input is wrong: change it */
  ERR_NOT_FOUND,   /* the thing named does not exist (or the caller may not know that it does) */
  ERR_CONFLICT,    /* it clashes with what is there: look, then decide */
  ERR_DENIED,      /* not signed in, or not allowed */
  ERR_BUSY,        /* try again later: something else is using it, or a deadline passed */
  ERR_LIMIT,       /* larger or more than is accepted */
  ERR_IO,          /* the machine or a program on it failed */
  ERR_CORRUPT,     /* stored or received data does not make sense */
};
#define ERR_CODE_LAST ERR_CORRUPT

typedef struct err err;

#define fallible __attribute__((warn_unused_result)) err *

/* A new error.  `format` must not end in a newline or a full stop. */
fallible err_new(enum err_code code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A new error from an errno value: "<text>: <strerror>"; the code follows from `number`. */
fallible err_errno(int number, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "<text>: " in front of the message; takes `e` and returns it.  NULL stays NULL. */
fallible err_wrap(err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Changes the code of `e` (a NOT_FOUND of a helper may be CORRUPT to its caller); returns `e`. */
fallible err_recode(err *e, enum err_code code);

/* A copy, for errors that are both stored and passed on. */
fallible err_dup(const err *e);

enum err_code err_code_of(const err *e);
const char *err_message(const err *e); /* borrowed */
void err_free(err *e);                 /* accepts NULL */
void err_ignore(err *e);               /* err_free, saying in the code that it is on purpose */

const char *err_code_name(enum err_code code); /* "NOT_FOUND" */
int err_code_http_status(enum err_code code);
int err_code_exit_status(enum err_code code);

static inline void err_cleanup_(err **e) {
  err_free(*e);
}
#define auto_err __attribute__((cleanup(err_cleanup_))) err

/* Returns from the calling function when `expression` fails. */
#define TRY(expression)                                                                            \
  do {                                                                                             \
    err *try_error_ = (expression);                                                                \
    if (try_error_) return try_error_;                                                             \
  } while (0)

#endif
