/* Secrets in texts: every form of them is found, and nothing else. */
#include "base/redact.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"
#include "tap.h"

#define SECRET "s3cr3t/+? v\xc3\xa4lue\"7"

static redactor *one(const char *name, const char *value) {
  redactor *r = redactor_new();
  redactor_add(r, name, value);
  redactor_ready(r);
  return r;
}

/* What is shown of a text; the text itself when nothing is found in it. */
static char *shown(const redactor *r, const char *text) {
  auto_str out = STR_EMPTY;
  return redact(r, text, strlen(text), &out) ? str_take(&out) : str_dup(text);
}

#define CHECK_SHOWN(r, text, expected)                                                             \
  do {                                                                                             \
    auto_free char *shown_ = shown(r, text);                                                       \
    CHECK_TEXT(shown_, expected);                                                                  \
  } while (0)

TEST(a_secret_is_found_wherever_it_stands) {
  auto_redactor *r = one("KEY", "abcdefgh");
  CHECK_SHOWN(r, "abcdefgh", "[redacted KEY]");
  CHECK_SHOWN(r, "xabcdefgh", "x[redacted KEY]");
  CHECK_SHOWN(r, "abcdefghx", "[redacted KEY]x");
  CHECK_SHOWN(r, "abcdefghabcdefgh", "[redacted KEY][redacted KEY]");
  CHECK_SHOWN(r, "abcdefgabcdefgh-abcdefg", "abcdefg[redacted KEY]-abcdefg");
  CHECK_SHOWN(r, "abcdefg", "abcdefg");
  CHECK_SHOWN(r, "", "");
}

TEST(every_form_is_found) {
  auto_redactor *r = one("KEY", SECRET);
  CHECK_SHOWN(r, "key=" SECRET ".", "key=[redacted KEY].");
  CHECK_SHOWN(r, "{\"k\":\"s3cr3t/+? v\xc3\xa4lue\\\"7\"}", "{\"k\":\"[redacted KEY]\"}");
  CHECK_SHOWN(r, "{\"k\":\"s3cr3t\\/+? v\xc3\xa4lue\\\"7\"}", "{\"k\":\"[redacted KEY]\"}");
  CHECK_SHOWN(r, "?k=s3cr3t%2F%2B%3F%20v%C3%A4lue%227&a=1", "?k=[redacted KEY]&a=1");
  CHECK_SHOWN(r, "?k=s3cr3t%2f%2b%3f%20v%c3%a4lue%227&a=1", "?k=[redacted KEY]&a=1");
  CHECK_SHOWN(r, "k=s3cr3t%2F%2B%3F+v%C3%A4lue%227", "k=[redacted KEY]");
  CHECK_SHOWN(r, "k=s3cr3t/%2B%3F%20v%C3%A4lue%227", "k=[redacted KEY]");
}

static void add_base64(struct str *out, const char *alphabet, const char *data, size_t len) {
  for (size_t i = 0; i < len; i += 3) {
    unsigned long three = 0;
    for (size_t k = 0; k < 3; k++) three = three << 8 | (i + k < len ? (unsigned char)data[i + k] : 0);
    for (size_t k = 0; k < 4; k++) str_add_char(out, i + k > len ? '=' : alphabet[three >> (18 - 6 * k) & 63]);
  }
}

TEST(base64_of_whatever_it_stands_in_is_found) {
  static const char *const alphabets[] = {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
                                          "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"};
  auto_redactor *r = one("KEY", SECRET);
  for (size_t a = 0; a < 2; a++)
    for (size_t before = 0; before < 7; before++)
      for (size_t after = 0; after < 4; after++) {
        auto_free char *text = str_format("%.*s" SECRET "%.*s", (int)before, "\xff~~\xfb\xef:u", (int)after, "\xff\xfe>");
        auto_str encoded = STR_EMPTY;
        add_base64(&encoded, alphabets[a], text, strlen(text));
        auto_free char *result = shown(r, encoded.data);
        CHECK_HAS(result, "[redacted KEY]");
        CHECK(strlen(result) <= strlen("[redacted KEY]") + before * 4 / 3 + after * 4 / 3 + 9);
      }
}

