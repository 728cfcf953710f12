/* A folder on its way to the server: packed into a temporary file that has no name, then sent. */
#ifndef TRAMWAY_CLI_UPLOAD_H
#define TRAMWAY_CLI_UPLOAD_H

#include <stdbool.h>

#include "base/err.h"
#include "cli/scope.h"

struct upload {
  char *root;   /* entries are named from here */
  char *folder; /* below the root: only this is packed; NULL for all */
  bool no_gitignore;
  bool verbose;        /* list what is packed */
  bool quiet;          /* no progress */
  const char *message; /* NULL for none */
};

/* What `path` (NULL: none given) means when the linked folder is `linked` (or NULL): without a path
 * the linked folder, with one only that part of it; with as_root the path alone.  ERR_NOT_FOUND. */
fallible upload_place(const char *linked, const char *path, bool as_root,
                      struct upload *ret_upload);
void upload_done(struct upload *u);

/* Packs and sends; *ret_answer is {deploymentId, url, logsUrl, deploymentDomain}. */
fallible upload_send(struct cli *cli, const struct scope *scope, const struct upload *u,
                     json_t **ret_answer);

#endif
