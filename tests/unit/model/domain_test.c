/* Host names: which are accepted, and how generated ones are made. */
#include "model/domain.h"

#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

TEST(hosts) {
  static const struct {
    const char *host;
    bool ok;
  } rows[] = {
      {"app.example.com", true},
      {"a.b", true},
      {"xn--bcher-kva.example", true},
      {"1.example", true},
      {"a-b.c-d", true},
      {"api-production-1f2e.localhost", true},
      {"", false},
      {NULL, false},
      {"localhost", false},
      {"App.example", false},
      {"a..b", false},
      {".a.b", false},
      {"a.b.", false},
      {"-a.b", false},
      {"a-.b", false},
      {"a_b.c", false},
      {"*.b.c", false},
      {"10.0.0.1", false},
      {"a.b:80", false},
      {"a b.c", false},
      {"\xc3\xa4.de", false},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    err *e = domain_host_check(rows[i].host);
    if (rows[i].ok != !e) TAP_FAIL("%s", rows[i].host);
    err_free(e);
  }
}

TEST(hosts_are_limited) {
  auto_str host = STR_EMPTY;
  for (int i = 0; i < 63; i++)
    str_add_char(&host, 'a');
  str_add(&host, ".b");
  CHECK_OK(domain_host_check(str_text(&host)));
  auto_free char *label_too_long = str_format("a%s", str_text(&host));
  CHECK_ERR(domain_host_check(label_too_long), ERR_INVALID, "is not a host name");
  while (host.len < HOST_LEN_MAX - 1)
    str_add(&host, ".b");
  CHECK_OK(domain_host_check(str_text(&host)));
  while (host.len <= HOST_LEN_MAX)
    str_add(&host, ".b");
  CHECK_ERR(domain_host_check(str_text(&host)), ERR_INVALID, "is not a host name");
}

TEST(generated_hosts) {
  static const struct {
    const char *service, *environment, *host;
  } rows[] = {
      {"api", "production", "api-production-1f2e.localhost"},
      {"a2345678901234567890123456789012", "e2345678901234567890123456789012",
       "a2345678901234567890123456789012-e234567890123456789012345-1f2e.localhost"},
      {"a", "e23456789012345678901234567890123456789012345678901234567890",
       "a-e2345678901234567890123456789012345678901234567890123456-1f2e.localhost"},
      {"a2345678901234567890123456789012", "e23456789012345678901234-67890",
       "a2345678901234567890123456789012-e23456789012345678901234-1f2e.localhost"},
      {"a23456789012345678901234567890123456789012345678901234567890123", "production",
       "a234567890123456789012345678901234567890123456789-producti-1f2e.localhost"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_free char *host =
        domain_generated_host(rows[i].service, rows[i].environment, "1f2e", "localhost");
    CHECK_TEXT(host, rows[i].host);
    CHECK_OK(domain_host_check(host));
  }
}

TEST_MAIN
