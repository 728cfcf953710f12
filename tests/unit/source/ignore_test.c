#include "source/ignore.h"

#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

static void add(ignore *rules, const char *folder, int rank, const char *text) {
  CHECK_OK(ignore_add(rules, folder, rank, text, strlen(text)));
}

/* clang-format off */
static const struct {
  const char *rules;
  const char *path; /* a trailing "/" says that it is a folder */
  bool excluded;
} table[] = {
  /* gitignore(5), "PATTERN FORMAT", in its order */
  { "",                     "a",                 false },
  { "\n\n",                 "a",                 false },
  { "# a",                  "# a",               false },
  { "\\#a",                 "#a",                true  },
  { "a  ",                  "a",                 true  },
  { "a\\ ",                 "a ",                true  },
  { "a\\  ",                "a ",                true  },
  { "a\t",                  "a",                 false },
  { "*\n!a",                "a",                 false },
  { "*\n!a",                "b",                 true  },
  { "!a\n*",                "a",                 true  },
  { "\\!important!.txt",    "!important!.txt",   true  },
  { "d/\n!d/a",             "d/a",               true  }, /* the parent stays excluded */
  { "d/*\n!d/a",            "d/a",               false },
  { "doc/frotz",            "doc/frotz",         true  },
  { "doc/frotz",            "a/doc/frotz",       false },
  { "/doc/frotz",           "doc/frotz",         true  },
  { "frotz/",               "frotz/",            true  },
  { "frotz/",               "frotz",             false },
  { "frotz/",               "a/frotz/",          true  },
  { "doc/frotz/",           "a/doc/frotz/",      false },
  { "frotz/",               "a/frotz/x",         true  },
  { "foo/*",                "foo/test.json",     true  },
  { "foo/*",                "foo/bar/",          true  },
  { "foo/*",                "foo/",              false },
  { "foo/*.c",              "foo/bar/hello.c",   false },
  { "a?c",                  "abc",               true  },
  { "a?c",                  "a/c",               false },
  { "[a-z]x",               "bx",                true  },
  { "[a-z]x",               "Bx",                false },
  { "**/foo",               "foo",               true  },
  { "**/foo",               "a/b/foo",           true  },
  { "**/foo/bar",           "a/foo/bar",         true  },
  { "abc/**",               "abc/x/y",           true  },
  { "abc/**",               "abc/",              false },
  { "a/**/b",               "a/b",               true  },
  { "a/**/b",               "a/x/b",             true  },
  { "a/**/b",               "a/x/y/b",           true  },
  { "a/**/b",               "a/x/y/c",           false },
  { "a**b",                 "axxb",              true  },
  { "a**b",                 "ax/xb",             false },
  { "/*\n!/foo\n/foo/*\n!/foo/bar", "foo/bar/x", false },
  { "/*\n!/foo\n/foo/*\n!/foo/bar", "foo/baz",   true  },
  { "/*\n!/foo\n/foo/*\n!/foo/bar", "x",         true  },
  /* brackets */
  { "[!a]b",                "ab",                false },
  { "[!a]b",                "cb",                true  },
  { "[^a]b",                "cb",                true  },
  { "[]]b",                 "]b",                true  },
  { "[]-]b",                "-b",                true  },
  { "[a-]b",                "-b",                true  },
  { "[\\]]b",               "]b",                true  },
  { "[[:digit:]]b",         "1b",                true  },
  { "[[:digit:]x]b",        "xb",                true  },
  { "[[:nope:]]b",          "nb",                false },
  { "[![:alpha:]]b",        "1b",                true  },
  { "a[b",                  "a[b",               false },
  { "a[",                   "a[",                false },
  { "x[/]y",                "x/y",               false },
  { "x[a/]y",               "xay",               true  },
  /* what else is in real files */
  { "*.log\r\n!keep.log\r\n", "x/a.log",         true  },
  { "*.log\r\n!keep.log\r\n", "x/keep.log",      false },
  { "\xEF\xBB\xBF" "dist",  "dist",              true  },
  { "*",                    ".hidden",           true  },
  { "a\\",                  "a\\",               false },
  { "a\\*b",                "a*b",               true  },
  { "a\\*b",                "axb",               false },
  { "a\\/b",                "a/b",               true  },
  { "**",                   "a/b",               true  },
  { "**/",                  "a/",                true  },
  { "**/",                  "a",                 false },
  { "***/a",                "x/a",               true  },
  { "/",                    "a",                 false },
  { "!",                    "a",                 false },
  { "a//b",                 "a/b",               false },
  { "*.so",                 "lib/x.so",          true  },
  { "*.so",                 "lib/x.so.1",        false },
  { "node_modules",         "web/node_modules/a/b.js", true },
  { "*a*b*c",               "xaybzc",            true  },
  { "*a*b*c",               "xaybzcd",           false },
  { "caf\xC3\xA9",          "caf\xC3\xA9",       true  },
};
/* clang-format on */

