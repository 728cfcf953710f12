/* What making and restoring a backup share. */
#ifndef TRAMWAY_DAEMON_BACKUP_INTERNAL_H
#define TRAMWAY_DAEMON_BACKUP_INTERNAL_H

#include <locale.h>

#include "base/err.h"
#include "daemon/backup_archive.h"

#define BACKUP_DATABASE "tramway.db"
#define BACKUP_SNAPSHOTS "snapshots"
#define BACKUP_REPOS "git/pushed"
#define BACKUP_IMAGES "images"
#define BACKUP_VOLUMES "volumes"
#define BACKUP_VOLUME_SUFFIX ".tar.zst"
#define BACKUP_VOLUMES_MISSING "volumesMissing" /* of the manifest: id → why */

/* ---- backup_repos.c ---- */

fallible backup_add_repos(backup_writer *w, const char *data_dir); /* none is success */

/* ---- backup_volumes.c ---- */

struct config;
struct volume_place;

/* `scratch` is a path beside the backup, which may be used and is gone afterwards.  What is in them is told
 * in `about`, and which could not be read: that alone is no error. */
fallible backup_add_volumes(backup_writer *w, const struct config *c, const char *scratch, json_t *about);

/* Makes those of the manifest below `unpacked`, of the archives that were unpacked there, which go. */
fallible backup_restore_volumes(const struct config *c, const char *unpacked, const json_t *manifest);
fallible backup_check_volumes_unused(const struct config *c);

/* ---- backup_images.c ---- */

fallible backup_add_images(backup_writer *w, const struct config *c, const char *database, const char *scratch,
                           json_t *about);

/* Names below the data folder, beside the database and snapshots; each may be missing. */
extern const char *const backup_files[]; /* NULL at the end */

/* libarchive turns names into the locale's encoding; in this one they stay what they are. */
locale_t backup_locale_begin(void);
void backup_locale_end(locale_t before);

#endif
