/* The pure part of the WebSocket handshake (RFC 6455 section 4), for the server and the client. */
#ifndef TRAMWAY_HTTP_WS_HANDSHAKE_H
#define TRAMWAY_HTTP_WS_HANDSHAKE_H

#include <stdbool.h>

/* Whether Sec-WebSocket-Key is the base64 of 16 bytes. */
bool ws_handshake_key_valid(const char *key);

/* A new random key: 24 characters and a NUL. */
#define WS_KEY_SIZE 25
void ws_handshake_new_key(char key[WS_KEY_SIZE]);

/* Sec-WebSocket-Accept for a valid key: 28 characters and a NUL. */
#define WS_ACCEPT_SIZE 29
void ws_handshake_accept(const char *key, char accept[WS_ACCEPT_SIZE]);

/* Whether a comma-separated list ("keep-alive, Upgrade") has `token`.  A NULL list has none. */
bool ws_handshake_has_token(const char *list, const char *token, bool ignore_case);

#endif
