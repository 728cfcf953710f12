#include "model/credential.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define F(member) FIELD(struct credential, member)
static const struct field credential_fields[] = {
    F(id),       F(project_id), F(service_instance_id), ENUM_FIELD(struct credential, kind, credential_kind_names),
    F(host),     F(username),   F(secret),              F(created_us),
    F(updated_us),
};
#undef F
const struct shape credential_shape = SHAPE("credential", struct credential, credential_fields);
MODEL_ENUM_WORDS(credential_kind, "credential kind", "REGISTRY", "REPOSITORY", "DEPLOY_KEY");

enum { HOST_MAX = 255 };

char *credential_host(const char *text) {
  const char *scheme = strstr(text, "://");
  const char *host = scheme ? scheme + 3 : text;
  size_t len = strcspn(host, "/?#");
  const char *at = memrchr(host, '@', len);
  if (at) {
    len -= (size_t)(at + 1 - host);
    host = at + 1;
  }
  /* git@host:path; with a scheme, or without a user, what follows the colon is a port */
  const char *colon = memchr(host, ':', len);
  if (colon && at && !scheme) len = (size_t)(colon - host);
  if (len == 0 || len > HOST_MAX) return NULL;
  char *lower = str_ndup(host, len);
  for (char *p = lower; *p; p++) *p = (char)tolower((unsigned char)*p);
  if (strspn(lower, "abcdefghijklmnopqrstuvwxyz0123456789.-:[]_") == len) return lower;
  free(lower);
  return NULL;
}

static bool has_control(const char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < 0x20 || *text == 0x7F) return true;
  return false;
}

err *credential_check(const struct credential *c) {
  size_t len = c->secret ? strlen(c->secret) : 0;
  if (len == 0) return err_new(ERR_INVALID, "the credential is empty");
  if (len > CREDENTIAL_SECRET_MAX)
    return err_new(ERR_LIMIT, "the credential has more than %d bytes", CREDENTIAL_SECRET_MAX);
  if (!str_is_utf8(c->secret, len)) return err_new(ERR_INVALID, "the credential is no UTF-8 text");
  if (strlen(c->username) > CREDENTIAL_USERNAME_MAX || has_control(c->username) || strchr(c->username, ':'))
    return err_new(ERR_INVALID, "the user name must not have a colon or control characters, and at most %d bytes",
                   CREDENTIAL_USERNAME_MAX);
  if (!*c->host && !*c->service_instance_id) return err_new(ERR_INVALID, "the credential needs a host, such as ghcr.io");
  bool is_key = c->kind == CREDENTIAL_DEPLOY_KEY;
  if (is_key && !strstr(c->secret, "PRIVATE KEY-----"))
    return err_new(ERR_INVALID, "that is no private key: give the file that `ssh-keygen -t ed25519 -N ''` made, without .pub");
  if (!is_key && has_control(c->secret)) return err_new(ERR_INVALID, "the credential has a control character or a line break in it");
  return NULL;
}
