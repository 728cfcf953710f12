#include "source/git_url.h"

#include "base/mem.h"
#include "base/str.h"
#include "source/git_env.h"
#include "tap.h"

/* clang-format off */
static const struct {
  const char *text;
  const char *plain;   /* NULL: refused, with … */
  const char *message; /* … this, or the authorization */
  bool is_local, is_ssh;
} urls[] = {
  { "https://github.com/a/b",            "https://github.com/a/b",      NULL, 0, 0 },
  { "http://10.0.0.1:3000/a/b.git",      "http://10.0.0.1:3000/a/b.git",NULL, 0, 0 },
  { "https://me:s3cret@host/a",          "https://host/a",              "Authorization: Basic bWU6czNjcmV0", 0, 0 },
  { "https://token@host/a",              "https://host/a",              "Authorization: Basic dG9rZW46", 0, 0 },
  { "https://a%40b:c%3Ad@host/a",        "https://host/a",              "Authorization: Basic YUBiOmM6ZA==", 0, 0 },
  { "https://host/a@b",                  "https://host/a@b",            NULL, 0, 0 },
  { "ssh://git@host:22/a",               "ssh://git@host:22/a",         NULL, 0, 1 },
  { "git@github.com:a/b.git",            "git@github.com:a/b.git",      NULL, 0, 1 },
  { "git://host/a",                      "git://host/a",                NULL, 0, 0 },
  { "/srv/git/a.git",                    "/srv/git/a.git",              NULL, 1, 0 },
  { "file:///srv/git/a.git",             "file:///srv/git/a.git",       NULL, 1, 0 },
  { "",                                  NULL, "no git URL: give https://", 0, 0 },
  { "owner/repo",                        NULL, "no git URL", 0, 0 },
  { "ext::sh -c touch% /tmp/x",          NULL, "blank", 0, 0 },
  { "ext::id",                           NULL, "no git URL", 0, 0 },
  { "fd::17/foo",                        NULL, "no git URL", 0, 0 },
  { "file://host/a",                     NULL, "no git URL", 0, 0 },
  { "--upload-pack=id",                  NULL, "no git URL", 0, 0 },
  { "-oProxyCommand=id@host:a",          NULL, "no git URL", 0, 0 },
  { "git@-oProxyCommand=id:a",           NULL, "no git URL", 0, 0 },
  { "git@host:-a",                       NULL, "no git URL", 0, 0 },
  { "ssh://-oProxyCommand=id/a",         NULL, "names no host", 0, 0 },
  { "ssh://git@-oProxyCommand=id/a",     NULL, "names no host", 0, 0 },
  { "ssh://git:pw@host/a",               NULL, "holds a password", 0, 0 },
  { "https://",                          NULL, "names no host", 0, 0 },
  { "https:///a",                        NULL, "names no host", 0, 0 },
  { "https://me:pw@/a",                  NULL, "names no host", 0, 0 },
  { "git://-x/a",                        NULL, "names no host", 0, 0 },
  { "https://host/a\nb",                 NULL, "control character", 0, 0 },
  { "../a",                              NULL, "no git URL", 0, 0 },
};

static const struct { const char *ref; bool valid; } refs[] = {
  {"main", 1}, {"feature/x-1", 1}, {"v1.2.3", 1}, {"a@b", 1}, {"\xC3\xA9t\xC3\xA9", 1}, {"deadbeef", 1},
  {"", 0}, {"-x", 0}, {"--upload-pack=id", 0}, {"a..b", 0}, {"a b", 0}, {"a~1", 0}, {"a^", 0}, {"a:b", 0},
  {"a?", 0}, {"a*", 0}, {"a[", 0}, {"a\\b", 0}, {"/a", 0}, {"a/", 0}, {"a//b", 0}, {"a/.b", 0}, {".a", 0},
  {"a.", 0}, {"a.lock", 0}, {"a.lock/b", 0}, {"@", 0}, {"a@{1}", 0}, {"a\n", 0}, {"a\x7f", 0}, {"\xff", 0},
};
/* clang-format on */

TEST(urls_that_may_reach_git) {
  for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
    struct git_url url;
    if (!urls[i].plain) {
      CHECK_ERR(git_url_parse(urls[i].text, &url), ERR_INVALID, urls[i].message);
      continue;
    }
    CHECK_OK(git_url_parse(urls[i].text, &url));
    CHECK_TEXT(url.plain, urls[i].plain);
    CHECK_TEXT(url.authorization, urls[i].message);
    CHECK_INT(url.is_local, urls[i].is_local);
    CHECK_INT(url.is_ssh, urls[i].is_ssh);
    git_url_done(&url);
  }
}

TEST(a_long_url_is_refused) {
  auto_str text = STR_EMPTY;
  str_add(&text, "https://host/");
  for (int i = 0; i < 2048; i++) str_add_char(&text, 'a');
  struct git_url url;
  CHECK_ERR(git_url_parse(str_text(&text), &url), ERR_LIMIT, "2048");
}

TEST(refs_that_may_reach_git) {
  for (size_t i = 0; i < ARRAY_LEN(refs); i++)
    if (git_ref_valid(refs[i].ref) != refs[i].valid) TAP_FAIL("ref '%s'", refs[i].ref);
  CHECK(git_is_commit("0123abc") && git_is_commit("0123456789012345678901234567890123456789"));
  CHECK(!git_is_commit("012345") && !git_is_commit("012345g") && !git_is_commit(""));
}

TEST(credentials_are_meant_for_their_host_only) {
  struct git_url url;
  CHECK_OK(git_url_parse("https://me:pw@host:8443/a/b", &url));
  auto_strv env = STRV_EMPTY;
  git_env_add(&env, "/data/git", &url, NULL, false);
  CHECK(strv_has(&env, "GIT_CONFIG_KEY_0=http.https://host:8443/.extraHeader"));
  CHECK(strv_has(&env, "GIT_CONFIG_VALUE_0=Authorization: Basic bWU6cHc="));
  CHECK(strv_has(&env, "GIT_ALLOW_PROTOCOL=https:http:ssh:git"));
  CHECK(strv_has(&env, "GIT_TERMINAL_PROMPT=0"));
  git_url_done(&url);
}

TEST_MAIN
