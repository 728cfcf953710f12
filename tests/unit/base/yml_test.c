/* YAML as a tree: what is read, and what is refused before it costs anything. */
#include "base/yml.h"

#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

/* {a:1@2,b:[x@3]}: scalars with their lines; in quotes what was quoted. */
static void write(struct str *out, const struct yml *y) {
  if (y->kind == YML_SCALAR) {
    str_addf(out, y->plain ? "%s@%d" : "'%s'@%d", y->text, y->line);
    return;
  }
  str_add(out, y->kind == YML_MAP ? "{" : "[");
  for (size_t i = 0; i < y->len; i++) {
    if (i) str_add(out, ",");
    if (y->items[i].key) str_addf(out, "%s:", y->items[i].key);
    write(out, y->items[i].value);
  }
  str_add(out, y->kind == YML_MAP ? "}" : "]");
}

/* clang-format off */
static const struct {
  const char *text, *expected; /* or a part of the error */
} rows[] = {
  { "a: 1\nb:\n  - x\n  - 'y z'\n", "{a:1@1,b:[x@3,'y z'@4]}" },
  { "a: &one {x: 1}\nb: *one\n", "{a:{x:1@1},b:{x:1@1}}" },
  { "base: &b\n  x: 1\n  y: 2\nc:\n  <<: *b\n  y: 3\n", "{base:{x:1@2,y:2@3},c:{y:3@6,x:1@2}}" },
  { "a: &a {x: 1}\nb: &b {y: 2}\nc: {<<: [*a, *b], z: 3}\n", "{a:{x:1@1},b:{y:2@2},c:{z:3@3,x:1@1,y:2@2}}" },
  { "{a: [1, {b: ~}]}", "{a:[1@1,{b:~@1}]}" },
  { "text: |\n  one\n  two\n", "{text:'one\ntwo\n'@1}" },
  { "--- \na: !!str 7\n...\n", "{a:7@2}" },
  { "", "test: empty" },
  { "# nothing\n", "test: empty" },
  { "a: 1\na: 2\n", "line 2: 'a' is there twice" },
  { "a: 1\n---\nb: 2\n", "line 2: a second document" },
  { "a: [1\n", "test, line 2" },
  { "a: *nobody\n", "there is no anchor '&nobody'" },
  { "a: &a [*a]\n", "'*a' is inside of itself" },
  { "<<: 3\n", "'<<' takes a map" },
  { "? [x]\n: 1\n", "a key must be text" },
  { "a: \"x\\0y\"\n", "a NUL in a text" },
  { "\tx: 1\n", "test, line 1" },
};
/* clang-format on */

TEST(a_document_is_a_tree_with_lines) {
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_yml *root = NULL;
    auto_str seen = STR_EMPTY;
    str_init(&seen);
    auto_err *e = yml_parse(rows[i].text, strlen(rows[i].text), "test", &root);
    if (!e) write(&seen, root);
    bool as_expected = e ? strstr(err_message(e), rows[i].expected) != NULL : str_eq(str_text(&seen), rows[i].expected);
    if (!as_expected) TAP_FAIL("%s gives\n#   %s", rows[i].text, e ? err_message(e) : str_text(&seen));
  }
}

TEST(words_mean_what_yaml_says_only_without_quotes) {
  auto_yml *root = NULL;
  static const char text[] = "a: null\nb: 'null'\nc:\nd: ~\ne: yes\nf: \"\"\n";
  CHECK_OK(yml_parse(text, strlen(text), "test", &root));
  CHECK(yml_is_null(yml_get(root, "a")) && !yml_is_null(yml_get(root, "b")) && yml_is_null(yml_get(root, "c")));
  CHECK(yml_is_null(yml_get(root, "d")) && yml_is_true(yml_get(root, "e")) && !yml_is_null(yml_get(root, "f")));
  CHECK(yml_is_null(yml_get(root, "missing")) && !yml_get(NULL, "a"));
}

/* A few lines that stand for billions. */
TEST(a_bomb_of_aliases_is_refused) {
  auto_str text = STR_EMPTY;
  auto_yml *root = NULL;
  str_add(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
  for (int i = 1; i < 12; i++) {
    str_addf(&text, "a%d: &a%d [", i, i);
    for (int n = 0; n < 10; n++) str_addf(&text, "%s*a%d", n ? ", " : "", i - 1);
    str_add(&text, "]\n");
  }
  CHECK_ERR(yml_parse(str_text(&text), text.len, "bomb", &root), ERR_LIMIT, "aliases counted as often as they are used");
}

TEST(merge_keys_count_too) {
  auto_str text = STR_EMPTY;
  auto_yml *root = NULL;
  str_add(&text, "base: &b\n");
  for (int i = 0; i < 600; i++) str_addf(&text, "  k%d: v\n", i);
  for (int i = 0; i < 200; i++) str_addf(&text, "s%d: {<<: *b}\n", i);
  CHECK_ERR(yml_parse(str_text(&text), text.len, "bomb", &root), ERR_LIMIT, "more than");
}

static char *repeated(const char *part, size_t count) {
  struct str text = STR_EMPTY;
  str_init(&text);
  for (size_t i = 0; i < count; i++) str_add(&text, part);
  return str_take(&text);
}

TEST(depth_size_and_keys_are_limited) {
  auto_yml *root = NULL;
  auto_free char *deep = repeated("[", YML_DEPTH_MAX + 1), *large = repeated("xxxxxxxx", YML_SIZE_MAX / 8 + 1);
  auto_str keys = STR_EMPTY;
  for (int i = 0; i <= YML_KEYS_MAX; i++) str_addf(&keys, "k%d: 1\n", i);
  CHECK_ERR(yml_parse(deep, strlen(deep), "deep", &root), ERR_LIMIT, "deeper than");
  CHECK_ERR(yml_parse(large, strlen(large), "large", &root), ERR_LIMIT, "at most");
  CHECK_ERR(yml_parse(str_text(&keys), keys.len, "keys", &root), ERR_LIMIT, "keys");
}

TEST_MAIN
