#include "api/git_path.h"

#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

/* clang-format off */
static const struct {
  const char *path, *project, *service; /* project NULL: refused */
  enum git_service asked;
} paths[] = {
  { "shop.git/info/refs",                 "shop",    "",    GIT_SERVICE_REFS },
  { "shop/info/refs",                     "shop",    "",    GIT_SERVICE_REFS },
  { "My Shop.git/git-receive-pack",       "My Shop", "",    GIT_SERVICE_RECEIVE_PACK },
  { "shop/api.git/git-receive-pack",      "shop",    "api", GIT_SERVICE_RECEIVE_PACK },
  { "shop/api/git-upload-pack",           "shop",    "api", GIT_SERVICE_UPLOAD_PACK },
  { "a.git.git/info/refs",                "a.git",   "",    GIT_SERVICE_REFS },
  { "",                                   NULL, NULL, 0 },
  { "/info/refs",                         NULL, NULL, 0 },
  { "info/refs",                          NULL, NULL, 0 },
  { ".git/info/refs",                     NULL, NULL, 0 },
  { "shop.git",                           NULL, NULL, 0 },
  { "shop.git/HEAD",                      NULL, NULL, 0 },
  { "shop.git/objects/info/packs",        NULL, NULL, 0 },
  { "shop//api.git/info/refs",            NULL, NULL, 0 },
  { "/api.git/info/refs",                 NULL, NULL, 0 },
  { "shop//info/refs",                    NULL, NULL, 0 },
  { "a/b/c.git/info/refs",                NULL, NULL, 0 },
};
/* clang-format on */

TEST(what_git_asks_for) {
  for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
    auto_git_path p = {0};
    err *e = git_path_parse(paths[i].path, &p);
    if (!paths[i].project) {
      CHECK_ERR(e, ERR_NOT_FOUND, "");
      continue;
    }
    CHECK_OK(e);
    CHECK_TEXT(p.project, paths[i].project);
    CHECK_TEXT(p.service, paths[i].service);
    CHECK_INT(p.asked, paths[i].asked);
  }
}

TEST_MAIN
