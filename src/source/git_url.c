#include "source/git_url.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "base/str.h"

enum { URL_MAX = 2048, REF_MAX = 255 };

static const char *const accepted =
    "give https://…, ssh://…, git@host:path, git://…, or a path where that is allowed";

/* A piece that git or ssh could take for an option. */
static bool looks_like_option(const char *text) {
  return *text == '-' || *text == '\0';
}

static int hex_value(char c) {
  return c >= '0' && c <= '9' ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

static void decode_percent(struct str *out, const char *text, size_t len) {
  for (size_t i = 0; i < len; i++) {
    bool coded = text[i] == '%' && i + 2 < len && isxdigit((unsigned char)text[i + 1]) &&
                 isxdigit((unsigned char)text[i + 2]);
    str_add_char(out,
                 coded ? (char)(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2])) : text[i]);
    if (coded) i += 2;
  }
}

/* "user:password" → the header that carries them; wipes them. */
static char *header_of(struct str *pair) {
  auto_free char *coded = mem_zalloc(4 * (pair->len / 3 + 1) + 1);
  EVP_EncodeBlock((unsigned char *)coded, (const unsigned char *)pair->data, (int)pair->len);
  char *header = str_format("Authorization: Basic %s", coded);
  secret_wipe(pair->data, pair->len);
  secret_wipe(coded, strlen(coded));
  return header;
}

/* The same for what stands in a URL, percent-coded. */
static char *authorization_of(const char *user_info, size_t len) {
  const char *colon = memchr(user_info, ':', len);
  size_t user_len = colon ? (size_t)(colon - user_info) : len;
  auto_str pair = STR_EMPTY;
  str_init(&pair);
  decode_percent(&pair, user_info, user_len);
  str_add_char(&pair, ':');
  if (colon) decode_percent(&pair, colon + 1, len - user_len - 1);
  return header_of(&pair);
}

static err *parse_http(const char *text, const char *authority, struct git_url *url) {
  size_t len = strcspn(authority, "/?#");
  const char *at = memrchr(authority, '@', len);
  const char *host = at ? at + 1 : authority;
  if (looks_like_option(host) || host == authority + len)
    return err_new(ERR_INVALID, "the git URL names no host");
  url->plain = str_format("%.*s%s", (int)(authority - text), text, host);
  if (at) url->authorization = authorization_of(authority, (size_t)(at - authority));
  return NULL;
}

static err *parse_ssh(const char *text, const char *authority, struct git_url *url) {
  size_t len = strcspn(authority, "/");
  const char *at = memrchr(authority, '@', len);
  if (at && memchr(authority, ':', (size_t)(at - authority)))
    return err_new(ERR_INVALID, "the git URL holds a password: ssh takes a key instead");
  const char *host = at ? at + 1 : authority;
  if (looks_like_option(authority) || looks_like_option(host) || host == authority + len)
    return err_new(ERR_INVALID, "the git URL names no host");
  url->plain = str_dup(text);
  url->is_ssh = true;
  return NULL;
}

/* user@host:path */
static bool is_scp_like(const char *text) {
  size_t user = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
  if (user == 0 || *text == '-' || text[user] != '@') return false;
  const char *host = text + user + 1;
  size_t len = strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-");
  return len > 0 && *host != '-' && host[len] == ':' && !looks_like_option(host + len + 1);
}

static err *parse_any(const char *text, struct git_url *url) {
  if (str_starts(text, "https://")) return parse_http(text, text + 8, url);
  if (str_starts(text, "http://")) return parse_http(text, text + 7, url);
  if (str_starts(text, "ssh://")) return parse_ssh(text, text + 6, url);
  if (str_starts(text, "git://")) {
    if (looks_like_option(text + 6) || text[6] == '/')
      return err_new(ERR_INVALID, "the git URL names no host");
    url->plain = str_dup(text);
    return NULL;
  }
  url->is_local = *text == '/' || str_starts(text, "file:///");
  url->is_ssh = is_scp_like(text);
  if (!url->is_local && !url->is_ssh) return err_new(ERR_INVALID, "no git URL: %s", accepted);
  url->plain = str_dup(text);
  return NULL;
}

err *git_url_parse(const char *text, struct git_url *ret_url) {
  if (str_empty(text)) return err_new(ERR_INVALID, "no git URL: %s", accepted);
  if (strlen(text) > URL_MAX) return err_new(ERR_LIMIT, "a git URL of more than %d bytes", URL_MAX);
  for (const char *p = text; *p; p++)
    if ((unsigned char)*p <= 0x20 || *p == 0x7F)
      return err_new(ERR_INVALID, "the git URL holds a blank or a control character");
  struct git_url url = {0};
  TRY(parse_any(text, &url));
  *ret_url = url;
  return NULL;
}

void git_url_sign_in(struct git_url *url, const char *username, const char *password) {
  bool is_http = str_starts(url->plain, "https://") || str_starts(url->plain, "http://");
  if (!is_http || url->authorization || str_empty(password)) return;
  auto_str pair = STR_EMPTY;
  str_addf(&pair, "%s:%s", str_empty(username) ? "x-access-token" : username, password);
  url->authorization = header_of(&pair);
}

void git_url_done(struct git_url *url) {
  free(url->plain);
  if (url->authorization) secret_wipe(url->authorization, strlen(url->authorization));
  free(url->authorization);
  *url = (struct git_url){0};
}

bool git_ref_valid(const char *ref) {
  size_t len = strlen(ref);
  if (len == 0 || len > REF_MAX || *ref == '-' || *ref == '/' || str_eq(ref, "@")) return false;
  if (ref[len - 1] == '/' || ref[len - 1] == '.') return false;
  if (strstr(ref, "..") || strstr(ref, "@{") || strstr(ref, "//")) return false;
  for (const char *p = ref; *p; p++)
    if ((unsigned char)*p <= 0x20 || *p == 0x7F || strchr("~^:?*[\\", *p)) return false;
  for (const char *part = ref; part; part = strchr(part, '/')) {
    if (*part == '/') part++;
    size_t part_len = strcspn(part, "/");
    if (*part == '.' || (part_len >= 5 && memcmp(part + part_len - 5, ".lock", 5) == 0))
      return false;
  }
  return str_is_utf8(ref, len);
}

bool git_is_commit(const char *text) {
  size_t len = strlen(text);
  return len >= 7 && len <= 40 && strspn(text, "0123456789abcdefABCDEF") == len;
}
