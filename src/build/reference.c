#include "build/reference.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { MAX_REFERENCE = 512 };

static bool all_in(const char *text, const char *extra) {
  for (const char *p = text; *p; p++)
    if (!islower((unsigned char)*p) && !isdigit((unsigned char)*p) && !strchr(extra, *p)) return false;
  return *text != '\0';
}

/* "a/b-c/d": every part begins with a letter or digit. */
static bool is_path(const char *text) {
  if (!all_in(text, "._-/")) return false;
  for (const char *p = text; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL)
    if (!isalnum((unsigned char)*p)) return false;
  return true;
}

static bool is_tag(const char *text) {
  if (strlen(text) > 128 || *text == '.' || *text == '-' || !*text) return false;
  for (const char *p = text; *p; p++)
    if (!isalnum((unsigned char)*p) && !strchr("._-", *p)) return false;
  return true;
}

static bool is_digest(const char *text) {
  const char *hex = text + strlen("sha256:");
  return str_starts(text, "sha256:") && strlen(hex) == 64 && strspn(hex, "0123456789abcdef") == 64;
}

static bool is_registry(const char *first) {
  return strchr(first, '.') || strchr(first, ':') || str_eq(first, "localhost");
}

/* Cuts "@digest" and ":tag" off `name`. */
static void cut_suffixes(char *name, const char **ret_tag, const char **ret_digest) {
  *ret_tag = *ret_digest = "";
  char *at = strchr(name, '@');
  if (at) {
    *at = '\0';
    *ret_digest = at + 1;
  }
  char *slash = strrchr(name, '/');
  char *colon = strchr(slash ? slash : name, ':');
  if (colon) {
    *colon = '\0';
    *ret_tag = colon + 1;
  }
  if (!colon && !at) *ret_tag = "latest";
}

err *reference_parse(const char *text, struct reference *ret_reference) {
  auto_free char *name = str_ndup(text, strnlen(text, MAX_REFERENCE));
  const char *tag, *digest;
  cut_suffixes(name, &tag, &digest);
  char *slash = strchr(name, '/');
  if (slash) *slash = '\0';
  bool has_registry = slash && is_registry(name);
  if (slash && !has_registry) *slash = '/';
  const char *repository = has_registry ? slash + 1 : name;
  bool ok = strlen(text) < MAX_REFERENCE && is_path(repository) && isalnum((unsigned char)*name);
  for (const char *p = name; has_registry && *p; p++)
    ok = ok && (isalnum((unsigned char)*p) || strchr(".-:", *p));
  ok = ok && (str_empty(tag) ? *digest != '\0' : is_tag(tag)) && (!*digest || is_digest(digest));
  if (!ok)
    return err_new(ERR_INVALID, "'%.100s' is not an image reference like registry/name:tag", text);
  const char *registry = has_registry ? name : "docker.io";
  if (str_eq(registry, "index.docker.io")) registry = "docker.io";
  bool library = str_eq(registry, "docker.io") && !strchr(repository, '/');
  *ret_reference = (struct reference){
      .registry = str_dup(registry),
      .repository = str_format("%s%s", library ? "library/" : "", repository),
      .tag = str_dup(tag),
      .digest = str_dup(digest),
  };
  return NULL;
}

void reference_done(struct reference *r) {
  free(r->registry);
  free(r->repository);
  free(r->tag);
  free(r->digest);
  *r = (struct reference){0};
}

char *reference_text(const struct reference *r) {
  const char *tag = *r->digest ? "" : r->tag; /* a digest says more; skopeo refuses both */
  return str_format("%s/%s%s%s%s%s", r->registry, r->repository, *tag ? ":" : "", tag,
                    *r->digest ? "@" : "", r->digest);
}
