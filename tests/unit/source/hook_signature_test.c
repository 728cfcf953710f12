/* Signatures of webhooks: GitHub's published example, and each way to have it wrong. */
#include "source/hook_signature.h"

#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

/* docs.github.com, "Validating webhook deliveries", Testing the webhook payload validation. */
static const char secret[] = "It's a Secret to Everybody", body[] = "Hello, World!",
                  digest[] = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

static bool valid(enum webhook_provider provider, const char *signature, const char *timestamp) {
  struct hook_request r = {.provider = provider, .signature = signature, .timestamp = timestamp,
                           .body = body, .len = strlen(body)};
  return hook_signature_valid(&r, secret, 1000000000LL * 1000000);
}

static char *with_prefix(const char *hex) {
  return str_format("sha256=%s", hex);
}

TEST(githubs_example_holds) {
  auto_free char *signature = with_prefix(digest), *other = with_prefix(digest);
  CHECK(valid(WEBHOOK_GITHUB, signature, NULL));
  CHECK(valid(WEBHOOK_GITEA, digest, NULL));
  CHECK(valid(WEBHOOK_GITEA, signature, NULL));
  for (char *p = other + 7; *p; p++)
    if (*p >= 'a') *p = (char)(*p - 32);
  CHECK(valid(WEBHOOK_GITHUB, other, NULL));
}

TEST(each_wrong_digit_counts) {
  for (size_t i = 0; i < sizeof digest - 1; i++) {
    auto_free char *signature = with_prefix(digest);
    signature[7 + i] = signature[7 + i] == '0' ? '1' : '0';
    CHECK(!valid(WEBHOOK_GITHUB, signature, NULL));
  }
}

TEST(what_is_no_signature_is_refused) {
  auto_free char *longer = str_format("sha256=%s0", digest), *sha1 = str_format("sha1=%s", digest);
  static const char *const wrong[] = {NULL, "", "sha256=", "sha256", "x", secret, body};
  for (size_t i = 0; i < ARRAY_LEN(wrong); i++) CHECK(!valid(WEBHOOK_GITHUB, wrong[i], NULL));
  CHECK(!valid(WEBHOOK_GITHUB, longer, NULL));
  CHECK(!valid(WEBHOOK_GITHUB, sha1, NULL));
  struct hook_request r = {.provider = WEBHOOK_GITHUB, .signature = digest, .body = body, .len = strlen(body)};
  CHECK(!hook_signature_valid(&r, "", 0)); /* a hook without a secret takes nothing */
  CHECK(!hook_signature_valid(&r, NULL, 0));
}

TEST(gitlab_sends_the_secret) {
  CHECK(valid(WEBHOOK_GITLAB, secret, NULL));
  CHECK(!valid(WEBHOOK_GITLAB, "It's a Secret to Everybod", NULL));
  CHECK(!valid(WEBHOOK_GITLAB, "It's a Secret to Everybody!", NULL));
  CHECK(!valid(WEBHOOK_GITLAB, "", NULL));
  CHECK(!valid(WEBHOOK_GITLAB, NULL, NULL));
  CHECK(!valid(WEBHOOK_GITLAB, digest, NULL));
}

static char *signed_at(const char *timestamp) {
  char hex[SHA256_HEX_SIZE];
  auto_free char *text = str_format("%s.%s", timestamp, body);
  secret_hmac_sha256_hex(secret, text, strlen(text), hex);
  return with_prefix(hex);
}

TEST(the_generic_one_signs_its_time_too) {
  static const struct {
    const char *timestamp;
    bool taken;
  } rows[] = {{"1000000000", true},  {"999999700", true},  {"1000000300", true}, {"999999699", false},
              {"1000000301", false}, {"0", false},         {"", false},          {"-1", false},
              {"1e9", false},        {"1000000000 ", false}, {"99999999999999999999", false}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_free char *signature = signed_at(rows[i].timestamp);
    if (valid(WEBHOOK_GENERIC, signature, rows[i].timestamp) != rows[i].taken) TAP_FAIL("'%s'", rows[i].timestamp);
  }
  auto_free char *signature = signed_at("1000000000"), *plain = with_prefix(digest);
  CHECK(!valid(WEBHOOK_GENERIC, signature, "1000000001"));
  CHECK(!valid(WEBHOOK_GENERIC, signature, NULL));
  CHECK(!valid(WEBHOOK_GENERIC, plain, NULL));
}

static char *key_of(enum webhook_provider provider, const char *text, const char *timestamp, const char *id) {
  struct hook_request r = {.provider = provider, .timestamp = timestamp, .body = text, .len = strlen(text)};
  char *key = mem_alloc(SHA256_HEX_SIZE);
  hook_replay_key(&r, id, key);
  return key;
}

/* The id of a delivery is signed by nobody. */
TEST(a_captured_body_is_the_same_delivery_under_any_id) {
  auto_free char *one = key_of(WEBHOOK_GITHUB, "a", NULL, "1"), *again = key_of(WEBHOOK_GITHUB, "a", NULL, "2"),
                 *other = key_of(WEBHOOK_GITHUB, "b", NULL, "1");
  CHECK_TEXT(again, one);
  CHECK(!str_eq(other, one));
  auto_free char *first = key_of(WEBHOOK_GITLAB, "a", NULL, "1"), *second = key_of(WEBHOOK_GITLAB, "a", NULL, "2"),
                 *third = key_of(WEBHOOK_GITLAB, "a", NULL, NULL), *fourth = key_of(WEBHOOK_GITLAB, "b", NULL, NULL);
  CHECK(!str_eq(first, second));
  CHECK(!str_eq(third, fourth));
  auto_free char *at = key_of(WEBHOOK_GENERIC, "a", "1", NULL), *later = key_of(WEBHOOK_GENERIC, "a", "2", NULL);
  CHECK(!str_eq(at, later));
}

TEST_MAIN
