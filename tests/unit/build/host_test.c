/* What is taken from the host: apt's mirrors, npm's registry, resolvers, routes; and the firewall. */
#include "base/file.h"
#include "base/mem.h"
#include "build/apt_sources.h"
#include "build/build_firewall.h"
#include "build/npm_registry.h"
#include "tap.h"

/* clang-format off */
static const struct { const char *list, *sources, *archive, *security; } apt_cases[] = {
  {"", "", NULL, NULL},
  {"deb http://m.example.org/debian bookworm main contrib\n"
   "deb-src http://src.example.org/debian bookworm main\n"
   "deb http://s.example.org/debian-security/ bookworm-security main\n", "",
   "http://m.example.org/debian", "http://s.example.org/debian-security"},
  {"", "Types: deb deb-src\n# a comment\nURIs: https://m.example.org/debian/\nSuites: trixie\n# one between\n trixie-updates\n"
       "components: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n"
       "Types: deb\nURIs: https://s.example.org/x\nSuites: trixie-security\nComponents: main\n",
   "https://m.example.org/debian", "https://s.example.org/x"},
  /* others have a bookworm too: the one with updates, then Debian's key, then no key */
  {"deb [arch=amd64 signed-by=/k/tool.gpg] https://tool.example.org/debian bookworm main\n"
   "deb http://unsaid.example.org bookworm main\n"
   "deb [signed-by=/k/debian-archive-keyring.gpg] http://key.example.org bookworm main\n"
   "deb [signed-by=/k/corp.gpg] http://corp.example.org/d bookworm main\n"
   "deb [signed-by=/k/corp.gpg] http://corp.example.org/d/ bookworm-updates main\n", "", "http://corp.example.org/d", NULL},
  {"deb http://unsaid.example.org bookworm main\ndeb [ signed-by=/k/debian-archive-keyring.gpg ] http://key.example.org bookworm main\n",
   "", "http://key.example.org", NULL},
  {"deb [signed-by=/k/tool.gpg] https://tool.example.org bookworm main\n", "", NULL, NULL},
  {"deb http://archive.example.org/ubuntu noble main\ndeb http://archive.example.org/ubuntu noble-updates main\n"
   "deb http://archive.example.org/ubuntu noble-security main\n", "", NULL, NULL},
  {"#deb http://off.example.org/debian bookworm main\ndeb cdrom:[Debian 12 _Bookworm_]/ bookworm main\n"
   "deb http://user:pw@secret.example.org/debian bookworm main\ndeb [broken http://x.example.org bookworm main\ndeb\ndeb http://\n"
   "deb file:/srv/debian bookworm main\ndeb http://c.example.org/debian bookworm stable\ndebug http://d.example.org bookworm main\n",
   "Enabled: no\nTypes: deb\nURIs: http://e.example.org\nSuites: stable\nComponents: main\n\n: x\n continued\nURIs\n\n", NULL, NULL},
};
/* clang-format on */

TEST(apt_sources) {
  for (size_t i = 0; i < ARRAY_LEN(apt_cases); i++) {
    auto_apt_sources sources = APT_SOURCES_EMPTY;
    apt_sources_read_list(&sources, apt_cases[i].list);
    apt_sources_read_deb822(&sources, apt_cases[i].sources);
    CHECK_TEXT(apt_sources_archive(&sources), apt_cases[i].archive);
    CHECK_TEXT(apt_sources_security(&sources), apt_cases[i].security);
  }
}

