/* What is judged to be damage: links and addresses, an instance's routes, the firewall's text. */
#include "engine/local/survey.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "base/mem.h"
#include "engine/local/nft_text.h"
#include "tap.h"

/* ---- what the kernel tells of links ---- */

struct answer {
  char bytes[4096] __attribute__((aligned(NLMSG_ALIGNTO)));
  size_t len;
};

static struct nlmsghdr *begin(struct answer *a, int type, int flags, const void *info, size_t size) {
  struct nlmsghdr *h = (struct nlmsghdr *)(a->bytes + a->len);
  *h = (struct nlmsghdr){.nlmsg_len = (uint32_t)NLMSG_LENGTH(size),
                         .nlmsg_type = (uint16_t)type,
                         .nlmsg_flags = (uint16_t)flags};
  memcpy(NLMSG_DATA(h), info, size);
  a->len += NLMSG_SPACE(size);
  return h;
}

static void add(struct answer *a, struct nlmsghdr *h, int type, const void *data, size_t size) {
  struct rtattr *attribute = (struct rtattr *)(a->bytes + a->len);
  *attribute = (struct rtattr){(uint16_t)RTA_LENGTH(size), (uint16_t)type};
  memcpy(RTA_DATA(attribute), data, size);
  a->len += RTA_SPACE(size);
  h->nlmsg_len = (uint32_t)(a->bytes + a->len - (char *)h);
}

static void add_link(struct answer *a, int index, const char *name, int master, bool up, int flags) {
  struct ifinfomsg info = {.ifi_index = index, .ifi_flags = up ? IFF_UP : 0};
  struct nlmsghdr *h = begin(a, RTM_NEWLINK, flags, &info, sizeof info);
  add(a, h, IFLA_IFNAME, name, strlen(name) + 1);
  if (master) add(a, h, IFLA_MASTER, &master, sizeof master);
}

static void add_address(struct answer *a, int index, int family, const void *address, size_t size) {
  struct ifaddrmsg info = {.ifa_family = (uint8_t)family, .ifa_index = (uint32_t)index};
  struct nlmsghdr *h = begin(a, RTM_NEWADDR, 0, &info, sizeof info);
  add(a, h, IFA_ADDRESS, address, size);
}

static struct survey_network net(void) {
  struct survey_network n = {.bridge = "br"};
  inet_pton(AF_INET, "10.1.2.1", &n.gateway);
  inet_pton(AF_INET6, "fd00::1", &n.gateway6);
  return n;
}

/* The bridge br as number 4 with both addresses, and its port v in `master`. */
static void world(struct netlink_links *links, bool bridge_up, bool with6, int master, bool up) {
  struct survey_network n = net();
  struct answer a = {0};
  bool end = false;
  add_link(&a, 4, "br", 0, bridge_up, 0);
  add_link(&a, 5, "v", master, up, 0);
  add_address(&a, 4, AF_INET, &n.gateway, sizeof n.gateway);
  if (with6) add_address(&a, 4, AF_INET6, &n.gateway6, sizeof n.gateway6);
  *links = (struct netlink_links){0};
  netlink_parse(links, a.bytes, a.len, &end);
  CHECK(!end);
}

#define CHECK_CAUSE(call, part)                                                                    \
  do {                                                                                             \
    auto_free char *cause_ = call;                                                                 \
    CHECK_HAS(cause_ ? cause_ : "fine", part);                                                     \
  } while (0)

TEST(bridges) {
  struct netlink_links links;
  struct survey_network n = net(), other = net();
  strcpy(other.bridge, "gone");
  world(&links, true, true, 4, true);
  CHECK_CAUSE(survey_judge_bridge(&links, &n), "fine");
  CHECK_CAUSE(survey_judge_bridge(&links, &other), "'gone' was gone");
  netlink_links_done(&links);
  world(&links, false, true, 4, true);
  CHECK_CAUSE(survey_judge_bridge(&links, &n), "'br' was down");
  netlink_links_done(&links);
  world(&links, true, false, 4, true);
  CHECK_CAUSE(survey_judge_bridge(&links, &n), "lost its IPv6 address");
  n.gateway.s_addr++;
  CHECK_CAUSE(survey_judge_bridge(&links, &n), "lost its IPv4 address");
  netlink_links_done(&links);
}

