/* Both sides of the WebSocket handshake: header values that a client sends, and a server's answer.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "http/ws_handshake.h"
#include "http/ws_link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto_free char *text = str_ndup((const char *)data, size);
  char accept[WS_ACCEPT_SIZE];
  if (ws_handshake_key_valid(text)) {
    ws_handshake_accept(text, accept);
    if (strlen(accept) != WS_ACCEPT_SIZE - 1) abort();
  }
  (void)ws_handshake_has_token(text, "graphql-transport-ws", false);
  (void)ws_handshake_has_token(text, "Upgrade", true);
  int status = ws_link_parse_status(text);
  if (status < 0 || status > 999) abort();
  auto_free char *value = ws_link_find_header(text, "Sec-WebSocket-Accept");
  if (value && strchr(value, '\r')) abort();
  return 0;
}
