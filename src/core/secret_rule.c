#include "core/secret_rule.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Words of a name between underscores, and some that are written together. */
static bool name_says_so(const char *name) {
  static const char *const parts[] = {"SECRET", "TOKEN", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "PRIVATE",
                                      "APIKEY", "ACCESSKEY"};
  static const char *const words[] = {"KEY", "PASS", "PWD", "PW", "AUTH", "SALT", "PEPPER", "DSN", "CERT", "JWT", "PAT"};
  auto_free char *upper = str_dup(name);
  auto_strv split = STRV_EMPTY;
  for (char *p = upper; *p; p++) *p = (char)toupper((unsigned char)*p);
  for (size_t i = 0; i < ARRAY_LEN(parts); i++)
    if (strstr(upper, parts[i])) return true;
  strv_split(&split, upper, '_');
  for (size_t i = 0; i < ARRAY_LEN(words); i++)
    if (strv_has(&split, words[i])) return true;
  return false;
}

/* What logs are full of, whoever has it as a value. */
static bool is_common_word(const char *value) {
  static const char *const words[] = {
      "true", "false", "null", "none", "undefined", "enabled", "disabled", "default", "required", "optional",
      "production", "development", "staging", "testing", "preview", "localhost", "postgres", "postgresql", "database",
      "password", "username", "changeme", "warning", "verbose", "information"};
  for (size_t i = 0; i < ARRAY_LEN(words); i++)
    if (str_ieq(words[i], value)) return true;
  return false;
}

static size_t count(const char *value, int is_of_class(int)) {
  size_t n = 0;
  for (const char *p = value; *p; p++) n += is_of_class((unsigned char)*p) != 0;
  return n;
}

static size_t distinct(const char *value) {
  bool seen[256] = {false};
  size_t n = 0;
  for (const char *p = value; *p; p++) {
    n += !seen[(unsigned char)*p];
    seen[(unsigned char)*p] = true;
  }
  return n;
}

enum { NUMBER_MAX = 23 }; /* a random text of 24 may look like one: "883992041e76491529251848" */

/* "api.example.com:8080", "10.0.0.1", "/var/lib/x.pem", "https://…", "12.5": places and numbers.  A base64
 * text may begin with '/', so a path is what has two of them and no upper-case letter. */
static bool is_place_or_number(const char *value, size_t len) {
  if (strstr(value, "://")) return true;
  if (len <= NUMBER_MAX && strspn(value, "0123456789.,:+-eE") == len) return true;
  if ((*value == '/' || *value == '.') && strchr(value + 1, '/') && !count(value, isupper)) return true;
  bool host = strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-.:") == len && strchr(value, '.');
  return host;
}

static bool is_uuid(const char *value, size_t len) {
  return len == 36 && strspn(value, "0123456789abcdefABCDEF-") == len && value[8] == '-' && value[13] == '-';
}

static bool looks_random(const char *value, size_t len) {
  size_t digits = count(value, isdigit), upper = count(value, isupper), lower = count(value, islower);
  if (len < 16 || digits < 2 || count(value, isspace) || is_uuid(value, len)) return false;
  bool is_hex = strspn(value, "0123456789abcdef") == len || strspn(value, "0123456789ABCDEF") == len;
  if (is_hex) return len >= 24 && upper + lower > 0;
  if (upper + lower < 4) return false;
  return ((upper && lower) || len >= 24) && distinct(value) >= 10;
}

/* The password in "scheme://user:password@host", as it is written; NULL: there is none. */
static char *password_of_url(const char *value) {
  const char *begin = strstr(value, "://");
  if (!begin) return NULL;
  begin += 3;
  size_t authority = strcspn(begin, "/?#\n");
  const char *at = memrchr(begin, '@', authority), *colon = memchr(begin, ':', authority);
  return at && colon && colon < at ? str_ndup(colon + 1, (size_t)(at - colon - 1)) : NULL;
}

static char *without_percent(const char *text) {
  char *plain = str_dup(text), *out = plain;
  for (const char *p = text; *p; p++) {
    bool is_code = *p == '%' && isxdigit((unsigned char)p[1]) && isxdigit((unsigned char)p[2]);
    *out++ = is_code ? (char)strtol((char[]){p[1], p[2], '\0'}, NULL, 16) : *p;
    if (is_code) p += 2;
  }
  *out = '\0';
  return plain;
}

bool secret_rule_is_secret(const char *name, const char *value, bool is_sealed) {
  size_t len = strlen(value);
  auto_free char *password = password_of_url(value);
  if (is_sealed || password) return true;
  return len >= SECRET_RULE_MIN && !is_common_word(value) && !is_place_or_number(value, len) &&
         (name_says_so(name) || looks_random(value, len));
}

void secret_rule_add(redactor *r, const char *name, const char *value, bool is_sealed) {
  auto_free char *password = password_of_url(value);
  if (!secret_rule_is_secret(name, value, is_sealed)) return;
  redactor_add(r, name, value);
  if (!password || strlen(password) < SECRET_RULE_MIN || is_common_word(password)) return;
  auto_free char *plain = without_percent(password);
  redactor_add(r, name, password);
  redactor_add(r, name, plain);
}
