/* The server side of the `graphql-transport-ws` protocol as a state machine that knows no socket:
 * text messages in, text messages and a close code out.
 * (github.com/enisdenjo/graphql-ws, PROTOCOL.md.)
 *
 * The owner of a WebSocket that agreed on the subprotocol GRAPHQL_WS_PROTOCOL
 *   1. makes one with graphql_ws_new and starts a timer of GRAPHQL_WS_INIT_TIMEOUT_MS, whose end it
 *      tells by graphql_ws_init_timeout (harmless after the client's connection_init);
 *   2. hands over each text message by graphql_ws_receive, but only while graphql_ws_has_room;
 *   3. after each of these, after every `wake`, and whenever the socket takes more, pulls messages
 * by graphql_ws_next for as long as the socket takes them;
 *   4. when graphql_ws_next has given NULL and graphql_ws_close_code is not 0, closes the socket
 * with that code and reason, and frees this.
 *
 * Queue "ws replies": answers that were not asked for by pulling (acknowledgements, pongs, results
 * of queries and mutations, errors).  Bound: GRAPHQL_WS_MAX_REPLIES messages, or fewer that
 * together exceed GRAPHQL_WS_MAX_REPLY_BYTES.  Policy: when it is full graphql_ws_has_room is false
 * and the owner reads no more from the socket, so a client that does not read is not read from;
 * handing over a message all the same closes with 4429. Events of subscriptions are not queued at
 * all: graphql_ws_next pulls one from the next subscription that is ready, in turn, once no reply
 * waits.
 *
 * Close codes: 4400 malformed message, 4401 subscribed before connection_init was acknowledged,
 * 4408 no connection_init in time, 4409 an operation with that id is running, 4429 a second
 * connection_init or a message without room.  One subscription more than
 * GRAPHQL_WS_MAX_SUBSCRIPTIONS is answered with an error (LIMIT) and leaves the others alone. */
#ifndef TRAMWAY_GRAPHQL_WS_H
#define TRAMWAY_GRAPHQL_WS_H

#include <stdbool.h>
#include <stddef.h>

#include "graphql/limits.h"
#include "graphql/schema.h"

#define GRAPHQL_WS_PROTOCOL "graphql-transport-ws"
#define GRAPHQL_WS_INIT_TIMEOUT_MS 10000
#define GRAPHQL_WS_MAX_REPLIES 64
#define GRAPHQL_WS_MAX_REPLY_BYTES (1024 * 1024)
#define GRAPHQL_WS_MAX_SUBSCRIPTIONS 64
#define GRAPHQL_WS_MAX_ID_BYTES 128 /* of a client's operation id */

enum graphql_ws_close_code {
  GRAPHQL_WS_OPEN = 0,
  GRAPHQL_WS_BAD_MESSAGE = 4400,
  GRAPHQL_WS_UNAUTHORIZED = 4401,
  GRAPHQL_WS_INIT_TIMEOUT = 4408,
  GRAPHQL_WS_DUPLICATE_ID = 4409,
  GRAPHQL_WS_TOO_MANY = 4429,
};

typedef struct graphql_ws graphql_ws;

/* Asks the owner to pull; called on the loop thread, also from within graphql_ws_receive, and it
 * must not call back into this machine: the owner leaves itself a note and pulls afterwards. */
typedef void graphql_ws_wake(void *wake_arg);

/* `schema` and `context` (handed to every resolver) must outlive it; `limits` is copied. */
graphql_ws *graphql_ws_new(const graphql_schema *schema, void *context,
                           const struct graphql_limits *limits, graphql_ws_wake *wake,
                           void *wake_arg);
void graphql_ws_free(graphql_ws *ws); /* closes all sources; accepts NULL */

bool graphql_ws_has_room(const graphql_ws *ws);
void graphql_ws_receive(graphql_ws *ws, const char *text, size_t len);
void graphql_ws_init_timeout(graphql_ws *ws);

/* The next message to send, owned by the caller, or NULL when there is none now. */
char *graphql_ws_next(graphql_ws *ws);

/* GRAPHQL_WS_OPEN, or why the connection must be closed; *ret_reason is borrowed, ≤ 123 bytes. */
enum graphql_ws_close_code graphql_ws_close_code(const graphql_ws *ws, const char **ret_reason);

size_t graphql_ws_subscription_count(const graphql_ws *ws);

#endif
