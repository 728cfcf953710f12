/* The file format of a backup: an archive whose last entry says what the others must be. */
#ifndef TRAMWAY_DAEMON_BACKUP_ARCHIVE_H
#define TRAMWAY_DAEMON_BACKUP_ARCHIVE_H

#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "source/ignore.h"

#define BACKUP_FORMAT 2       /* since there are volumes and images in it */
#define BACKUP_FORMAT_FIRST 1 /* still read */
#define BACKUP_MANIFEST "manifest.json"
#define BACKUP_CONFIG "tramway.toml"
#define BACKUP_MANIFEST_MAX (256 << 20) /* a hundred bytes for each file of snapshots */

/* --- writing: backup_open, backup_add…, backup_close; backup_free also after an error --- */

typedef struct backup_writer backup_writer;

fallible backup_open(int fd, backup_writer **ret_writer); /* the caller keeps fd */

/* The file at `path` under `name`.  ERR_NOT_FOUND when there is none. */
fallible backup_add_file(backup_writer *w, const char *path, const char *name);

/* Everything below the folder at `path` that `left_out` (NULL: nothing) does not exclude, under `name`/…;
 * links stay links. */
fallible backup_add_tree(backup_writer *w, const char *path, const char *name, ignore *left_out);

/* Ends it with the manifest: `about` (borrowed) with the list of files added. */
fallible backup_close(backup_writer *w, const json_t *about);
int64_t backup_bytes(const backup_writer *w); /* of the files so far, unpacked */
void backup_free(backup_writer *w);           /* accepts NULL */

/* --- reading --- */

/* Reads all of it and compares with the manifest: ERR_CORRUPT says which file is not what it was,
 * ERR_INVALID when it is no backup, ERR_CONFLICT when a newer version wrote it.  The configuration
 * in it is appended to *ret_config (may be NULL). */
fallible backup_verify(int fd, json_t **ret_manifest, struct str *ret_config);

#endif
