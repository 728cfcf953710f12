/* Subscriptions: a root field's subscriber gives an event source, and each of its events is
 * executed against the operation's selection.
 *
 * Nothing is pushed and nothing is queued here: the side that has room to send pulls the next event
 * from the source, so a slow client slows only its own source, which decides what to do with what
 * it cannot hand over (a log source reads on from its file; a status source gives the newest). */
#ifndef TRAMWAY_GRAPHQL_SUBSCRIBE_H
#define TRAMWAY_GRAPHQL_SUBSCRIBE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "graphql/execute.h"
#include "graphql/limits.h"
#include "graphql/schema.h"

enum graphql_event {
  GRAPHQL_EVENT_WAIT, /* nothing now; graphql_source_ready will be called when there is */
  GRAPHQL_EVENT_NEXT, /* one value */
  GRAPHQL_EVENT_END,  /* the stream has ended; only `close` may be called from now on */
};

/* An event source, made by a graphql_subscriber.  The host embeds this struct at the start of its
 * own and fills `next` and `close`; the rest is set by whoever subscribes.
 *
 * next:  on GRAPHQL_EVENT_NEXT *ret_value is an owned value of the root field (for a field of type
 *        [Log!]! an array).  An error ends the stream and is told to the client.
 * close: frees the source.  Called exactly once, after the end, an error or the client's leaving;
 *        `ready` is not called any more. */
struct graphql_source {
  err *(*next)(struct graphql_source *source, enum graphql_event *ret_event, json_t **ret_value);
  void (*close)(struct graphql_source *source);
  void (*ready)(void *ready_arg);
  void *ready_arg;
};

/* The source says that `next` is worth calling.  It may be called from anywhere on the loop thread,
 * at any time, any number of times, but not from within `next` or `close`; it only leaves a note,
 * `next` is called later and not from inside. */
void graphql_source_ready(struct graphql_source *source);

typedef struct graphql_subscription graphql_subscription;

/* Validates the request and, when it is a subscription, starts its source: then returns NULL and a
 * subscription that the caller frees.  Otherwise returns the response to send (owned): of a query
 * or mutation, executed at once, or of a request that failed, which has no "data".
 *
 * The request is not kept; `context` must live as long as the subscription.  `ready` is called when
 * graphql_subscription_next is worth calling, as told at struct graphql_source; call it once at the
 * start, too. */
json_t *graphql_subscribe(const graphql_schema *schema, void *context,
                          const struct graphql_request *request,
                          const struct graphql_limits *limits, void (*ready)(void *ready_arg),
                          void *ready_arg, graphql_subscription **ret_subscription);

/* Pulls one event.  On NEXT *ret_response is an owned response ({"data": …} with or without
 * "errors").  An error is the stream's end: the source failed, or the access function, which is
 * asked again for every event, refused. */
fallible graphql_subscription_next(graphql_subscription *subscription,
                                   enum graphql_event *ret_event, json_t **ret_response);

/* Closes the source; accepts NULL. */
void graphql_subscription_free(graphql_subscription *subscription);

#endif
