#include "edge/wanted.h"

#include "base/mem.h"
#include "tap.h"

static const char *const hosts[] = {"a.test"};
static const struct edge_target target[] = {{"10.0.0.1", 80}};

static err *try_route(struct edge_route route) {
  auto_wanted *w = NULL;
  return wanted_new(&route, 1, &w);
}

TEST(text_is_brought_into_one_spelling) {
  const char *const mixed[] = {"WWW.Example.COM", "*.Example.com"};
  const struct edge_target targets[] = {{"FD00:0::1", 80}, {"fd00::1", 80}, {"10.0.0.1", 81}};
  struct edge_route route = {"Key_1-x", mixed, 2, targets, 3, EDGE_ROUTE_NONE};
  auto_wanted *w = NULL;
  CHECK_OK(wanted_new(&route, 1, &w));
  CHECK_INT(wanted_len(w), 1);
  const struct wanted_route *got = wanted_route(w, 0);
  CHECK_TEXT(got->key, "Key_1-x");
  CHECK_TEXT(got->hosts.items[0], "www.example.com");
  CHECK_INT(got->targets_len, 2); /* the same one twice is one */
  CHECK_TEXT(got->targets[0].address, "fd00::1");
  CHECK(wanted_has_host(w, "*.example.com"));
  CHECK(!wanted_has_host(w, "example.com"));
}

TEST(text_that_could_become_a_command_is_refused) {
  static const char *const bad_hosts[] = {"a b",   "a;b",  "a\nshow info", "",    "*", "*.",
                                          "a.*.b", "a:80", "<<",           "a/b", "a#"};
  for (size_t i = 0; i < ARRAY_LEN(bad_hosts); i++)
    CHECK_ERR(try_route((struct edge_route){"k", &bad_hosts[i], 1, target, 1, 0}), ERR_INVALID,
              "is not a host name");
  static const char *const bad_keys[] = {
      "",          "a b",
      "a:b",       "a;b",
      "a\n",       "a/b",
      "k\xC3\xA9", "0123456789012345678901234567890123456789012345678901234567890123x"};
  for (size_t i = 0; i < ARRAY_LEN(bad_keys); i++)
    CHECK_ERR(try_route((struct edge_route){bad_keys[i], hosts, 1, target, 1, 0}), ERR_INVALID,
              "is not a key");
  static const struct edge_target bad_targets[] = {
      {"localhost", 80}, {"10.0.0.1", 0},   {"10.0.0.1 state ready", 80}, {"[::1]", 80}, {"", 80},
      {NULL, 80},        {"fe80::1%lo", 80}};
  for (size_t i = 0; i < ARRAY_LEN(bad_targets); i++)
    CHECK_ERR(try_route((struct edge_route){"k", hosts, 1, &bad_targets[i], 1, 0}), ERR_INVALID,
              "is not a target");
  CHECK_ERR(try_route((struct edge_route){NULL, hosts, 1, target, 1, 0}), ERR_INVALID,
            "is not a key");
  CHECK_ERR(try_route((struct edge_route){"k", hosts, 1, target, 1, (enum edge_route_state)9}),
            ERR_INVALID, "unknown state");
}

TEST(hosts_and_keys_belong_to_one_route) {
  const char *const upper[] = {"A.Test"};
  auto_wanted *w = NULL;
  struct edge_route same_host[] = {{"k1", hosts, 1, target, 1, 0}, {"k2", upper, 1, target, 1, 0}};
  CHECK_ERR(wanted_new(same_host, 2, &w), ERR_CONFLICT, "the host a.test already belongs to k1");
  struct edge_route same_key[] = {{"k1", hosts, 1, target, 1, 0}, {"k1", NULL, 0, target, 1, 0}};
  CHECK_ERR(wanted_new(same_key, 2, &w), ERR_CONFLICT, "k1 is there twice");
}

TEST(sizes_are_bounded) {
  auto_wanted *w = NULL;
  CHECK_ERR(try_route((struct edge_route){"k", hosts, EDGE_MAX_HOSTS + 1, target, 1, 0}), ERR_LIMIT,
            "more than 256 hosts");
  CHECK_ERR(try_route((struct edge_route){"k", hosts, 1, target, EDGE_MAX_TARGETS + 1, 0}),
            ERR_LIMIT, "more than 128 targets");
  CHECK_ERR(wanted_new(NULL, EDGE_MAX_ROUTES + 1, &w), ERR_LIMIT, "more than 20000");
  CHECK_OK(wanted_new(NULL, 0, &w));
  CHECK_INT(wanted_len(w), 0);
}

TEST_MAIN
