/* The many names of one repository. */
#include "source/repo_name.h"

#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

/* clang-format off */
static const struct { const char *text, *key, *full_name; } table[] = {
  { "https://github.com/Ada/Shop",               "github.com/ada/shop",           "Ada/Shop" },
  { "https://github.com/Ada/Shop.git",           "github.com/ada/shop",           "Ada/Shop" },
  { "https://github.com/Ada/Shop.git/",          "github.com/ada/shop",           "Ada/Shop" },
  { "https://github.com/Ada/Shop/",              "github.com/ada/shop",           "Ada/Shop" },
  { "http://github.com/ada/shop",                "github.com/ada/shop",           "ada/shop" },
  { "HTTPS://GitHub.com:443/ada/shop",           "github.com/ada/shop",           "ada/shop" },
  { "https://ada:s3cret@github.com/ada/shop",    "github.com/ada/shop",           "ada/shop" },
  { "https://github.com/ada/shop?x=1#y",         "github.com/ada/shop",           "ada/shop" },
  { "git@github.com:ada/shop.git",               "github.com/ada/shop",           "ada/shop" },
  { "github.com:ada/shop",                       "github.com/ada/shop",           "ada/shop" },
  { "git@gitlab.example:/group/sub/shop.git",    "gitlab.example/group/sub/shop", "group/sub/shop" },
  { "ssh://git@github.com/ada/shop.git",         "github.com/ada/shop",           "ada/shop" },
  { "ssh://git@github.com:22/ada/shop.git",      "github.com/ada/shop",           "ada/shop" },
  { "ssh://git@git.example:2222/ada/shop",       "git.example:2222/ada/shop",     "ada/shop" },
  { "http://git.example:3000/ada/shop.git",      "git.example:3000/ada/shop",     "ada/shop" },
  { "git://github.com/ada/shop.git",             "github.com/ada/shop",           "ada/shop" },
  { "ada/shop",                                  "github.com/ada/shop",           "ada/shop" },
  { "ada/shop.git",                              "github.com/ada/shop",           "ada/shop" },
  { "ada/.git",                                  NULL,                            NULL },
  { "/srv/git/Shop.git",                         "file:/srv/git/Shop",            "/srv/git/Shop" },
  { "/srv/git/Shop/.git",                        "file:/srv/git/Shop/.git",       "/srv/git/Shop/.git" },
  { "file:///srv/git/Shop.git",                  "file:/srv/git/Shop",            "/srv/git/Shop" },
  { "https://host",                              NULL,                            NULL },
  { "https:///a",                                NULL,                            NULL },
  { "https://host/",                             NULL,                            NULL },
  { "file://host/a",                             NULL,                            NULL },
  { "ext::sh",                                   "ext/:sh",                       ":sh" },
  { "push:project",                              NULL,                            NULL },
  { "shop",                                      NULL,                            NULL },
  { "a/b/c",                                     NULL,                            NULL },
  { "/",                                         NULL,                            NULL },
  { "",                                          NULL,                            NULL },
};
/* clang-format on */

TEST(all_spellings_of_a_repository_share_a_key) {
  for (size_t i = 0; i < ARRAY_LEN(table); i++) {
    auto_free char *key = repo_key(table[i].text), *name = repo_full_name(table[i].text);
    if (!str_eq(key, table[i].key)) printf("# %s\n", table[i].text);
    CHECK_TEXT(key, table[i].key);
    CHECK_TEXT(name, table[i].full_name);
  }
  CHECK(!repo_key(NULL));
}

TEST(only_names_of_repositories_are_the_same) {
  CHECK(repo_same("git@github.com:Ada/shop.git", "https://github.com/ada/Shop"));
  CHECK(!repo_same("git@github.com:ada/shop.git", "git@gitlab.com:ada/shop.git"));
  CHECK(!repo_same("/srv/git/a", "/srv/git/A"));
  CHECK(!repo_same("", ""));
  CHECK(!repo_same(NULL, NULL));
}

TEST(the_short_name_is_githubs) {
  auto_free char *url = repo_url("ada/shop"), *other = repo_url("git@host:a/b"), *none = repo_url(NULL);
  CHECK_TEXT(url, "https://github.com/ada/shop");
  CHECK_TEXT(other, "git@host:a/b");
  CHECK(!none);
}

TEST_MAIN
