/* Which values are kept out of logs: secrets are, words that logs are full of are not. */
#include "core/secret_rule.h"

#include "base/mem.h"
#include "tap.h"

static bool is_hidden(const char *name, const char *value, bool sealed) {
  auto_redactor *r = redactor_new();
  auto_str out = STR_EMPTY;
  secret_rule_add(r, name, value, sealed);
  redactor_ready(r);
  return redact(r, value, strlen(value), &out);
}

// clang-format off
static const struct { const char *name, *value; bool sealed, hidden; } cases[] = {
    {"STRIPE_KEY", "sk_live_51H", false, true},
    {"DB_PASSWORD", "correct horse", false, true},
    {"API_TOKEN", "abcdefgh", false, true},
    {"apiKey", "abcdefgh", false, true},
    {"JWT_SECRET", "please-change-me", false, true},
    {"PGPASSWORD", "hunter22", false, true},
    {"DATABASE_URL", "postgres://app:hunter22hunter@db.railway.internal:5432/app", false, true},
    {"ANYTHING", "9f86d081884c7d659a2feaa0c55ad015", false, true},
    {"ANYTHING", "883992041e76491529251848", false, true}, /* no number */
    {"LIMITS", "0.5,1.25,-3e10,8080:80", false, false},
    {"ANYTHING", "Zx81kQp0LmVt7RwY", false, true},
    {"ANYTHING", "/Zx81kQp0LmVt7RwY/+=", false, true},
    {"ANYTHING", "anything at all", true, true},
    {"NODE_ENV", "production", true, true}, /* who seals it wants it */
    {"PIN", "1234", true, false}, /* would be found in every line */
    {"NODE_ENV", "production", false, false},
    {"DB_PASSWORD", "postgres", false, false},
    {"API_TOKEN", "short", false, false},
    {"PORT", "8080", false, false},
    {"TOKEN_TTL", "86400000", false, false},
    {"AUTH_URL", "https://auth.example.com/login", false, false},
    {"AUTH_HOST", "auth.example.com:443", false, false},
    {"KEY_PATH", "/etc/ssl/private.key", false, false},
    {"API_URL", "http://api.railway.internal:3000", false, false},
    {"REDIS_URL", "redis://cache.railway.internal:6379", false, false},
    {"GREETING", "Hello, how are you today?", false, false},
    {"PROJECT", "7e5bd0a2-7b7e-4b9a-9d0c-0e6f7b2c1d3e", false, false},
    {"FEATURE_FLAGS", "new-checkout,dark-mode", false, false},
    {"EMPTY", "", true, false},
};
// clang-format on

TEST(each_case) {
  for (size_t i = 0; i < ARRAY_LEN(cases); i++)
    if (is_hidden(cases[i].name, cases[i].value, cases[i].sealed) != cases[i].hidden)
      TAP_FAIL("%s=%s %s", cases[i].name, cases[i].value, cases[i].hidden ? "is shown" : "is hidden");
}

TEST(the_password_of_a_url_is_one_by_itself) {
  auto_redactor *r = redactor_new();
  auto_str out = STR_EMPTY;
  secret_rule_add(r, "DATABASE_URL", "postgres://app:hunter%3222@db:5432/app?x=1", false);
  redactor_ready(r);
  const char *text = "app at db with hunter222 and hunter%3222";
  CHECK(redact(r, text, strlen(text), &out));
  CHECK_TEXT(out.data, "app at db with [redacted DATABASE_URL] and [redacted DATABASE_URL]");
}

TEST_MAIN
