#include "cli/browse.h"

#include "base/mem.h"
#include "cli/volume_files.h"
#include "tap.h"

TEST(words) {
  static const struct {
    const char *line, *words; /* divided by '|' */
  } rows[] = {
      {"", ""},
      {"  \t ", ""},
      {"# nothing", ""},
      {"ls", "ls"},
      {"  mv a\tb  ", "mv|a|b"},
      {"cat 'my file' \"the other\"", "cat|my file|the other"},
      {"get my\\ file it\\'s", "get|my file|it's"},
      {"rm \"a \\\" b\" 'c \\ d'", "rm|a \" b|c \\ d"},
      {"put ''", "put|"},
      {"put a'b'c\"d\"e", "put|abcde"},
      {"ls a#b #c", "ls|a#b"},
      {"ls end\\", "ls|end\\"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_strv words = STRV_EMPTY;
    CHECK_OK(browse_words(rows[i].line, &words));
    auto_free char *text = strv_join(&words, "|");
    CHECK_TEXT(text, rows[i].words);
  }
}

TEST(a_quote_that_is_not_closed_is_told) {
  static const char *const lines[] = {"ls 'a", "ls \"a", "ls \"a\\\"", "'"};
  for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
    auto_strv words = STRV_EMPTY;
    CHECK_ERR(browse_words(lines[i], &words), ERR_INVALID, "not closed");
  }
}

TEST(paths) {
  static const struct {
    const char *folder, *path, *result;
  } rows[] = {
      {"/", "", "/"},           {"/", "a", "/a"},         {"/a", "b/c", "/a/b/c"}, {"/a/b", "..", "/a/"},
      {"/a/b", "../..", "/"},   {"/a", "../../..", "/"},  {"/a", "/b", "/b"},      {"/a", ".", "/a/"},
      {"/a", "./b//c/.", "/a/b/c/"}, {"/a", "b/", "/a/b/"}, {"/a", "/", "/"},       {"/a", "..b", "/a/..b"},
      {"/a", "../", "/"},       {"/a", "...", "/a/..."},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_free char *path = browse_path(rows[i].folder, rows[i].path);
    CHECK_TEXT(path, rows[i].result);
  }
}

TEST(where_a_copy_goes) {
  static const struct {
    const char *path, *target, *result;
  } rows[] = {
      {"a/seed.sql", NULL, "seed.sql"}, {"seed.sql", NULL, "seed.sql"}, {"/site/", NULL, "site"},
      {"a/seed.sql", "/in/", "/in/seed.sql"}, {"a/seed.sql", "/in/other", "/in/other"}, {"./site/", "/srv/", "/srv/site"},
      {".", "/srv/", "/srv/"}, {"/", "all", "all"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_free char *target = NULL;
    CHECK_OK(volume_copy_target(rows[i].path, rows[i].target, &target));
    CHECK_TEXT(target, rows[i].result);
  }
  auto_free char *target = NULL;
  CHECK_ERR(volume_copy_target("/", NULL, &target), ERR_INVALID, "be called");
  CHECK_ERR(volume_copy_target("..", NULL, &target), ERR_INVALID, "be called");
}

TEST_MAIN