TEST(links_of_instances) {
  struct netlink_links links;
  enum survey_damage damage;
  world(&links, true, true, 4, true);
  CHECK_CAUSE(survey_judge_link(&links, "v", "br", &damage), "fine");
  CHECK_INT(damage, SURVEY_FINE);
  CHECK_CAUSE(survey_judge_link(&links, "w", "br", &damage), "'w' was gone");
  CHECK_INT(damage, SURVEY_LINK);
  netlink_links_done(&links);
  world(&links, true, true, 7, true);
  CHECK_CAUSE(survey_judge_link(&links, "v", "br", &damage), "was not in the bridge 'br'");
  CHECK_INT(damage, SURVEY_LOOSE);
  netlink_links_done(&links);
  world(&links, true, true, 4, false);
  CHECK_CAUSE(survey_judge_link(&links, "v", "br", &damage), "'v' was down");
  CHECK_INT(damage, SURVEY_LOOSE);
  netlink_links_done(&links);
}

TEST(answers_that_are_not_whole) {
  struct netlink_links links = {0};
  struct answer a = {0};
  bool end = false;
  add_link(&a, 4, "br", 0, true, NLM_F_DUMP_INTR);
  begin(&a, NLMSG_DONE, 0, "", 0);
  for (size_t size = 0; size <= a.len; size++) { /* cut anywhere: nothing is read beyond */
    auto_free char *copy = mem_alloc(size + 1);
    memcpy(copy, a.bytes, size);
    end = false;
    netlink_parse(&links, copy, size, &end);
  }
  CHECK(end);
  CHECK(links.interrupted);
  netlink_links_done(&links);
}

/* ---- inside ---- */

TEST(routes_and_addresses_inside) {
  static const char route[] = "Iface\tDestination\tGateway \tFlags\n"
                              "eth0\t00000000\t0102010A\t0003\t0\t0\t0\t00000000\n"
                              "eth0\t0002010A\t00000000\t0001\t0\t0\t0\t00FFFFFF\n";
  static const char inet6[] = "fd000000000000000000000000000007 02 40 00 82 eth0\n";
  static const char route6[] =
      "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
      "fd000000000000000000000000000001 00000400 00000001 00000000 00000003 eth0\n";
  struct survey_network n = net();
  struct survey_instance i = {0};
  inet_pton(AF_INET, "10.1.2.7", &i.address);
  inet_pton(AF_INET6, "fd00::7", &i.address6);
  CHECK_CAUSE(survey_judge_inside(route, inet6, route6, &i, &n), "fine");
  CHECK_CAUSE(survey_judge_inside(strstr(route, "\neth0\t0002") + 1, inet6, route6, &i, &n), "IPv4 route");
  CHECK_CAUSE(survey_judge_inside("Iface\neth0\t00000000\t0102010A\t0003\n", inet6, route6, &i, &n),
              "IPv4 address");
  CHECK_CAUSE(survey_judge_inside("", inet6, route6, &i, &n), "IPv4 address");
  CHECK_CAUSE(survey_judge_inside(route, "", route6, &i, &n), "IPv6 address");
  CHECK_CAUSE(survey_judge_inside(route, inet6, "", &i, &n), "IPv6 route");
}

/* ---- the firewall ---- */

static const char table[] = "table inet tw {\n"
                            "\tset same { # handle 3\n\t\ttype ifname . ifname\n\t}\n"
                            "\tchain input { # handle 1\n"
                            "\t\ttype filter hook input priority filter - 10; policy accept;\n"
                            "\t\ttcp dport 53 accept # handle 4\n"
                            "\t\treject with icmpx admin-prohibited # handle 5\n"
                            "\t}\n}";

TEST(our_table_among_others) {
  auto_free char *ruleset =
      str_format("table ip nat {\n\tchain X {\n\t}\n}\n%s\ntable inet twx {\n}\n", table);
  auto_free char *found = nft_text_table(ruleset, "tw");
  CHECK_TEXT(found, table);
  auto_free char *first = nft_text_table(table, "tw");
  CHECK_TEXT(first, table);
  auto_free char *none = nft_text_table(ruleset, "t");
  CHECK_TEXT(none, "");
}

