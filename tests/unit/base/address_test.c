#include "base/address.h"

#include <sys/socket.h>

#include "tap.h"
#include "base/mem.h"
#include "base/str.h"

TEST(addresses_with_a_port) {
  struct address a;
  CHECK(address_parse("127.0.0.1:80", &a));
  CHECK_TEXT(a.host, "127.0.0.1");
  CHECK_INT(a.port, 80);
  CHECK_INT(a.family, AF_INET);
  CHECK(address_parse("[fd7a::1]:65535", &a));
  CHECK_TEXT(a.host, "fd7a::1");
  CHECK_INT(a.family, AF_INET6);
  static const char *const bad[] = {"",
                                    ":80",
                                    "127.0.0.1",
                                    "127.0.0.1:",
                                    "127.0.0.1:0",
                                    "127.0.0.1:65536",
                                    "::1:80",
                                    "[::1]",
                                    "[::1:80",
                                    "::1]:80",
                                    "[127.0.0.1]:8",
                                    "localhost:8",
                                    "127.0.0.1:+80",
                                    "127.0.0.1:80 ",
                                    "1.2.3:80",
                                    "[fe80::1%lo]:80",
                                    "[]:80",
                                    "[:80",
                                    "127.0.0.1:8x",
                                    "[1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111]:80"};
  for (size_t i = 0; i < ARRAY_LEN(bad); i++)
    if (address_parse(bad[i], &a)) TAP_FAIL("'%s' is accepted", bad[i]);
}

TEST(networks) {
  struct address_net a, b;
  CHECK(address_parse_net("10.213.0.0/16", &a));
  CHECK_INT(a.prefix, 16);
  CHECK(address_parse_net("10.213.255.0/24", &b));
  CHECK(address_nets_overlap(&a, &b));
  CHECK(address_parse_net("10.214.0.0/24", &b));
  CHECK(!address_nets_overlap(&a, &b));
  CHECK(address_parse_net("0.0.0.0/0", &b));
  CHECK(address_nets_overlap(&a, &b));
  CHECK(address_parse_net("fd7a:7472:616d::/48", &b));
  CHECK(!address_nets_overlap(&a, &b));
  static const char *const bad[] = {
      "",           "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/24",
      "fd7a::1/64", "::/129",   "a/8",       "10.0.0.0/-1", "10.0.0.0/ 8"};
  for (size_t i = 0; i < ARRAY_LEN(bad); i++)
    if (address_parse_net(bad[i], &a)) TAP_FAIL("'%s' is accepted", bad[i]);
}

TEST(host_names) {
  static const char *const good[] = {
      "a",      "localhost", "Api-1.Example.com", "_acme-challenge.x.y", "xn--bcher-kva.example",
      "1.2.3.4"};
  static const char *const bad[] = {"",    ".", "a.",  ".a",        "a..b", "-a",  "a-",  "a b",
                                    "a_b", "_", "a\n", "b\xC3\xBC", "a;b",  "*.a", "a:80"};
  for (size_t i = 0; i < ARRAY_LEN(good); i++)
    if (!address_is_host_name(good[i])) TAP_FAIL("'%s' is refused", good[i]);
  for (size_t i = 0; i < ARRAY_LEN(bad); i++)
    if (address_is_host_name(bad[i])) TAP_FAIL("'%s' is accepted", bad[i]);
  char label[80] = "";
  memset(label, 'a', 63);
  CHECK(address_is_host_name(label));
  label[63] = 'a';
  CHECK(!address_is_host_name(label));
  auto_str longest = STR_EMPTY;
  for (int i = 0; i < 126; i++)
    str_add(&longest, "a.");
  str_add(&longest, "a");
  CHECK(address_is_host_name(str_text(&longest)));
  str_add(&longest, "a");
  CHECK(!address_is_host_name(str_text(&longest)));
}

TEST_MAIN
