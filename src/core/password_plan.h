/* How the password of a kind of database is changed so that the old one stays good for a while.  Pure.
 *
 * Postgres and MySQL know one password per user, so there are two users in turn, `name` and `name_2`: the one that nobody
 * uses gets the new password, and the variable with the user's name changes with that of the password.  In Postgres the
 * second one acts as the first (SET role), so that what it makes belongs to the first.  Redis knows several passwords of
 * one user. */
#ifndef TRAMWAY_CORE_PASSWORD_PLAN_H
#define TRAMWAY_CORE_PASSWORD_PLAN_H

#include <jansson.h>

#include "base/err.h"
#include "model/database.h"

struct password_plan {
  enum database_kind kind;
  const char *user_variable; /* "PGUSER"; NULL: the user stays */
  const char *password_variable;
  char *old_user, *new_user; /* NULL: the user stays */
  char *base_user;           /* of Postgres: who owns everything */
};
void password_plan_done(struct password_plan *plan);
#define auto_password_plan __attribute__((cleanup(password_plan_done))) struct password_plan

/* `variables`: the service's, resolved.  ERR_INVALID when they are not those of the templates, or of MongoDB. */
fallible password_plan_make(enum database_kind kind, const json_t *variables, struct password_plan *ret_plan);

/* What makes the new password good; letters and digits.  Secret; the caller owns it. */
char *password_plan_begin(const struct password_plan *plan, const char *password);

/* What makes the old one bad; NULL: nothing (Redis forgets it when it is deployed next).  The caller owns it. */
char *password_plan_end(enum database_kind kind, const char *old_user);

#endif
