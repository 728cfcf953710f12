#include "engine/local/network.h"

#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "engine/local/firewall.h"
#include "engine/local/names.h"
#include "engine/local/netavark_rules.h"
#include "tap.h"

static char state_file[64];

static err *open_networks(const char *v4, const char *v6, networks **ret) {
  struct networks_config config = {.name = "tw",
                                   .state_file = state_file,
                                   .run_dir = "/run/none",
                                   .ipv4_pool = v4,
                                   .ipv6_pool = v6};
  return networks_new(NULL, &config, ret);
}

static void fresh_state(void) {
  snprintf(state_file, sizeof state_file, "/tmp/tramway-networks-%d.json", (int)getpid());
  unlink(state_file);
}

TEST(addresses) {
  fresh_state();
  networks *n = NULL;
  CHECK_OK(open_networks("10.213.0.0/16", "fd7a:7472:616d::/48", &n));
  network *first = NULL, *second = NULL, *again = NULL;
  CHECK_OK(networks_get(n, "env-a", &first));
  CHECK_OK(networks_get(n, "env-b", &second));
  CHECK_OK(networks_get(n, "env-a", &again));
  CHECK(first == again && first != second);
  auto_free char *a = network_address_text(second, 7, AF_INET),
                 *b = network_address_text(second, 7, AF_INET6);
  CHECK_TEXT(a, "10.213.1.7");
  CHECK_TEXT(b, "fd7a:7472:616d:1::7");
  CHECK_TEXT(network_bridge(second), "tw-e1");
  auto_free char *json = network_netavark_json(second);
  CHECK_HAS(json, "\"subnet\":\"10.213.1.0/24\",\"gateway\":\"10.213.1.1\"");
  CHECK_HAS(json, "\"subnet\":\"fd7a:7472:616d:1::/64\"");
  CHECK_HAS(json, "\"static_ips\":[\"10.213.1.2\",\"fd7a:7472:616d:1::2\"]");
  networks_free(n);
  CHECK_OK(open_networks("10.213.0.0/16", "fd7a:7472:616d::/48", &n)); /* numbers are kept */
  CHECK_TEXT(network_bridge(networks_find(n, "env-b")), "tw-e1");
  CHECK(networks_find(n, "env-c") == NULL);
  networks_free(n);
  unlink(state_file);
}

TEST(pools_end) {
  fresh_state();
  networks *n = NULL;
  network *w = NULL;
  CHECK_OK(open_networks("10.0.0.0/23", "fd00::/48", &n));
  CHECK_OK(networks_get(n, "a", &w));
  CHECK_OK(networks_get(n, "b", &w));
  CHECK_ERR(networks_get(n, "c", &w), ERR_LIMIT, "room for 2 environments");
  networks_free(n);
  unlink(state_file);
  static const char *const bad[][2] = {{"10.0.0.0/25", "fd00::/48"},   {"10.0.0.1/16", "fd00::/48"},
                                       {"10.0.0.0/16", "fd00::/65"},   {"fd00::/48", "fd00::/48"},
                                       {"10.0.0.0/16", "10.0.0.0/16"}, {"x", "fd00::/48"}};
  for (size_t i = 0; i < ARRAY_LEN(bad); i++)
    CHECK_ERR(open_networks(bad[i][0], bad[i][1], &n), ERR_INVALID, "pool");
}

TEST(hosts_are_given_in_turn) {
  fresh_state();
  networks *n = NULL;
  network *w = NULL;
  CHECK_OK(open_networks("10.0.0.0/16", "fd00::/48", &n));
  CHECK_OK(networks_get(n, "a", &w));
  int host = 0, other = 0;
  CHECK_OK(network_take_host(w, 0, &host));
  CHECK_INT(host, 3); /* 1 is the gateway, 2 the anchor */
  network_release_host(w, host);
  CHECK_OK(network_take_host(w, 0, &other));
  CHECK_INT(other, 4); /* not the one just left */
  CHECK_OK(network_take_host(w, 200, &host));
  CHECK_INT(host, 200);
  CHECK_OK(network_take_host(w, 200, &host)); /* taken: another */
  CHECK_INT(host, 5);
  CHECK_OK(network_take_host(w, 255, &host)); /* broadcast is never given */
  CHECK_INT(host, 6);
  for (int i = 4; i < 252; i++)
    CHECK_OK(network_take_host(w, 0, &host));
  CHECK_ERR(network_take_host(w, 0, &host), ERR_LIMIT, "room for 252 instances");
  network_release_host(w, 77);
  CHECK_OK(network_take_host(w, 0, &host));
  CHECK_INT(host, 77);
  networks_free(n);
  unlink(state_file);
}

