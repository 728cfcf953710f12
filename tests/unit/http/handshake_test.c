#include "http/ws_handshake.h"

#include "base/mem.h"
#include "base/str.h"
#include "http/ws_link.h"
#include "tap.h"

TEST(accept_of_the_rfcs_example) { /* RFC 6455 section 1.3 */
  char accept[WS_ACCEPT_SIZE];
  ws_handshake_accept("dGhlIHNhbXBsZSBub25jZQ==", accept);
  CHECK_TEXT(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(keys) {
  char key[WS_KEY_SIZE], other[WS_KEY_SIZE];
  ws_handshake_new_key(key);
  ws_handshake_new_key(other);
  CHECK(ws_handshake_key_valid(key));
  CHECK(strcmp(key, other) != 0);
  CHECK(!ws_handshake_key_valid(NULL));
  CHECK(!ws_handshake_key_valid(""));
  CHECK(!ws_handshake_key_valid("dGhlIHNhbXBsZSBub25jZQ="));
  CHECK(!ws_handshake_key_valid("dGhlIHNhbXBsZSBub25jZQ==="));
  CHECK(!ws_handshake_key_valid("dGhlIHNhbXBsZSBub25j!Q=="));
  CHECK(!ws_handshake_key_valid("dGhlIHNhbXBsZSBub25jZQaa"));
}

TEST(token_lists) {
  /* clang-format off */
  static const struct { const char *list, *token; bool ignore_case, has; } rows[] = {
    { NULL,                       "a",       false, false },
    { "",                         "a",       false, false },
    { "a",                        "a",       false, true },
    { "A",                        "a",       false, false },
    { "keep-alive, Upgrade",      "upgrade", true,  true },
    { "upgraded",                 "upgrade", true,  false },
    { "x-upgrade, up",            "upgrade", true,  false },
    { " \t,, a ,b\t,c",           "b",       false, true },
    { "a b",                      "b",       false, false },
    { "graphql-ws,graphql-transport-ws", "graphql-transport-ws", false, true },
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(rows); i++)
    if (ws_handshake_has_token(rows[i].list, rows[i].token, rows[i].ignore_case) != rows[i].has)
      TAP_FAIL("'%s' in '%s'", rows[i].token, rows[i].list);
}

TEST(answers) {
  const char *answer = "HTTP/1.1 101 Switching\r\nX-A: 1\r\nx-b:  two \r\n\r\n";
  CHECK_INT(ws_link_parse_status(answer), 101);
  auto_free char *a = ws_link_find_header(answer, "x-a");
  auto_free char *b = ws_link_find_header(answer, "X-B");
  CHECK_TEXT(a, "1");
  CHECK_TEXT(b, "two");
  CHECK(!ws_link_find_header(answer, "X"));
  CHECK_INT(ws_link_parse_status("HTTP/1.0 404 Not Found\r\n\r\n"), 404);
  CHECK_INT(ws_link_parse_status(""), 0);
  CHECK_INT(ws_link_parse_status("HTTP/1."), 0);
  CHECK_INT(ws_link_parse_status("HTTP/2 200"), 0);
  CHECK_INT(ws_link_parse_status("SSH-2.0-OpenSSH"), 0);
  CHECK_INT(ws_link_parse_status("HTTP/1.1 2x0"), 0);
}

TEST_MAIN
