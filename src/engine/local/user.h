/* Whom a container runs as: what an image's USER says, looked up in the image's own /etc/passwd and
 * /etc/group.  The image is a stranger's: its files are opened below its root only, must be plain
 * files, and are read up to 1 MiB. */
#ifndef TRAMWAY_ENGINE_LOCAL_USER_H
#define TRAMWAY_ENGINE_LOCAL_USER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { USER_GROUPS_MAX = 64 };

struct user {
  uint32_t uid, gid; /* inside: 0…65535 */
  uint32_t groups[USER_GROUPS_MAX];
  size_t groups_len;
  char home[256]; /* "/" when nobody knows */
};

/* `text` is "", "name", "uid", "name:group", "uid:gid" and mixtures.  ERR_INVALID when the image
 * does not know the name, or a number is above 65535. */
fallible user_resolve(const char *rootfs, const char *text, struct user *ret_user);

/* The same with the files' texts ("" when missing); pure. */
fallible user_resolve_in(const char *passwd, const char *group, const char *text,
                         struct user *ret_user);

#endif
