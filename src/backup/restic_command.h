/* restic's command lines and environments.  Pure.
 *
 * Secrets travel in the environment, which only root reads, and stand in no argument vector. */
#ifndef TRAMWAY_BACKUP_RESTIC_COMMAND_H
#define TRAMWAY_BACKUP_RESTIC_COMMAND_H

#include "base/err.h"
#include "base/str.h"

#define RESTIC_NAME_MAX 64 /* of a repository below the place */

/* Where repositories lie: a folder ("/var/lib/tramway/backups"), or a bucket or a part of one at an S3
 * endpoint ("s3:https://host[:port]/bucket[/prefix]"). */
struct restic_place {
  const char *location;
  const char *password;                        /* of every repository */
  const char *access_key_id, *secret_access_key; /* of S3; NULL or "" for a folder */
  const char *region;                          /* likewise; "" is the endpoint's own */
  const char *cache_dir;
  const char *ca_bundle;                       /* NULL: the system's */
};

bool restic_place_is_folder(const struct restic_place *p);

/* ERR_INVALID says what is wrong: no absolute path, no endpoint or bucket, credentials in the URL, S3
 * without credentials. */
fallible restic_place_check(const struct restic_place *p);

bool restic_name_ok(const char *name); /* [a-z0-9-]{1,64}, no '-' first */
bool restic_id_ok(const char *id);     /* of a snapshot: 8 to 64 hex digits */
char *restic_repository(const struct restic_place *p, const char *name); /* the caller owns it */

/* "NAME=value" for a repository: its place, password, credentials, and modest use of the machine. */
void restic_env(const struct restic_place *p, const char *name, struct strv *ret_env);

struct restic_backup_words {
  const char *const *excludes; /* patterns as restic's --exclude; NULL-terminated, or NULL */
  const char *tag;
  const char *path;            /* below the working directory; NULL: all of it */
};
void restic_backup_argv(const struct restic_backup_words *w, struct strv *ret_argv);

/* Into the working directory, and reads it again to compare.  `includes` as --include, or NULL: all. */
void restic_restore_argv(const char *snapshot, const char *const *includes, struct strv *ret_argv);

#endif
