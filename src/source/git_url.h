/* What may stand for a repository and a ref on git's command line.  Pure. */
#ifndef TRAMWAY_SOURCE_GIT_URL_H
#define TRAMWAY_SOURCE_GIT_URL_H

#include <stdbool.h>

#include "base/err.h"

struct git_url {
  char *plain;         /* without user:password for http(s); what messages and git may see */
  char *authorization; /* "Authorization: Basic …", or NULL; secret */
  bool is_local;       /* a path or file:// */
  bool is_ssh;
};

/* ERR_INVALID for other schemes (ext::, helper names), a host or path that git could take for an
 * option, control characters, more than 2048 bytes. */
fallible git_url_parse(const char *text, struct git_url *ret_url);
/* For an http(s) URL that brings no user of its own; else nothing happens.  `username` "": the password is
 * a token, which is enough for most hosts. */
void git_url_sign_in(struct git_url *url, const char *username, const char *password);
void git_url_done(struct git_url *url);

bool git_ref_valid(const char *ref);  /* git-check-ref-format(1), for a branch or tag name */
bool git_is_commit(const char *text); /* 7 to 40 hex digits */

#endif