TEST(table_of_rules) {
  for (size_t i = 0; i < ARRAY_LEN(table); i++) {
    auto_ignore *rules = ignore_new();
    add(rules, "", IGNORE_RANK_GIT, table[i].rules);
    auto_free char *path = str_dup(table[i].path);
    bool is_folder = str_ends(path, "/");
    if (is_folder) path[strlen(path) - 1] = '\0';
    if (ignore_path(rules, path, is_folder) != table[i].excluded)
      TAP_FAIL("rules '%s', path '%s': expected %s", table[i].rules, table[i].path,
               table[i].excluded ? "excluded" : "not excluded");
  }
}

TEST(deeper_files_win_and_speak_of_their_folder) {
  auto_ignore *rules = ignore_new();
  add(rules, "", IGNORE_RANK_GIT, "*.txt\n/only\n");
  add(rules, "web", IGNORE_RANK_GIT, "!keep.txt\n/dist\n");
  CHECK(ignore_path(rules, "web/a.txt", false));
  CHECK(!ignore_path(rules, "web/keep.txt", false));
  CHECK(!ignore_path(rules, "web/sub/keep.txt", false));
  CHECK(ignore_path(rules, "keep.txt", false));
  CHECK(ignore_path(rules, "web/dist", true));
  CHECK(!ignore_path(rules, "web/x/dist", true));
  CHECK(!ignore_path(rules, "web/only", false));
  CHECK(!ignore_path(rules, "webs/dist", true));
}

TEST(higher_ranks_win_over_deeper_files) {
  auto_ignore *rules = ignore_new();
  add(rules, "web", IGNORE_RANK_GIT, "dist\n");
  add(rules, "", IGNORE_RANK_RAILWAY, "!web/dist\nsecret\n");
  add(rules, "web", IGNORE_RANK_PLAIN, "!secret\n");
  CHECK(!ignore_path(rules, "web/dist", true));
  CHECK(ignore_path(rules, "web/secret", false));
  CHECK_INT(ignore_verdict(rules, "web/dist", true), IGNORE_INCLUDED);
  CHECK_INT(ignore_verdict(rules, "web/other", true), IGNORE_UNDECIDED);
}

TEST(stars_do_not_explode) {
  auto_ignore *rules = ignore_new();
  auto_str text = STR_EMPTY, path = STR_EMPTY;
  for (int i = 0; i < 200; i++) str_add(&text, "*a");
  str_add(&text, "b\n");
  for (int i = 0; i < 200; i++) str_add(&text, "**/a/");
  str_add(&text, "b\n");
  for (int i = 0; i < 900; i++) str_add(&path, "a");
  for (int i = 0; i < 500; i++) str_add(&path, "/a");
  add(rules, "", IGNORE_RANK_GIT, str_text(&text));
  CHECK(!ignore_path(rules, str_text(&path), false));
}

TEST(too_much_is_refused) {
  auto_ignore *rules = ignore_new();
  auto_free char *text = mem_zalloc(IGNORE_FILE_LIMIT + 1);
  memset(text, '\n', IGNORE_FILE_LIMIT);
  for (size_t i = 0; i < 210000; i += 2) text[i] = 'a';
  CHECK_ERR(ignore_add(rules, "", 0, text, IGNORE_FILE_LIMIT + 1), ERR_LIMIT, "at most");
  CHECK_ERR(ignore_add(rules, "", 0, text, IGNORE_FILE_LIMIT), ERR_LIMIT, "more than 100000");
}

TEST_MAIN
