/* What Tramway signs in with where services come from: registries, and hosts of private repositories. */
#ifndef TRAMWAY_MODEL_CREDENTIAL_H
#define TRAMWAY_MODEL_CREDENTIAL_H

#include "model/names.h"
#include "model/shape.h"

enum credential_kind {
  CREDENTIAL_REGISTRY,   /* user name and password; or a token alone */
  CREDENTIAL_REPOSITORY, /* the same, for https */
  CREDENTIAL_DEPLOY_KEY, /* a private key of OpenSSH's, for ssh */
};
MODEL_ENUM(credential_kind);

struct credential {
  char id[ID_SIZE];
  char project_id[ID_SIZE];
  char service_instance_id[ID_SIZE]; /* of a service's own (Railway's registryCredentials); "": the project's */
  enum credential_kind kind;
  char *host;     /* "ghcr.io", "git.example.org:3000", in lower case; "" of a service's own: its image's */
  char *username; /* "" with a token alone, and with a key */
  char *secret;   /* password, token or key */
  int64_t created_us, updated_us;
};
MODEL_STRUCT(credential);
#define auto_credential MODEL_AUTO(credential)
#define auto_credential_list MODEL_AUTO(credential_list)

#define CREDENTIAL_SECRET_MAX 16384
#define CREDENTIAL_USERNAME_MAX 255
#define CREDENTIALS_MAX 100 /* of a project */

/* ERR_INVALID, ERR_LIMIT; no error has a part of the secret. */
fallible credential_check(const struct credential *c);

/* "https://GHCR.io/owner", "ghcr.io/owner/app", "git@github.com:a/b" → "ghcr.io", "github.com": the host
 * (and port) alone, in lower case.  NULL when there is none.  The caller owns it. */
char *credential_host(const char *text);

#endif
