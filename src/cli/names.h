/* What a user wrote for something that has a name or an id: which one was meant, and what to say when there is none.
 * Pure. */
#ifndef TRAMWAY_CLI_NAMES_H
#define TRAMWAY_CLI_NAMES_H

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

/* The one that is closest to `wanted` in any letter case; false when none is close enough to be meant. */
bool names_nearest(const struct strv *names, const char *wanted, size_t *ret_index);

/* ERR_NOT_FOUND 'Service "Postgers" not found; did you mean "Postgres"? There are: Postgres, web'.  Of many names only
 * the first are told. */
fallible names_not_found(const char *what, const char *wanted, const struct strv *names);

/* The one of `rows` (objects) whose id begins with `start`; borrowed.  ERR_INVALID when several do, ERR_NOT_FOUND when
 * none does, which names the verb that lists them; `what`: "backup". */
fallible names_row_of(const json_t *rows, const char *what, const char *verb, const char *start, json_t **ret_row);

#endif