TEST(lines_of_a_secret_are_found_and_its_frame_is_not) {
  auto_redactor *r = one("PEM", "-----BEGIN PRIVATE KEY-----\r\nMIIEvQIBADANBgkqhkiG\r\nshort\n0123456789abcdef\n-----END PRIVATE KEY-----\n");
  CHECK_SHOWN(r, "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----");
  CHECK_SHOWN(r, " MIIEvQIBADANBgkqhkiG", " [redacted PEM]");
  CHECK_SHOWN(r, "0123456789abcdef short", "[redacted PEM] short");
}

TEST(short_ones_are_not_looked_for) {
  auto_redactor *r = one("PIN", "1234");
  CHECK(redactor_is_empty(r));
  CHECK_SHOWN(r, "at 12:1234", "at 12:1234");
  CHECK(redactor_is_empty(NULL));
  CHECK_SHOWN(NULL, "text", "text");
}

TEST(of_several_the_longest_counts) {
  auto_redactor *r = redactor_new();
  redactor_add(r, "PASSWORD", "hunter22");
  redactor_add(r, "URL", "db://u:hunter22@h/d");
  redactor_add(r, "SAME", "hunter22");
  redactor_ready(r);
  CHECK_SHOWN(r, "db://u:hunter22@h/d hunter22 db://u:hunter22@x", "[redacted URL] [redacted PASSWORD] db://u:[redacted PASSWORD]@x");
}

/* Against the slow way, on texts made of few letters, where much nearly matches. */
TEST(it_finds_what_a_plain_search_finds) {
  for (int round = 0; round < 300; round++) {
    unsigned char seed[400];
    char text[301], secrets[6][12];
    secret_random(seed, sizeof seed);
    for (size_t i = 0; i < 300; i++) text[i] = (char)('a' + seed[i] % 2);
    text[300] = '\0';
    auto_redactor *r = redactor_new();
    for (size_t s = 0; s < 6; s++) {
      size_t len = 6 + seed[300 + s] % 5;
      for (size_t i = 0; i < len; i++) secrets[s][i] = (char)('a' + seed[310 + s * 12 + i] % 2);
      secrets[s][len] = '\0';
      redactor_add(r, "S", secrets[s]);
    }
    redactor_ready(r);
    auto_str expected = STR_EMPTY;
    for (const char *p = text; *p;) {
      size_t longest = 0;
      for (size_t s = 0; s < 6; s++)
        if (str_starts(p, secrets[s]) && strlen(secrets[s]) > longest) longest = strlen(secrets[s]);
      if (longest) str_add(&expected, "[redacted S]");
      else str_add_char(&expected, *p);
      p += longest ? longest : 1;
    }
    CHECK_SHOWN(r, text, expected.data);
  }
}

/* Lines of 100 bytes, 50 secrets: some hundred times what one log writes. */
TEST(a_million_lines_take_no_time) {
  enum { LINES = 200000 };
  auto_redactor *r = redactor_new();
  for (int i = 0; i < 50; i++) {
    auto_free char *value = secret_random_hex(16);
    redactor_add(r, "KEY", value);
  }
  redactor_ready(r);
  const char *line = "GET /api/v1/orders/48213?page=2 200 17ms 10.213.4.9 - Mozilla/5.0 (X11; Linux x86_64) ok, 5213 bytes";
  size_t len = strlen(line);
  auto_str out = STR_EMPTY;
  int64_t began_us = clock_now_us();
  for (int i = 0; i < LINES; i++)
    if (redact(r, line, len, &out)) TAP_FAIL("found something");
  double seconds = (double)(clock_now_us() - began_us) / 1e6;
  printf("# %.1f million lines a second\n", LINES / seconds / 1e6);
  CHECK(seconds < 10);
}

TEST_MAIN
