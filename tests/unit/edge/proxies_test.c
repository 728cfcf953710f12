#include "edge/proxies.h"

#include "base/mem.h"
#include "edge/observe.h"
#include "tap.h"

static const struct proxies_paths paths = {"O", "A"};
static const struct edge_target one[] = {{"10.0.0.1", 5432}}, two[] = {{"10.0.0.2", 5432}};
static const char *const office[] = {"203.0.113.0/24"}, *const both[] = {"2001:DB8::/32", "203.0.113.0/24"};

#define auto_proxies __attribute__((cleanup(proxies_done))) struct proxies

static struct edge_proxy proxy(const char *key, uint16_t port, const struct edge_target *target) {
  return (struct edge_proxy){.key = key, .port = port, .targets = target, .targets_len = target ? 1 : 0};
}

/* What is to be told, then " / " and what is to be closed, then how many are not open. */
static char *apply(struct proxies *p, const struct edge_proxy *asked, size_t len) {
  auto_wanted_proxies w = {0};
  auto_strv commands = STRV_EMPTY, closing = STRV_EMPTY;
  CHECK_OK(wanted_proxies_make(asked, len, &w));
  size_t closed = proxies_apply(p, &w, &paths, &commands, &closing);
  auto_free char *told = strv_join(&commands, "\n"), *ended = strv_join(&closing, " ");
  return str_format("%s / %s / %zu", told, ended, closed);
}

#define SAYS(p, asked, len, expected)                                                                       \
  do {                                                                                                       \
    auto_free char *said_ = apply(p, asked, len);                                                           \
    CHECK_TEXT(said_, expected);                                                                             \
  } while (0)

/* As a reload does. */
static void claim(struct proxies *p, const struct edge_proxy *asked, size_t len) {
  auto_wanted_proxies w = {0};
  CHECK_OK(wanted_proxies_make(asked, len, &w));
  proxies_claim(p, &w);
  free(apply(p, asked, len));
}

TEST(a_new_one_needs_a_reload) {
  auto_proxies p = {0};
  struct edge_proxy asked = proxy("k-1", 20001, one);
  SAYS(&p, &asked, 1, " /  / 1");
  claim(&p, &asked, 1);
  SAYS(&p, &asked, 1, " /  / 0");
  CHECK(p.items[0].open);
  CHECK_TEXT(p.items[0].slot.name, "t20001");
  CHECK_TEXT(p.items[0].slot.key, "k-1");
  CHECK_INT(p.items[0].slot.servers[0].state, ROUTES_READY);
  CHECK_INT(p.items[0].allow.len, 2); /* everybody */
}

TEST(a_switch_drains_and_needs_no_reload) {
  auto_proxies p = {0};
  struct edge_proxy asked = proxy("k-1", 20001, one);
  claim(&p, &asked, 1);
  asked.targets = two;
  SAYS(&p, &asked, 1,
       "set server t20001/r2 addr 10.0.0.2 port 5432\n"
       "set server t20001/r2 state ready\n"
       "set server t20001/r1 state drain /  / 0");
  asked.targets_len = 0; /* stopped before its successor starts */
  SAYS(&p, &asked, 1, "set server t20001/r2 state drain /  / 0");
}

TEST(one_that_goes_is_closed_at_once_with_its_connections) {
  auto_proxies p = {0};
  struct edge_proxy asked[] = {proxy("k-1", 20001, one), proxy("k-2", 20002, two)};
  claim(&p, asked, 2);
  SAYS(&p, asked, 1,
       "disable frontend p20002\n"
       "set server t20002/r1 state maint\n"
       "del map O 20002 / t20002/r1 t20002/r2 / 0");
  SAYS(&p, asked, 1, " /  / 0"); /* and that once */
  claim(&p, asked, 1);
  CHECK_INT(p.len, 1);
}

TEST(nobody_inherits_the_connections_of_another) {
  auto_proxies p = {0};
  struct edge_proxy asked = proxy("k-1", 20001, one);
  claim(&p, &asked, 1);
  asked = proxy("other-1", 20001, two);
  auto_free char *said = apply(&p, &asked, 1);
  CHECK(str_starts(said, "set server t20001/r1 state maint\n"));
  CHECK_HAS(said, "set map O 20001 other-1:");
  CHECK_HAS(said, " / t20001/r1 t20001/r2 / 0");
}

TEST(the_allow_list_follows_before_the_owner_is_told) {
  auto_proxies p = {0};
  struct edge_proxy asked = proxy("k-1", 20001, one);
  claim(&p, &asked, 1);
  asked.allow = both;
  asked.allow_len = 2;
  auto_free char *narrower = apply(&p, &asked, 1);
  CHECK(str_starts(narrower, "add acl A/20001.6 2001:db8::/32\n"
                             "add acl A/20001.4 203.0.113.0/24\n"
                             "del acl A/20001.4 0.0.0.0/0\n"
                             "del acl A/20001.6 ::/0\n"
                             "set map O 20001 k-1:"));
  SAYS(&p, &asked, 1, " /  / 0");
  asked.allow = office;
  asked.allow_len = 1;
  auto_free char *again = apply(&p, &asked, 1);
  CHECK(str_starts(again, "del acl A/20001.6 2001:db8::/32\nset map O 20001 k-1:"));
}

TEST(the_order_of_the_allow_list_does_not_matter) {
  static const char *const turned[] = {"203.0.113.0/24", "2001:db8:0::/32", "203.0.113.0/24"};
  auto_proxies p = {0};
  struct edge_proxy asked = proxy("k-1", 20001, one);
  asked.allow = both;
  asked.allow_len = 2;
  claim(&p, &asked, 1);
  asked.allow = turned;
  asked.allow_len = 3;
  SAYS(&p, &asked, 1, " /  / 0");
}

