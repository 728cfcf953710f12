#include <stdint.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/str.h"
#include "tap.h"

TEST(text_to_int_takes_whole_numbers_in_range_only) {
  static const struct {
    const char *text;
    bool ok;
    long long value;
  } rows[] = {{"0", true, 0},     {"-5", true, -5}, {"100", true, 100}, {"101", false, 0},
              {"", false, 0},     {" 1", false, 0}, {"1x", false, 0},   {"9999999999999999999", false, 0},
              {NULL, false, 0}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    long long value = 0;
    CHECK_INT(str_to_int(rows[i].text, -5, 100, &value), rows[i].ok);
    CHECK_INT(value, rows[i].value);
  }
}

TEST(utf8_is_told_from_what_is_not) {
  static const struct {
    const char *text;
    bool ok;
  } rows[] = {{"plain", true},         {"\xc3\xa9", true},         {"\xf0\x9f\x9a\x8b", true},
              {"\xc0\xaf", false},     {"\xed\xa0\x80", false},    {"\xe2\x82", false},
              {"\xf5\x80\x80\x80", false}, {"\x80", false}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++)
    CHECK_INT(str_is_utf8(rows[i].text, strlen(rows[i].text)), rows[i].ok);
}

TEST(distance_counts_single_edits) {
  CHECK_INT(str_distance("deploy", "deploy"), 0);
  CHECK_INT(str_distance("deploy", "depoly"), 2);
  CHECK_INT(str_distance("", "abc"), 3);
  CHECK_INT(str_distance("startCommand", "startcommand"), 0);
}

TEST(buffer_grows_consumes_and_hands_over) {
  auto_str s = STR_EMPTY;
  CHECK_TEXT(str_text(&s), "");
  for (int i = 0; i < 1000; i++) str_addf(&s, "%d,", i);
  str_consume(&s, 4);
  CHECK(str_starts(str_text(&s), "2,3,"));
  auto_free char *text = str_take(&s);
  CHECK(str_ends(text, "999,"));
  CHECK_INT(s.len, 0);
}

TEST(vectors_split_and_join) {
  auto_strv v = STRV_EMPTY;
  strv_split(&v, "a,,b", ',');
  CHECK_INT(v.len, 3);
  CHECK_TEXT(v.items[1], "");
  CHECK(v.items[3] == NULL);
  auto_free char *joined = strv_join(&v, "-");
  CHECK_TEXT(joined, "a--b");
  CHECK(strv_has(&v, "b") && !strv_has(&v, "c"));
}

TEST(map_keeps_ten_thousand_entries_through_removals) {
  auto_map *m = map_new();
  char key[32];
  for (intptr_t i = 1; i <= 10000; i++) {
    snprintf(key, sizeof key, "key-%d", (int)i);
    map_set(m, key, (void *)i);
  }
  for (int i = 1; i <= 10000; i += 2) {
    snprintf(key, sizeof key, "key-%d", i);
    CHECK(map_remove(m, key) != NULL);
    CHECK(map_remove(m, key) == NULL);
  }
  CHECK_INT(map_len(m), 5000);
  CHECK_INT((intptr_t)map_get(m, "key-4242"), 4242);
  CHECK(map_get(m, "key-4241") == NULL);
  size_t cursor = 0, seen = 0;
  const char *name;
  while (map_next(m, &cursor, &name, NULL)) seen++;
  CHECK_INT(seen, 5000);
}

struct item {
  int value;
  struct list link;
};

TEST(list_walk_may_remove_the_current_item) {
  struct list head;
  struct item items[3] = {{.value = 1}, {.value = 2}, {.value = 3}};
  list_init(&head);
  for (int i = 0; i < 3; i++) list_push(&head, &items[i].link);
  int sum = 0;
  LIST_FOREACH(item, &head, struct item, link) {
    sum = sum * 10 + item->value;
    list_remove(&item->link);
  }
  CHECK_INT(sum, 123);
  CHECK(list_empty(&head));
}

TEST(times_are_written_and_read_back) {
  static const struct {
    const char *text;
    bool ok;
    int64_t time_us;
  } rows[] = {
      {"1970-01-01T00:00:00Z", true, 0},
      {"2026-11-21T06:00:57.123456Z", true, 1795240857123456},
      {"2026-11-21T07:00:57.123456789+01:00", true, 1795240857123456},
      {"2026-11-21", false, 0},
      {"2026-13-21T06:00:57Z", false, 0},
      {"2026-11-21T06:00:57", false, 0},
      {"2026-11-21T06:00:57Zx", false, 0},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    int64_t time_us = 0;
    CHECK_INT(clock_parse(rows[i].text, &time_us), rows[i].ok);
    CHECK_INT(time_us, rows[i].time_us);
  }
  char text[CLOCK_TEXT_SIZE];
  clock_format(1795240857123456, text);
  CHECK_TEXT(text, "2026-11-21T06:00:57.123456Z");
}

TEST(ids_are_version_4_uuids_and_differ) {
  char a[ID_SIZE], b[ID_SIZE];
  id_new(a);
  id_new(b);
  CHECK(id_valid(a) && id_valid(b) && strcmp(a, b) != 0);
  CHECK_INT(a[14], '4');
  CHECK(!id_valid("x") && !id_valid(NULL) && !id_valid("1234567-1234-1234-1234-1234567890123"));
}

TEST(sha256_of_known_text) {
  char hex[SHA256_HEX_SIZE];
  secret_sha256_hex("abc", 3, hex);
  CHECK_TEXT(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(passwords_match_their_own_hash_only) {
  auto_free char *hash = NULL;
  CHECK_OK(password_hash("correct horse", &hash));
  CHECK(str_starts(hash, "$y$"));
  CHECK(password_matches("correct horse", hash));
  CHECK(!password_matches("Correct horse", hash));
  CHECK(!password_matches("x", "not a hash"));
}

TEST(json_keeps_large_integers_and_says_where_it_breaks) {
  auto_json *value = NULL;
  CHECK_OK(json_parse("{\"n\":9007199254740993}", 22, "test", &value));
  CHECK_INT(json_get_int(value, "n", 0), 9007199254740993);
  CHECK(json_get_text(value, "n") == NULL);
  json_t *none = NULL;
  CHECK_ERR(json_parse("{\"a\":1", 6, "body", &none), ERR_INVALID, "body: not JSON: line 1");
  CHECK_ERR(json_parse("{\"a\":1,\"a\":2}", 13, "body", &none), ERR_INVALID, "duplicate");
}

TEST_MAIN