static char *replaced(const char *what, const char *by) {
  const char *at = strstr(table, what);
  CHECK(at != NULL);
  return str_format("%.*s%s%s", (int)(at - table), table, by, at + strlen(what));
}

TEST(differences_in_words) {
  auto_free char *gone = replaced("\t\ttcp dport 53 accept # handle 4\n", "");
  auto_free char *added = replaced("\t\treject", "\t\tdrop # handle 9\n\t\treject");
  auto_free char *moved = replaced("accept # handle 4", "accept # handle 8");
  auto_free char *policy = replaced("policy accept", "policy drop");
  CHECK_CAUSE(nft_text_difference(table, table), "fine");
  CHECK_CAUSE(nft_text_difference(table, ""), "the table was gone");
  CHECK_CAUSE(nft_text_difference(table, gone), "'tcp dport 53 accept' was gone or changed");
  CHECK_CAUSE(nft_text_difference(table, added), "'drop' was added");
  CHECK_CAUSE(nft_text_difference(table, moved), "'tcp dport 53 accept' was gone or changed");
  CHECK_CAUSE(nft_text_difference(table, policy), "policy accept;' was gone or changed");
}

static const char netavark[] =
    "table ip nat { # handle 1\n\tchain POSTROUTING { # handle 2\n"
    "\t\ttype nat hook postrouting priority srcnat; policy accept;\n"
    "\t\tcounter jump NETAVARK-HOSTPORT-MASQ # handle 11\n"
    "\t\tip saddr 10.1.2.0/24 counter jump NETAVARK-A # handle 3\n\t}\n"
    "\tchain NETAVARK-A { # handle 4\n\t\tip daddr 10.1.2.0/24 counter accept # handle 5\n"
    "\t\tip daddr != 224.0.0.0/4 counter masquerade # handle 6\n\t}\n}\n"
    "table ip filter { # handle 2\n\tchain FORWARD { # handle 1\n\t\tcounter jump NETAVARK_FORWARD # handle 2\n\t}\n"
    "\tchain NETAVARK_FORWARD { # handle 3\n"
    "\t\tip daddr 10.1.2.0/24 ct state related,established counter accept # handle 4\n"
    "\t\tip saddr 10.1.2.0/24 counter accept # handle 5\n\t}\n}\n";

static char *without(const char *part) {
  const char *at = strstr(netavark, part);
  CHECK(at != NULL);
  const char *end = strchr(at, '\n');
  return str_format("%.*s%s", (int)(at - netavark), netavark, end + 1);
}

TEST(rules_that_netavark_makes) {
  CHECK_CAUSE(nft_text_network_lacks(netavark, "ip", "10.1.2.0/24"), "fine");
  CHECK_CAUSE(nft_text_network_lacks(netavark, "ip", "10.1.3.0/24"), "masquerading of 10.1.3.0/24");
  CHECK_CAUSE(nft_text_network_lacks(netavark, "ip6", "fd00::/64"), "masquerading");
  CHECK_CAUSE(nft_text_network_lacks("", "ip", "10.1.2.0/24"), "masquerading");
  static const struct {
    const char *part, *cause;
  } rows[] = {
      {"\t\tip saddr 10.1.2.0/24 counter jump", "masquerading"},
      {"\t\tip daddr != 224", "masquerading"},
      {"\t\tcounter jump NETAVARK_FORWARD", "forwarding"},
      {"\t\tip daddr 10.1.2.0/24 ct", "forwarding"},
      {"\t\tip saddr 10.1.2.0/24 counter accept", "forwarding"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_free char *text = without(rows[i].part);
    CHECK_CAUSE(nft_text_network_lacks(text, "ip", "10.1.2.0/24"), rows[i].cause);
  }
  CHECK_CAUSE(nft_text_network_lacks("table inet netavark { # handle 1\n}\n", "ip", "10.1.2.0/24"), "fine");
}

TEST_MAIN
