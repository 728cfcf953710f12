/* What `tram up` uploads: a folder as a tar.gz, entries "./a/b", as Railway's CLI makes it
 * (railway.md section 3, "`up` protocol").
 *
 *     TRY(pack_new("/home/me/app", &options, &p));      walks; nothing is read yet
 *     show(pack_files(p), pack_bytes(p));
 *     TRY(pack_write(p, write_fn, progress_fn, arg));   reads and streams
 *
 * Left out: what .gitignore, .ignore and .railwayignore exclude, in every folder and in the parents
 * up to the repository's root (also its .git/info/exclude); any component named .git or
 * node_modules; sockets, fifos and devices.  Unlike Railway's, .gitignore counts outside of a git
 * repository too.  Hidden files go along.
 *
 * A symlink is kept when what it points to is inside the folder, and otherwise followed, as Railway
 * follows all: its content is packed.  One that points outside and to nothing is left out and
 * noted.
 *
 * The bytes depend on paths, contents and executable bits alone: times and owners are 0. */
#ifndef TRAMWAY_SOURCE_PACK_H
#define TRAMWAY_SOURCE_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef struct pack pack;

struct pack_options {
  const char *folder; /* pack only this folder below the root, its entries named from the root; ""
                         or NULL: all */
  bool no_gitignore;      /* --no-gitignore: .gitignore and .git/info/exclude do not count */
  int64_t files_limit;    /* ERR_LIMIT beyond; 0: UNPACK_ENTRIES, what a server accepts */
  void (*on_note)(void *arg, const char *text); /* "left out 'x': …"; NULL: not told */
  void *arg;
};

/* ERR_INVALID when nothing is left to pack. */
fallible pack_new(const char *root, const struct pack_options *options, pack **ret_pack);
void pack_free(pack *p); /* NULL is accepted */

int64_t pack_files(const pack *p); /* entries: files, links, folders */
int64_t pack_bytes(const pack *p); /* of the files' content */

/* Walks the list in order; NULL at the end.  For `tram up --verbose`. */
const char *pack_path(const pack *p, size_t index);

typedef err *pack_write_fn(void *arg, const void *data, size_t size);
typedef void pack_progress_fn(void *arg, int64_t files, int64_t bytes);

/* A file that shrank meanwhile is filled up with zeroes and noted; one that has gone is left out
 * and noted.  `progress` may be NULL. */
fallible pack_write(pack *p, pack_write_fn *write, pack_progress_fn *progress, void *arg);

/* The same into a descriptor. */
fallible pack_write_fd(pack *p, int fd, pack_progress_fn *progress, void *arg);

#endif