TEST(what_cannot_be_opened_is_left_alone) {
  auto_proxies p = {0};
  struct edge_proxy asked[] = {proxy("k-1", 20001, one), proxy("k-2", 20002, two)};
  auto_wanted_proxies w = {0};
  auto_strv commands = STRV_EMPTY, closing = STRV_EMPTY;
  CHECK_OK(wanted_proxies_make(asked, 2, &w));
  w.items[1].blocked = true;
  CHECK_INT(proxies_apply(&p, &w, &paths, &commands, &closing), 1);
  proxies_claim(&p, &w);
  CHECK_INT(p.len, 1);
  CHECK_INT(proxies_apply(&p, &w, &paths, &commands, &closing), 0);
  w.items[1].blocked = false;
  CHECK_INT(proxies_apply(&p, &w, &paths, &commands, &closing), 1);
}

/* A new tramd knows of the allow list what its digest tells. */
TEST(what_was_told_can_be_read_back) {
  auto_proxies told = {0}, seen = {0};
  struct edge_proxy asked[] = {proxy("k-1", 20001, one), proxy("k-2", 20002, two)};
  claim(&told, asked, 2);
  observe_proxies(&seen, "# pxname,svname,qcur\n"
                         "edge,FRONTEND,,,0,0,10000,0,0,0,0,0,0,,,,,OPEN,,,\n"
                         "p20002,FRONTEND,,,0,0,10000,0,0,0,0,0,0,,,,,STOP,,,\n"
                         "p20001,FRONTEND,,,0,0,10000,0,0,0,0,0,0,,,,,OPEN,,,\n"
                         "p99999,FRONTEND,,,0,0,10000,0,0,0,0,0,0,,,,,OPEN,,,\n");
  observe_proxy_servers(&seen, "1\n# be_id\n"
                               "5 s1 1 r1 10.9.9.9 2 0 1 1 5 1 0 0 0 0 0 0 - 80 - 0 0 - - 0\n"
                               "5 t20001 1 r1 10.0.0.1 2 0 1 1 5 1 0 0 0 0 0 0 - 5432 - 0 0 - - 0\n"
                               "5 t20001 2 r2 127.0.0.1 0 5 1 1 5 1 0 0 0 14 0 0 - 1 - 0 0 - - 0\n");
  auto_free char *owners = str_format("0x1 20001 k-1:%s\n0x2 20002 k 2:x\n0x3 x y\n", told.items[0].digest);
  observe_proxy_owners(&seen, owners);
  CHECK_INT(seen.len, 2);
  CHECK_INT(seen.items[0].port, 20001);
  CHECK_TEXT(seen.items[0].slot.key, "k-1");
  CHECK_INT(seen.items[0].slot.servers_len, 2);
  CHECK(!seen.items[1].open);
  CHECK_TEXT(seen.items[1].slot.key, "");
  SAYS(&seen, asked, 1, " /  / 0");
  CHECK(seen.items[0].knows_allow);
}

TEST(a_list_that_is_not_as_its_digest_says_is_made_anew) {
  auto_proxies p = {0};
  struct edge_proxy asked = proxy("k-1", 20001, one);
  claim(&p, &asked, 1);
  p.items[0].knows_allow = false;
  strv_done(&p.items[0].allow);
  p.items[0].allow = STRV_EMPTY;
  asked.allow = office;
  asked.allow_len = 1;
  auto_free char *said = apply(&p, &asked, 1);
  CHECK(str_starts(said, "clear acl A/20001.4\nclear acl A/20001.6\nadd acl A/20001.4 203.0.113.0/24\nset map O 20001 k-1:"));
}

static err *try_proxies(const struct edge_proxy *proxies, size_t len) {
  auto_wanted_proxies w = {0};
  return wanted_proxies_make(proxies, len, &w);
}

TEST(text_that_could_become_a_command_is_refused) {
  static const char *const bad[] = {"203.0.113.0", "203.0.113.1/24", "::/0;show info", "0.0.0.0/33", "", " ::/0", NULL};
  struct edge_proxy asked = proxy("k-1", 20001, one);
  for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
    asked.allow = &bad[i];
    asked.allow_len = 1;
    CHECK_ERR(try_proxies(&asked, 1), ERR_INVALID, "is not a network");
  }
  asked = proxy("k 1", 20001, one);
  CHECK_ERR(try_proxies(&asked, 1), ERR_INVALID, "is not a key");
  asked = proxy("k", 0, one);
  CHECK_ERR(try_proxies(&asked, 1), ERR_INVALID, "k has no port");
  static const struct edge_target nowhere[] = {{"localhost", 80}};
  asked = proxy("k", 1, nowhere);
  CHECK_ERR(try_proxies(&asked, 1), ERR_INVALID, "is not a target");
}

TEST(sizes_are_bounded_and_a_port_has_one_owner) {
  const char *many[EDGE_MAX_ALLOWED + 1];
  for (size_t i = 0; i < ARRAY_LEN(many); i++) many[i] = "::/0";
  struct edge_proxy asked[] = {proxy("k", 20001, one), proxy("l", 20001, one)};
  CHECK_ERR(try_proxies(asked, 2), ERR_CONFLICT, "port 20001 belongs to");
  asked[0].allow = many;
  asked[0].allow_len = ARRAY_LEN(many);
  CHECK_ERR(try_proxies(asked, 1), ERR_LIMIT, "more than 256 networks");
  CHECK_ERR(try_proxies(asked, EDGE_MAX_PROXIES + 1), ERR_LIMIT, "more than 10000");
}

TEST_MAIN
