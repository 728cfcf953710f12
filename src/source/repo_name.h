/* One repository has many names: https with and without ".git", ssh, scp-like, "owner/name".  Pure. */
#ifndef TRAMWAY_SOURCE_REPO_NAME_H
#define TRAMWAY_SOURCE_REPO_NAME_H

#include <stdbool.h>

/* The name that all spellings of a repository share: "github.com/owner/name", in lower case, without
 * user, password, default port and ".git"; "file:/path" for one on this machine.  "owner/name" is
 * GitHub's.  NULL for what names no repository.  The caller owns it. */
char *repo_key(const char *text);

bool repo_same(const char *a, const char *b); /* false when either names none */

/* "owner/name" as its forge writes it, for people and RAILWAY_GIT_*; a local one's path.  Never with
 * credentials.  NULL for what names no repository.  The caller owns it. */
char *repo_full_name(const char *text);

/* What git can fetch: "owner/name" becomes GitHub's https URL, all else stays.  The caller owns it. */
char *repo_url(const char *text);

#endif
