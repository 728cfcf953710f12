/* How a database's own client program is called inside its instance, so that it takes statements on its
 * standard input and needs no password on its arguments.  Pure. */
#ifndef TRAMWAY_CORE_DATABASE_PROGRAM_H
#define TRAMWAY_CORE_DATABASE_PROGRAM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "model/database.h"

struct database_program_question {
  const char *image;
  const json_t *variables;    /* {name: value} that the instance runs with */
  const char *database;       /* NULL: the one that the variables name */
  bool read_only;             /* every transaction is READ ONLY; not for Redis */
  int64_t statement_ms;       /* the database itself ends a statement after this; 0: never */
};

struct database_program {
  enum database_kind kind;
  struct strv argv, env;
  char *preamble; /* to be given to it before the first statement; NULL: nothing */
};

/* ERR_INVALID: the image is no database, or one whose client is not known here (MongoDB). */
fallible database_program_find(const struct database_program_question *question, struct database_program *ret_program);
void database_program_done(struct database_program *p);
#define auto_database_program __attribute__((cleanup(database_program_done))) struct database_program

/* What is given to the program for `statement`, and after it for a line that is `marker` (letters and digits). */
char *database_program_input(enum database_kind kind, const char *statement, const char *marker);

/* The line that it answers to the second. */
char *database_program_end(enum database_kind kind, const char *marker);

#endif
