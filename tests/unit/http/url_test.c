#include "http/url.h"

#include "base/mem.h"
#include "tap.h"

TEST(decoding) {
  /* clang-format off */
  static const struct { const char *text; bool plus; const char *decoded; } rows[] = {
    { "",            false, "" },
    { "abc-._~",     false, "abc-._~" },
    { "%41%62%2f",   false, "Ab/" },
    { "a+b",         false, "a+b" },
    { "a+b",         true,  "a b" },
    { "%2B",         true,  "+" },
    { "%C3%A4",      false, "ä" },
    { "%",           false, NULL },
    { "%4",          false, NULL },
    { "%4g",         false, NULL },
    { "%G4",         false, NULL },
    { "a%00b",       false, NULL }, /* would end a C string early */
    { "%FF",         false, NULL }, /* not UTF-8 */
    { "%C0%AF",      false, NULL }, /* an overlong '/' */
    { "%2541",       false, "%41" },/* decoded once */
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_str text = STR_EMPTY;
    str_add(&text, "x");
    bool ok = url_decode(rows[i].text, strlen(rows[i].text), rows[i].plus, &text);
    CHECK_INT(ok, rows[i].decoded != NULL);
    CHECK_TEXT(text.data + 1, rows[i].decoded ? rows[i].decoded : "");
  }
}

TEST(encoding_is_undone_by_decoding) {
  const char *text = "a b/ä%+&=?#~_-.";
  auto_str encoded = STR_EMPTY, decoded = STR_EMPTY;
  url_encode(text, &encoded);
  CHECK_TEXT(encoded.data, "a%20b%2F%C3%A4%25%2B%26%3D%3F%23~_-.");
  CHECK(url_decode(encoded.data, encoded.len, true, &decoded));
  CHECK_TEXT(decoded.data, text);
}

TEST(query) {
  struct url_pairs pairs;
  CHECK_OK(url_parse_query("a=1&b=x+y&&c&=v&a=2&d=%26%3D&e==", &pairs));
  CHECK_INT(pairs.len, 7);
  CHECK_TEXT(url_pairs_get(&pairs, "a"), "1");
  CHECK_TEXT(url_pairs_get(&pairs, "b"), "x y");
  CHECK_TEXT(url_pairs_get(&pairs, "c"), "");
  CHECK_TEXT(url_pairs_get(&pairs, ""), "v");
  CHECK_TEXT(url_pairs_get(&pairs, "d"), "&=");
  CHECK_TEXT(url_pairs_get(&pairs, "e"), "=");
  CHECK_TEXT(url_pairs_get(&pairs, "f"), NULL);
  url_pairs_done(&pairs);
  CHECK_OK(url_parse_query("", &pairs));
  CHECK_INT(pairs.len, 0);
  CHECK_ERR(url_parse_query("a=1&b=%zz", &pairs), ERR_INVALID, "percent-encoded");
  CHECK_ERR(url_parse_query("a%00=1", &pairs), ERR_INVALID, "percent-encoded");
}

TEST(query_is_bounded) {
  auto_str text = STR_EMPTY;
  struct url_pairs pairs;
  for (int i = 0; i < URL_PAIRS_MAX; i++)
    str_add(&text, "a&");
  CHECK_OK(url_parse_query(text.data, &pairs));
  CHECK_INT(pairs.len, URL_PAIRS_MAX);
  url_pairs_done(&pairs);
  str_add(&text, "a");
  CHECK_ERR(url_parse_query(text.data, &pairs), ERR_LIMIT, "256");
}

TEST(paths_that_cannot_be_decoded_are_not_valid) {
  CHECK(url_path_valid("/"));
  CHECK(url_path_valid("/a/b%20c//"));
  CHECK(!url_path_valid(""));
  CHECK(!url_path_valid("a"));
  CHECK(!url_path_valid("*"));
  CHECK(!url_path_valid("/a/%"));
  CHECK(!url_path_valid("/%00/a"));
}

TEST(matching) {
  /* clang-format off */
  static const struct { const char *pattern, *path; bool fits; const char *name, *value; } rows[] = {
    { "/",              "/",             true,  NULL, NULL },
    { "/",              "/a",            false, NULL, NULL },
    { "/a",             "/a",            true,  NULL, NULL },
    { "/a",             "/a/",           false, NULL, NULL },
    { "/a/",            "/a",            false, NULL, NULL },
    { "/a",             "/ab",           false, NULL, NULL },
    { "/ab",            "/a",            false, NULL, NULL },
    { "/a",             "/%61",          false, NULL, NULL }, /* compared as sent */
    { "/a/b",           "/a//b",         false, NULL, NULL },
    { "/p/{p}",         "/p/x",          true,  "p",  "x" },
    { "/p/{p}",         "/p/x%2Fy",      true,  "p",  "x/y" },
    { "/p/{p}",         "/p/..",         true,  "p",  ".." },
    { "/p/{p}",         "/p/",           false, NULL, NULL },
    { "/p/{p}",         "/p",            false, NULL, NULL },
    { "/p/{p}",         "/p/x/",         false, NULL, NULL },
    { "/p/{p}/e/{e}",   "/p/1/e/2",      true,  "e",  "2" },
    { "/p/{p}/e/{e}",   "/p/1/f/2",      false, NULL, NULL },
    { "/{a}/{b}",       "/x/y",          true,  "b",  "y" },
    { "/f/{rest...}",   "/f/a/b%20c/d",  true,  "rest", "a/b c/d" },
    { "/f/{rest...}",   "/f/",           true,  "rest", "" },
    { "/f/{rest...}",   "/f",            false, NULL, NULL },
    { "/{rest...}",     "/",             true,  "rest", "" },
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct url_pairs params = {0};
    bool fits = url_match(rows[i].pattern, rows[i].path, &params);
    if (fits != rows[i].fits) TAP_FAIL("%s and %s", rows[i].pattern, rows[i].path);
    if (rows[i].name) CHECK_TEXT(url_pairs_get(&params, rows[i].name), rows[i].value);
    url_pairs_done(&params);
  }
}

TEST(patterns) {
  static const char *const good[] = {"/", "/a/b.c", "/{a}", "/a/{b_1}/c", "/a/{r...}", "/a/"};
  static const char *const bad[] = {"",      "a",     "/{",     "/{}",       "/{a",    "/a}",
                                    "/x{a}", "/{a}x", "/{...}", "/{a...}/b", "/{a b}", "/{{a}}"};
  for (size_t i = 0; i < ARRAY_LEN(good); i++)
    if (!url_pattern_valid(good[i])) TAP_FAIL("'%s' is refused", good[i]);
  for (size_t i = 0; i < ARRAY_LEN(bad); i++)
    if (url_pattern_valid(bad[i])) TAP_FAIL("'%s' is accepted", bad[i]);
}

TEST_MAIN
