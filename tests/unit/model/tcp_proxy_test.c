#include "model/tcp_proxy.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

static void check(const char *given, const char *expected) {
  auto_json *list = json_loads(given, JSON_DECODE_ANY, NULL), *allow = NULL;
  CHECK_OK(tcp_allow_read(list, &allow));
  auto_free char *text = json_to_text(allow);
  CHECK_TEXT(text, expected);
}

TEST(networks_have_one_spelling) {
  check("null", "[]");
  check("[]", "[]");
  check("[\"203.0.113.7\", \"203.0.113.7/32\"]", "[\"203.0.113.7/32\"]");
  check("[\"2001:DB8:0::/32\", \"::1\", \"0.0.0.0/0\"]", "[\"2001:db8::/32\",\"::1/128\",\"0.0.0.0/0\"]");
  check("[\"::ffff:203.0.113.7\", \"203.0.113.7\", \"::ffff:10.0.0.0/104\"]", "[\"203.0.113.7/32\",\"10.0.0.0/8\"]");
  check("[\"::/0\", \"::ffff:0:0/96\", \"::fffe:0:0/96\"]", "[\"::/0\",\"0.0.0.0/0\",\"::fffe:0:0/96\"]");
}

static void refuse(json_t *given, enum err_code code, const char *why) {
  auto_json *list = given, *allow = NULL;
  CHECK_ERR(tcp_allow_read(list, &allow), code, why);
}

TEST(what_is_none_is_refused) {
  static const char *const bad[] = {"", "localhost", "203.0.113.7/24", "10.0.0.0/33", "10.0.0.0/", "fe80::1%lo", "1.2.3", "*"};
  for (size_t i = 0; i < ARRAY_LEN(bad); i++) refuse(json_pack("[s]", bad[i]), ERR_INVALID, "is no address and no network");
  refuse(json_pack("[i]", 7), ERR_INVALID, "is no address");
  refuse(json_string("10.0.0.0/8"), ERR_INVALID, "must be a list");
  json_t *many = json_array();
  for (int i = 0; i <= TCP_ALLOW_MAX; i++) json_array_append_new(many, json_string("::/0"));
  refuse(many, ERR_LIMIT, "more than 256 networks");
}

TEST_MAIN