TEST(a_spoiled_record_is_an_error) {
  fresh_state();
  networks *n = NULL;
  CHECK_OK(file_write(state_file, "{\"env\": -1}", 11, 0600));
  CHECK_ERR(open_networks("10.0.0.0/16", "fd00::/48", &n), ERR_CORRUPT, "'env'");
  unlink(state_file);
}

TEST(firewall_text) {
  auto_strv bridges = STRV_EMPTY;
  auto_free char *empty = firewall_render("tramway", "tramway-e", &bridges, NULL);
  CHECK_HAS(empty, "table inet tramway {}\ndelete table inet tramway\n");
  CHECK(!strstr(empty, "elements"));
  CHECK(!strstr(empty, "tcp dport 80 "));
  strv_add(&bridges, "tramway-e0");
  strv_add(&bridges, "tramway-e7");
  static const int ports[] = {80, 443, 0};
  auto_free char *text = firewall_render("tramway", "tramway-e", &bridges, ports);
  CHECK_HAS(text,
            "elements = { \"tramway-e0\" . \"tramway-e0\", \"tramway-e7\" . \"tramway-e7\" }");
  CHECK_HAS(text, "tcp dport 443 accept\n");
  CHECK_HAS(text, "iifname \"tramway-e*\" ip daddr 169.254.0.0/16 reject");
}

TEST(names_text) {
  static const struct names_entry entries[] = {{"net-anchor", "10.0.0.2", "fd00::2", NULL, NULL},
                                               {"d1-0", "10.0.0.3", "fd00::3", "api", ""},
                                               {"d2-0", "10.0.0.4", "fd00::4", "db", "postgres"}};
  auto_free char *text = names_render("10.0.0.1", "fd00::1", entries, 3);
  CHECK_TEXT(text, "10.0.0.1,fd00::1\nnet-anchor 10.0.0.2 fd00::2 net-anchor\n"
                   "d1-0 10.0.0.3 fd00::3 d1-0,api.railway.internal,api\n"
                   "d2-0 10.0.0.4 fd00::4 d2-0,db.railway.internal,db,postgres.railway.internal,postgres\n");
  auto_free char *resolv = names_resolv_conf("10.0.0.1", "fd00::1");
  CHECK_HAS(resolv, "search railway.internal\nnameserver 10.0.0.1\nnameserver fd00::1\n");
  auto_free char *hosts = names_hosts("api", "10.0.0.3", "fd00::3");
  CHECK_HAS(hosts, "127.0.0.1 localhost\n");
  CHECK_HAS(hosts, "fd00::3 api\n");
}

static const char left_ruleset[] =
    "table ip nat { # handle 1\n"
    "\tchain PREROUTING { # handle 1\n"
    "\t\ttype nat hook prerouting priority dstnat; policy accept;\n"
    "\t\tfib daddr type local counter packets 0 bytes 0 jump NETAVARK-HOSTPORT-DNAT # handle 9\n"
    "\t}\n\n"
    "\tchain NETAVARK-HOSTPORT-DNAT { # handle 5\n\t}\n"
    "}\n"
    "table ip filter { # handle 2\n"
    "\tchain FORWARD { # handle 2\n"
    "\t\ttype filter hook forward priority filter; policy accept;\n"
    "\t\tcounter packets 1 bytes 2 jump NETAVARK_FORWARD # handle 8\n"
    "\t\tcounter packets 1 bytes 2 jump DOCKER-USER # handle 10\n"
    "\t}\n\n"
    "\tchain NETAVARK_FORWARD { # handle 4\n\t}\n"
    "}\n"
    "table inet other { # handle 3\n\tset s {\n\t\ttype ipv4_addr\n\t}\n}\n";

TEST(leftovers_of_netavark) {
  auto_free char *plan = netavark_rules_plan(left_ruleset, "");
  CHECK_TEXT(plan,
             "delete rule ip nat PREROUTING handle 9\n"
             "delete rule ip filter FORWARD handle 8\n"
             "flush chain ip nat NETAVARK-HOSTPORT-DNAT\n"
             "flush chain ip filter NETAVARK_FORWARD\n"
             "delete chain ip nat NETAVARK-HOSTPORT-DNAT\n"
             "delete chain ip filter NETAVARK_FORWARD\n"
             "delete table ip nat\n"); /* filter is used by another, `other` is not iptables' */
  auto_free char *known = netavark_rules_plan(left_ruleset, "table ip nat\ntable ip filter\n");
  CHECK(!strstr(known, "delete table"));
  auto_free char *used = str_format(
      "%stable ip6 nat { # handle 9\n\tchain NETAVARK-0123456789ABC { # handle 1\n\t}\n}\n",
      left_ruleset);
  auto_free char *nothing = netavark_rules_plan(used, "");
  CHECK_TEXT(nothing, "");
  auto_free char *garbage = netavark_rules_plan("}\n}\nchain x\ntable\n", "");
  CHECK_TEXT(garbage, "");
}

TEST_MAIN
