/* What making and restoring a backup share. */
#ifndef TRAMWAY_DAEMON_BACKUP_INTERNAL_H
#define TRAMWAY_DAEMON_BACKUP_INTERNAL_H

#include <locale.h>

#include "base/err.h"
#include "daemon/backup_archive.h"

#define BACKUP_DATABASE "tramway.db"
#define BACKUP_SNAPSHOTS "snapshots"
#define BACKUP_REPOS "git/pushed"

/* ---- backup_repos.c ---- */

fallible backup_add_repos(backup_writer *w, const char *data_dir); /* none is success */

/* Names below the data folder, beside the database and snapshots; each may be missing. */
extern const char *const backup_files[]; /* NULL at the end */

/* libarchive turns names into the locale's encoding; in this one they stay what they are. */
locale_t backup_locale_begin(void);
void backup_locale_end(locale_t before);

#endif
