/* WebSocket frames (RFC 6455 sections 5 to 7) on any connection, by wslay: what the server's and
 * the blocking client's sockets share.  Puts messages together within a limit, answers pings, takes
 * part in closing. */
#ifndef TRAMWAY_HTTP_WS_FRAMES_H
#define TRAMWAY_HTTP_WS_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/str.h"

typedef struct ws_frames ws_frames;

struct ws_frames_owner {
  /* Like recv and send: -1 with errno EAGAIN when it must wait; 0 or any other errno is the end. */
  ssize_t (*recv)(void *arg, void *buffer, size_t size);
  ssize_t (*send)(void *arg, const void *data, size_t len, bool more);
  /* A message is whole; *message may be taken (and left STR_EMPTY). */
  void (*on_message)(void *arg, bool is_text, struct str *message);
  void (*on_ping)(void *arg); /* it is answered anyway; may be NULL */
};

enum ws_frames_side { WS_FRAMES_SERVER, WS_FRAMES_CLIENT };

/* `owner` is borrowed for as long as the frames live. */
ws_frames *ws_frames_new(enum ws_frames_side side, size_t message_limit,
                         const struct ws_frames_owner *owner, void *arg);
void ws_frames_free(ws_frames *f); /* not from the owner's functions */

/* Reads until recv says EAGAIN, writes until send does.  What goes wrong shows below. */
void ws_frames_receive(ws_frames *f);
void ws_frames_send(ws_frames *f);

/* The connection is over, without (enough of) a closing handshake. */
bool ws_frames_broken(const ws_frames *f);

bool ws_frames_want_read(const ws_frames *f);  /* false once closing frames are all that is left */
bool ws_frames_want_write(const ws_frames *f); /* something is queued */
size_t ws_frames_pending(const ws_frames *f);  /* bytes queued */

/* Queues a message, a ping, or a closing frame (which overtakes messages, and drops those that it
 * overtakes).  False when closing has begun. */
bool ws_frames_queue(ws_frames *f, bool is_text, const void *data, size_t len);
bool ws_frames_queue_ping(ws_frames *f);
bool ws_frames_queue_close(ws_frames *f, int code, const char *reason); /* NULL, or ≤ 123 bytes */

bool ws_frames_close_sent(const ws_frames *f);

/* The code of the closing frame that was sent; for one without, WS_PROTOCOL_ERROR: so wslay closes
 * when a frame's header is at fault. */
int ws_frames_sent_code(const ws_frames *f);

/* What the peer's closing frame said: 0 when none has come, WS_NO_CODE when it named none. */
int ws_frames_peer_code(const ws_frames *f);
const char *ws_frames_peer_reason(const ws_frames *f); /* "" when none */

#endif
