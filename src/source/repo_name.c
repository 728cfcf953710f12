#include "source/repo_name.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define GITHUB "github.com"

struct place {
  const char *host; /* with a port that is not its scheme's; NULL: this machine */
  size_t host_len;
  const char *path;
  size_t path_len;
};

static const struct {
  const char *scheme, *port;
} schemes[] = {{"https://", ":443"}, {"http://", ":80"}, {"ssh://", ":22"}, {"git+ssh://", ":22"}, {"git://", ":9418"}};

static bool ends_with(const char *text, size_t len, const char *end) {
  size_t end_len = strlen(end);
  return len >= end_len && memcmp(text + len - end_len, end, end_len) == 0;
}

static bool set_path(struct place *p, const char *path, size_t len) {
  while (p->host && len && *path == '/') path++, len--;
  while (len > 1 && path[len - 1] == '/') len--;
  if (len > 4 && ends_with(path, len, ".git") && path[len - 5] != '/') len -= 4;
  p->path = path;
  p->path_len = len;
  return len > 0 && !(len == 1 && *path == '/');
}

static bool set_host(struct place *p, const char *authority, size_t len, const char *default_port) {
  const char *at = memrchr(authority, '@', len);
  p->host = at ? at + 1 : authority;
  p->host_len = len - (size_t)(p->host - authority);
  if (ends_with(p->host, p->host_len, default_port)) p->host_len -= strlen(default_port);
  return p->host_len > 0;
}

static bool is_name(const char *text, size_t len) {
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return len > 0 && *text != '-' && *text != '.' && strspn(text, allowed) >= len;
}

/* owner/name */
static bool is_short(const char *text) {
  const char *slash = strchr(text, '/');
  return slash && is_name(text, (size_t)(slash - text)) && is_name(slash + 1, strlen(slash + 1));
}

static bool split_url(const char *text, struct place *p, bool *ret_is_url) {
  *ret_is_url = true;
  for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
    size_t len = strlen(schemes[i].scheme);
    if (strncasecmp(text, schemes[i].scheme, len) != 0) continue;
    const char *authority = text + len;
    size_t authority_len = strcspn(authority, "/?#");
    const char *path = authority + authority_len;
    return set_host(p, authority, authority_len, schemes[i].port) && set_path(p, path, strcspn(path, "?#"));
  }
  *ret_is_url = false;
  return false;
}

static bool split(const char *text, struct place *p) {
  *p = (struct place){0};
  if (str_empty(text) || str_starts(text, "push:")) return false; /* source/pushed.h: has no name outside */
  if (str_starts(text, "file:///")) text += strlen("file://");
  if (*text == '/') return set_path(p, text, strlen(text));
  bool is_url;
  if (split_url(text, p, &is_url)) return true;
  if (is_url || strstr(text, "://")) return false;
  const char *colon = strchr(text, ':');
  if (colon && strcspn(text, "/") > (size_t)(colon - text)) /* user@host:path */
    return set_host(p, text, (size_t)(colon - text), "") && set_path(p, colon + 1, strlen(colon + 1));
  if (!is_short(text)) return false;
  p->host = GITHUB;
  p->host_len = strlen(GITHUB);
  return set_path(p, text, strlen(text));
}

static void lower(char *text) {
  for (; *text; text++)
    if (*text >= 'A' && *text <= 'Z') *text = (char)(*text + 32);
}

char *repo_key(const char *text) {
  struct place p;
  if (!split(text, &p)) return NULL;
  if (!p.host) return str_format("file:%.*s", (int)p.path_len, p.path);
  char *key = str_format("%.*s/%.*s", (int)p.host_len, p.host, (int)p.path_len, p.path);
  lower(key);
  return key;
}

bool repo_same(const char *a, const char *b) {
  auto_free char *one = repo_key(a), *other = repo_key(b);
  return one && other && str_eq(one, other);
}

char *repo_full_name(const char *text) {
  struct place p;
  return split(text, &p) ? str_ndup(p.path, p.path_len) : NULL;
}

char *repo_url(const char *text) {
  return text && is_short(text) ? str_format("https://" GITHUB "/%s", text) : str_dup(text);
}
