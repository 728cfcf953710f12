/* Backups of the platform's own state, as one file: a tar archive, compressed with zstd, of
 *
 *     tramway.db            accounts, projects, variables, deployments: a consistent copy
 *     tramway.toml          the configuration
 *     engine/ranges.json    which user ids and …
 *     engine/networks.json  … networks services have
 *     setup-token           before there is an account
 *     secret.key            what secrets in the database are encrypted with, unless left out
 *     git/pushed/…          the repositories that were pushed to Tramway
 *     snapshots/…           the code of deployments, when asked for
 *     manifest.json         last: version, time, and the SHA-256 of each file
 *
 * It holds every secret that Tramway holds: mode 0600, made and read by root on the machine itself
 * and never sent over the API, whose administrators need not have root.  Images, logs, and the data
 * of apps are not in it: images are built again from snapshots. */
#ifndef TRAMWAY_DAEMON_BACKUP_H
#define TRAMWAY_DAEMON_BACKUP_H

#include <stdbool.h>

#include "base/err.h"

/* Writes `path`, in place of what is there, once the file has been read back and found whole.
 * tramd may run meanwhile.  Without the key a
 * backup has no secret that can be read, and is restored where <data>/secret.key has been put before.
 * Prints what was done. */
fallible backup_make(const char *config_path, const char *path, bool with_snapshots, bool with_key);

/* Puts the state of the backup into the data folder that the configuration names; when there is no
 * file `config_path`, that of the backup is put there too.  ERR_CONFLICT when tramd runs, when the
 * state comes from a newer version, or when the folder has one; with `force` that one is moved into
 * <data>/replaced-<time>/.
 *
 * Whole or not at all: everything is unpacked, checked and brought to this version's tables before
 * one rename decides; what an interruption leaves then is finished by the next start of tramd. */
fallible backup_restore(const char *config_path, const char *path, bool force);

/* Finishes a restore that was decided and interrupted; nothing to do is success.  Nobody may use the
 * folder meanwhile. */
fallible backup_finish_restore(const char *data_dir);

#endif
