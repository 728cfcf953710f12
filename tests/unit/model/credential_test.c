#include "model/credential.h"

#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

/* clang-format off */
static const struct { const char *text, *host; } hosts[] = {
  { "ghcr.io",                          "ghcr.io" },
  { "GHCR.io/owner/app",                "ghcr.io" },
  { "https://git.example.org:3000/a/b", "git.example.org:3000" },
  { "https://user@github.com/a",        "github.com" },
  { "git@github.com:a/b.git",           "github.com" },
  { "ssh://git@host:22/a",              "host:22" },
  { "127.0.0.1:5000",                   "127.0.0.1:5000" },
  { "[::1]:5000",                       "[::1]:5000" },
  { "",                                 NULL },
  { "https://",                         NULL },
  { "a host",                           NULL },
  { "host\n",                           NULL },
};
/* clang-format on */

TEST(the_host_alone) {
  for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
    auto_free char *host = credential_host(hosts[i].text);
    CHECK_TEXT(host, hosts[i].host);
  }
}

static err *check(enum credential_kind kind, const char *host, const char *username, const char *secret) {
  struct credential c = {.kind = kind, .host = (char *)host, .username = (char *)username, .secret = (char *)secret};
  return credential_check(&c);
}

TEST(what_may_be_kept) {
  CHECK_OK(check(CREDENTIAL_REGISTRY, "ghcr.io", "", "t"));
  CHECK_OK(check(CREDENTIAL_REPOSITORY, "github.com", "ada", "p:w"));
  CHECK_OK(check(CREDENTIAL_DEPLOY_KEY, "github.com", "", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3\n"));
  CHECK_ERR(check(CREDENTIAL_REGISTRY, "ghcr.io", "", ""), ERR_INVALID, "empty");
  CHECK_ERR(check(CREDENTIAL_REGISTRY, "ghcr.io", "", NULL), ERR_INVALID, "empty");
  CHECK_ERR(check(CREDENTIAL_REGISTRY, "", "", "t"), ERR_INVALID, "needs a host");
  CHECK_ERR(check(CREDENTIAL_REGISTRY, "ghcr.io", "a:b", "t"), ERR_INVALID, "user name");
  CHECK_ERR(check(CREDENTIAL_REGISTRY, "ghcr.io", "a\nb", "t"), ERR_INVALID, "user name");
  CHECK_ERR(check(CREDENTIAL_REPOSITORY, "github.com", "", "a\nb"), ERR_INVALID, "line break");
  CHECK_ERR(check(CREDENTIAL_DEPLOY_KEY, "github.com", "", "ssh-ed25519 AAAA"), ERR_INVALID, "no private key");
  auto_free char *large = mem_zalloc(CREDENTIAL_SECRET_MAX + 2);
  memset(large, 'x', CREDENTIAL_SECRET_MAX + 1);
  CHECK_ERR(check(CREDENTIAL_REGISTRY, "ghcr.io", "", large), ERR_LIMIT, "more than");
}

TEST_MAIN
