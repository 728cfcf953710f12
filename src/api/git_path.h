/* The paths of git over HTTP, below /git/: "<project>.git/info/refs", "<project>/<service>.git/git-receive-pack".
 * Pure. */
#ifndef TRAMWAY_API_GIT_PATH_H
#define TRAMWAY_API_GIT_PATH_H

#include "base/err.h"

enum git_service { GIT_SERVICE_REFS, GIT_SERVICE_RECEIVE_PACK, GIT_SERVICE_UPLOAD_PACK };

struct git_path {
  char *project, *service; /* names or ids; service is "" for the project's own repository */
  enum git_service asked;
};

/* ERR_NOT_FOUND for what is no path of git's.  ".git" may be left out. */
fallible git_path_parse(const char *path, struct git_path *ret_path);
void git_path_done(struct git_path *p);
#define auto_git_path __attribute__((cleanup(git_path_done))) struct git_path

#endif
