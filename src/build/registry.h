/* Registries that want to know who asks.  Pure, but for the two on files.
 *
 * Credentials reach buildah and skopeo in a file of mode 0600 that is there while they pull, and no other
 * way: not in an argument, an environment, a log.  Without credentials they get an empty one: what the
 * administrator has signed in to on this machine is not the services'.
 *
 * An image that was pulled with credentials lies in a store that all builds share; whoever names it
 * without them must not get it from there: its name is written down. */
#ifndef TRAMWAY_BUILD_REGISTRY_H
#define TRAMWAY_BUILD_REGISTRY_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

struct registry_login {
  const char *host;     /* "ghcr.io", "docker.io", "registry.example.org:5000" */
  const char *username; /* "": the password is a token, which is enough for ghcr.io and its like */
  const char *password;
};

/* The text of such a file (containers-auth.json(5)); secret. */
char *registry_auth_text(const struct registry_login *logins, size_t len);

/* On this machine, as "127.0.0.1:5000": may be spoken to without TLS, as Docker has it. */
bool registry_is_loopback(const char *host);

/* What a program that could not pull from `host` said → an error that says what to do: ERR_DENIED for 401
 * and 403, ERR_NOT_FOUND for 404, ERR_BUSY for 429, which all begin with that number; else `e` as it is.
 * Takes `e`; NULL stays NULL. */
fallible registry_explain(err *e, const char *host, bool with_login);

/* The names of images that were pulled with credentials: a file in the data folder. */
fallible registry_note_private(const char *data_dir, const char *name);
fallible registry_is_private(const char *data_dir, const char *name, bool *ret_private);

#endif
