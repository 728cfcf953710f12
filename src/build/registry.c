#include "build/registry.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/secret.h"

enum { NAMES_BYTES = 4 * 1024 * 1024 };
#define NAMES_FILE "private-images"
#define TOKEN_USER "token" /* who signs in with a token alone may be called anything */

static char *pair_of(const struct registry_login *l) {
  auto_free char *pair = str_format("%s:%s", str_empty(l->username) ? TOKEN_USER : l->username, l->password);
  size_t len = strlen(pair);
  char *coded = mem_zalloc(4 * (len / 3 + 1) + 1);
  EVP_EncodeBlock((unsigned char *)coded, (const unsigned char *)pair, (int)len);
  secret_wipe(pair, len);
  return coded;
}

char *registry_auth_text(const struct registry_login *logins, size_t len) {
  auto_json *file = json_object();
  json_t *auths = json_object();
  json_object_set_new(file, "auths", auths);
  for (size_t i = 0; i < len; i++) {
    char *pair = pair_of(&logins[i]);
    json_object_set_new(auths, logins[i].host, json_pack("{s:s}", "auth", pair));
    secret_wipe(pair, strlen(pair));
    free(pair);
  }
  return json_to_text(file);
}

bool registry_is_loopback(const char *host) {
  return str_starts(host, "127.") || str_starts(host, "localhost:") || str_starts(host, "[::1]");
}

/* clang-format off */
static const struct {
  const char *words; /* of containers/image and of registries, in lower case */
  int status;
} sayings[] = {
  { "toomanyrequests",                   429 },
  { "too many requests",                 429 },
  { "status code from registry 429",     429 },
  { "unauthorized",                      401 },
  { "authentication required",           401 },
  { "status code from registry 401",     401 },
  { "invalid username/password",         401 },
  { "access to the resource is denied",  403 },
  { "denied",                            403 },
  { "forbidden",                         403 },
  { "manifest unknown",                  404 },
  { "name unknown",                      404 },
  { "repository name not known",         404 },
  { "status code from registry 404",     404 },
  { "not found",                         404 },
};
/* clang-format on */

static int status_of(const char *message) {
  for (size_t i = 0; i < ARRAY_LEN(sayings); i++)
    if (strcasestr(message, sayings[i].words)) return sayings[i].status;
  return 0;
}

err *registry_explain(err *e, const char *host, bool with_login) {
  switch (e ? status_of(err_message(e)) : 0) {
  case 401:
    e = err_recode(e, ERR_DENIED);
    return with_login ? err_wrap(e, "401: %s does not take the credentials: see `tram credential list`", host)
                      : err_wrap(e, "401: %s wants credentials: `tram credential set %s --registry`", host, host);
  case 403:
    return err_wrap(err_recode(e, ERR_DENIED), with_login ? "403: %s knows the credentials, which may not read this image"
                                                          : "403: %s does not give this image to everybody", host);
  case 404:
    return err_wrap(err_recode(e, ERR_NOT_FOUND), with_login ? "404: %s has no such image or tag"
                                                  : "404: %s has no such image or tag, or shows it only with credentials", host);
  case 429: return err_wrap(err_recode(e, ERR_BUSY), "429: %s wants to be asked less often: try again later", host);
  default: return e;
  }
}

/* ---- names ---- */

static err *read_names(const char *data_dir, struct str *ret_text) {
  auto_free char *path = path_join(data_dir, NAMES_FILE);
  err *e = file_read(path, NAMES_BYTES, ret_text);
  if (!e || err_code_of(e) != ERR_NOT_FOUND) return e;
  err_ignore(e);
  return NULL;
}

static bool has_line(const struct str *text, const char *name) {
  auto_strv lines = STRV_EMPTY;
  strv_split(&lines, str_text(text), '\n');
  return strv_has(&lines, name);
}

err *registry_is_private(const char *data_dir, const char *name, bool *ret_private) {
  auto_str text = STR_EMPTY;
  TRY(read_names(data_dir, &text));
  *ret_private = has_line(&text, name);
  return NULL;
}

err *registry_note_private(const char *data_dir, const char *name) {
  auto_free char *path = path_join(data_dir, NAMES_FILE);
  auto_str text = STR_EMPTY;
  TRY(read_names(data_dir, &text));
  if (has_line(&text, name)) return NULL;
  str_addf(&text, "%s\n", name);
  return file_write(path, text.data, text.len, 0600);
}
