/* Backups of the whole machine, as one file: a tar archive, compressed with zstd, of
 *
 *     tramway.db            accounts, projects, variables, deployments: a consistent copy
 *     tramway.toml          the configuration
 *     engine/ranges.json    which user ids and …
 *     engine/networks.json  … networks services have
 *     setup-token           before there is an account
 *     secret.key            what secrets in the database are encrypted with, unless left out
 *     git/pushed/…          the repositories that were pushed to Tramway
 *     snapshots/…           the code of deployments
 *     images/…              what runs or can be rolled back to (build/image_export.h)
 *     volumes/<id>.tar.zst  the files of each volume, as of one moment
 *     manifest.json         last: version, time, and the SHA-256 of each file
 *
 * It holds every secret that Tramway holds: mode 0600, made and read by root on the machine itself
 * and never sent over the API, whose administrators need not have root.  Logs are not in it, nor what the
 * last three lines name when it is left out. */
#ifndef TRAMWAY_DAEMON_BACKUP_H
#define TRAMWAY_DAEMON_BACKUP_H

#include <stdbool.h>

#include "base/err.h"

struct backup_parts { /* left out: */
  bool no_key, no_snapshots, no_images, no_volumes;
};

/* Writes `path`, in place of what is there, once the file has been read back and found whole.
 * tramd may run meanwhile; what runs on a volume is paused for the moment in which its files are shared.
 * Beside `path` there must be room for the largest volume, packed.  Without the key a
 * backup has no secret that can be read, and is restored where <data>/secret.key has been put before.
 * Prints what was done. */
fallible backup_make(const char *config_path, const char *path, const struct backup_parts *parts);

/* Puts the state of the backup into the data folder that the configuration names; when there is no
 * file `config_path`, that of the backup is put there too.  ERR_CONFLICT when tramd runs, when the
 * state comes from a newer version, or when the folder has one; with `force` that one is moved into
 * <data>/replaced-<time>/; ERR_BUSY when something runs on a volume there.  A backup of an earlier version is
 * taken as well; what it has not (volumes, images) stays as it is.
 *
 * Whole or not at all: everything is unpacked, checked and brought to this version's tables before
 * one rename decides; what an interruption leaves then is finished by the next start of tramd. */
fallible backup_restore(const char *config_path, const char *path, bool force);

/* Finishes a restore that was decided and interrupted; nothing to do is success.  Nobody may use the
 * folder meanwhile. */
fallible backup_finish_restore(const char *data_dir);

#endif
