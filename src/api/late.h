/* Fields whose value takes time: it is asked for outside of this process (a database, a volume).  For root fields
 * of Query, over HTTP.
 *
 * Execution itself does not wait.  The resolver starts the work and fails for now; when all that a request waits for is
 * there it is executed again from the start, and the resolver finds its answer:
 *
 *     struct late_ticket *ticket;
 *     TRY(late_take(call, ret_value, &ticket));
 *     if (!ticket) return NULL;
 *     return late_start(ticket, core_something(…, late_answer, ticket));
 */
#ifndef TRAMWAY_API_LATE_H
#define TRAMWAY_API_LATE_H

#include "api/internal.h"

#define LATE_FIELDS_MAX 8 /* of one request */
#define LATE_ALL_MAX 32   /* that are under way at a time; then ERR_BUSY */
#define LATE_OF_ONE_MAX 16 /* of them, of one caller */

struct late_all; /* what all requests wait for */
struct late;     /* what one does */
struct late_ticket;

/* The answer to this field with these arguments, when it is there (*ret_ticket is NULL then), else a ticket for it.
 * The answer may be an error.  ERR_INVALID: not over HTTP; ERR_LIMIT, ERR_BUSY: too many. */
fallible late_take(const struct graphql_call *call, json_t **ret_value, struct late_ticket **ret_ticket);

/* The work of the ticket was started, or with `e` could not be: then that is the answer.  For the resolver to return. */
fallible late_start(struct late_ticket *ticket, err *e);

/* Ends the work; owns both.  Never before late_start. */
void late_answer(void *ticket, err *e, json_t *value);

/* ---- for graphql_http.c ---- */

/* Outlives the API as long as something is under way. */
struct late_all *late_all_new(void);
void late_all_close(struct late_all *all); /* NULL is accepted */

/* `again` is called when nothing is waited for any more. */
struct late *late_new(struct late_all *all, loop_fn *again, void *arg);
bool late_is_waiting(const struct late *l);
void late_free(struct late *l); /* answers that are still to come are thrown away */

#endif
