/* What the files of the data view share.  Nobody else includes this. */
#ifndef TRAMWAY_CORE_DATABASE_PRIVATE_H
#define TRAMWAY_CORE_DATABASE_PRIVATE_H

#include "core/database_client.h"
#include "core/database_view.h"
#include "core/internal.h"

enum {
  DATABASE_LOOK_STATEMENT_MS = 5000, /* the database ends a statement then */
  DATABASE_LOOK_MS = 10000,          /* and if it does not, its client is ended */
};

/* One question of the data view: some statements of one session, a step after each. */
struct database_look;
typedef err *database_step_fn(struct database_look *look, const char *output);
struct database_look {
  database_session *session;
  enum database_kind kind;
  database_view_fn *done;
  void *arg;
  database_step_fn *next;
  char *schema, *table, *order_by; /* `table` is also the key that is looked at */
  char *argument;                  /* a key as an argument; a cursor */
  bool descending;
  int64_t limit, offset;
  json_t *columns; /* of the table; the keys of a page */
  json_t *value;   /* what is known so far */
};

/* `sql`: whether it is a question about tables, which Redis has not. */
fallible database_look_open(core *c, const struct database_place *place, bool sql, database_view_fn *done, void *arg,
                            struct database_look **ret_look);
void database_look_ask(struct database_look *look, const char *text, database_step_fn *next);
void database_look_answered(void *look, err *e, const char *output);
void database_look_end(struct database_look *look, err *e, json_t *value); /* takes both, and the look */

/* By the image of the deployment that is live (core/database_client.c). */
fallible database_kind_of_service(core *c, const struct database_place *place, enum database_kind *ret_kind);

#endif