TEST(apt_folder_with_a_mirror_list) {
  char folder[] = "/tmp/tramway-apt-XXXXXX";
  CHECK(mkdtemp(folder) != NULL);
  auto_free char *parts = path_join(folder, "sources.list.d");
  auto_free char *used = path_join(parts, "debian.sources"), *ignored = path_join(parts, "a.list.off");
  auto_free char *mirrors = path_join(folder, "mirrors");
  auto_free char *text = str_format("Types: deb\nURIs: mirror+file://%s\nSuites: bookworm bookworm-updates\nComponents: main\n", mirrors);
  static const char off[] = "deb http://off.example.org/debian bookworm main\n";
  static const char list[] = "# mirrors\nhttps://m.example.org/debian/\tpriority:1\nhttps://n.example.org/debian\n";
  CHECK_OK(file_make_dirs(parts, 0755));
  CHECK_OK(file_write_fast(used, text, strlen(text), 0644));
  CHECK_OK(file_write_fast(ignored, off, strlen(off), 0644));
  for (int with_list = 0; with_list < 2; with_list++) {
    auto_apt_sources sources = APT_SOURCES_EMPTY;
    if (with_list) CHECK_OK(file_write_fast(mirrors, list, strlen(list), 0644));
    apt_sources_of(folder, &sources);
    CHECK_TEXT(apt_sources_archive(&sources), with_list ? "https://m.example.org/debian" : NULL);
  }
  CHECK_OK(file_remove_tree(folder));
}

TEST(security_updates_beside_a_mirror) {
  auto_free char *beside = apt_sources_beside("http://m.example.org/debian/");
  auto_free char *none = apt_sources_beside("http://m.example.org/mydebian");
  auto_free char *empty = apt_sources_beside("");
  CHECK_TEXT(beside, "http://m.example.org/debian-security");
  CHECK_TEXT(none, NULL);
  CHECK_TEXT(empty, NULL);
}

TEST(npm_registry_of_an_npmrc) {
  /* clang-format off */
  static const struct { const char *text, *url; } cases[] = {
    {"", NULL},
    {"fund=false\n registry = https://npm.example.org/ \n", "https://npm.example.org/"},
    {"registry=http://a.example.org\nregistry=http://b.example.org\n", "http://b.example.org"},
    {"@scope:registry=https://npm.example.org\n;registry=https://npm.example.org\n", NULL},
    {"registry=https://me:pw@npm.example.org\n", NULL},
    {"registry=${NPM_REGISTRY}\n", NULL},
    {"registry=https://\nregistry", NULL},
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    auto_free char *url = npm_registry_in(cases[i].text);
    CHECK_TEXT(url, cases[i].url);
  }
}

TEST(firewall_opens_what_the_host_and_the_configuration_name) {
  struct build_firewall f = {.bridge = "twb-abc", .private_pool = "10.213.0.0/16"};
  build_firewall_add_resolvers(&f, "# nameserver 192.0.2.9\nnameserver 192.0.2.1\nnameserver 127.0.0.53\n"
                                   "nameserver fe80::1%eth0\nnameserver 192.0.2.1\nnameserver 1.2.3.4;x\noptions edns0\n");
  static const char *const urls[] = {"http://192.0.2.2:3128", "https://u:p@192.0.2.3/x@y", "http://name.example.org:1",
                                     "http://127.0.0.1:1", "http://192.0.2.4:0", "http://[::1]:80", "192.0.2.5", "", NULL};
  for (size_t i = 0; i < ARRAY_LEN(urls); i++) build_firewall_add_endpoint(&f, urls[i]);
  build_firewall_add_uplinks(&f, "Iface\tDestination\tGateway\neth0\t00000000\t010200C0\neth1\t000200C0\t0\nbr\"0\t00000000\t0\n");
  auto_free char *text = build_firewall_render(&f);
  CHECK(str_starts(text, "table inet twb-abc {}\ndelete table inet twb-abc\ntable inet twb-abc {\n"));
  CHECK_HAS(text, "    ip daddr { 192.0.2.1 } meta l4proto { tcp, udp } th dport 53 accept\n");
  CHECK_HAS(text, "    ip daddr . tcp dport { 192.0.2.2 . 3128, 192.0.2.3 . 443 } accept\n");
  CHECK_HAS(text, "    oifname { \"eth0\" } accept\n");
  CHECK_HAS(text, "    ip daddr 10.213.0.0/16 reject");
  build_firewall_done(&f);
}

TEST(firewall_without_anything_open) {
  struct build_firewall f = {.bridge = "twb-abc"};
  auto_free char *text = build_firewall_render(&f);
  CHECK_HAS(text, "  chain given {\n  }\n");
  CHECK(!strstr(text, "oifname { "));
  CHECK_HAS(text, "    iifname != \"twb-abc\" accept\n");
}

TEST_MAIN
