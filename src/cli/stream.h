/* GraphQL subscriptions over one WebSocket (protocol graphql-transport-ws).  A lost connection is
 * made again, with all subscriptions that had not ended, up to STREAM_ATTEMPTS times in a row; the
 * server then repeats recent log lines, and who prints them drops what it has seen. */
#ifndef TRAMWAY_CLI_STREAM_H
#define TRAMWAY_CLI_STREAM_H

#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "cli/client.h"

#define STREAM_ATTEMPTS 12 /* as Railway's CLI: 1 s, growing by half, at most 8 s between them */
#define STREAM_MAX 8       /* subscriptions of one stream */

typedef struct stream stream;

fallible stream_open(struct client *c, stream **ret_stream); /* `c` must outlive it */
void stream_free(stream *s);
static inline void stream_cleanup_(stream **s) {
  stream_free(*s);
}
#define auto_stream __attribute__((cleanup(stream_cleanup_))) stream

/* Starts a subscription and gives its number; `variables` is taken. */
fallible stream_subscribe(stream *s, const char *query, json_t *variables, int *ret_id);

enum stream_event {
  STREAM_DATA,    /* `data` is owned by the caller */
  STREAM_END,     /* the subscription `id` is over */
  STREAM_TIMEOUT, /* nothing came in time */
};
struct stream_message {
  enum stream_event event;
  int id;
  json_t *data;
};

/* Waits for the next message, at most timeout_ms (longer while the connection is being made again);
 * -1 waits for ever.  An error of a subscription is an error here. */
fallible stream_next(stream *s, int64_t timeout_ms, struct stream_message *ret_message);

#endif
