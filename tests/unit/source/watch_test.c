/* Watch paths: gitignore's patterns against the files that a push changed. */
#include "source/watch.h"

#include "base/mem.h"
#include "tap.h"

/* clang-format off */
static const struct { const char *patterns, *paths; bool matches; } table[] = { /* one per line */
  { "",                              "",                        true  },
  { "",                              "README.md",               true  },
  { "/api/**",                       "",                        false }, /* an empty commit */
  { "/api/**",                       "api/main.go",             true  },
  { "/api/**",                       "web/api/main.go",         false },
  { "api/**",                        "web/a.js\napi/x/y.go",    true  },
  { "api/",                          "api/main.go",             true  },
  { "api/",                          "web/api/main.go",         true  },
  { "api",                           "api/main.go",             true  },
  { "*.go",                          "a/b/c.go",                true  },
  { "*.go",                          "a/b/c.js",                false },
  { "/*.md",                         "docs/a.md",               false },
  { "**/*.md",                       "docs/a.md",               true  },
  { "/src/**/*.ts",                  "src/a.ts",                true  },
  { "/src/**/*.ts",                  "src/a/b/c.ts",            true  },
  { "/src/**/*.ts",                  "lib/a.ts",                false },
  { "!/docs/**",                     "docs/a.md",               false }, /* a negation needs an earlier include */
  { "!/docs/**",                     "src/a.c",                 false },
  { "**\n!/docs/**",                 "docs/a.md",               false },
  { "**\n!/docs/**",                 "docs/a.md\nsrc/a.c",      true  },
  { "*\n!*.md",                      "docs/a.md",               false },
  { "/web/**\n!/web/docs/**",        "web/docs/deep/a.md",      false },
  { "/web/\n!/web/docs/",            "web/docs/deep/a.md",      false },
  { "/web/\n!/web/docs/",            "web/a.js",                true  },
  { "!/web/docs/**\n/web/**",        "web/docs/a.md",           true  }, /* the last decides */
  { "/web/**\n!/web/docs/**\n/web/docs/api.md", "web/docs/api.md", true },
  { "# a comment\n/api/**",          "api/x",                   true  },
  { "a\\ b",                         "a b",                     true  },
  { "/API/**",                       "api/x",                   false },
};
/* clang-format on */

TEST(patterns_against_changed_files) {
  for (size_t i = 0; i < ARRAY_LEN(table); i++) {
    auto_strv patterns = STRV_EMPTY, paths = STRV_EMPTY;
    bool matched = !table[i].matches;
    if (*table[i].patterns) strv_split(&patterns, table[i].patterns, '\n');
    if (*table[i].paths) strv_split(&paths, table[i].paths, '\n');
    CHECK_OK(watch_matches(&patterns, &paths, &matched));
    if (matched != table[i].matches) TAP_FAIL("'%s' against '%s'", table[i].patterns, table[i].paths);
  }
}

TEST(too_many_patterns_are_refused) {
  auto_strv patterns = STRV_EMPTY, paths = STRV_EMPTY;
  auto_free char *long_one = mem_alloc(1 << 21);
  memset(long_one, 'a', (1 << 21) - 1);
  long_one[(1 << 21) - 1] = '\0';
  strv_add(&patterns, long_one);
  bool matched;
  CHECK_ERR(watch_matches(&patterns, &paths, &matched), ERR_LIMIT, "");
}

TEST_MAIN
