#include "api/git_path.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* clang-format off */
static const struct {
  const char *suffix;
  enum git_service asked;
} endings[] = {
  { "/info/refs",        GIT_SERVICE_REFS },
  { "/git-receive-pack", GIT_SERVICE_RECEIVE_PACK },
  { "/git-upload-pack",  GIT_SERVICE_UPLOAD_PACK },
};
/* clang-format on */

static err *split(const char *name, struct git_path *p) {
  const char *slash = strchr(name, '/');
  if (!*name || slash == name || (slash && (!slash[1] || strchr(slash + 1, '/'))))
    return err_new(ERR_NOT_FOUND, "there is no repository here: push to …/git/<project>.git or "
                                  "…/git/<project>/<service>.git");
  p->project = slash ? str_ndup(name, (size_t)(slash - name)) : str_dup(name);
  p->service = str_dup(slash ? slash + 1 : "");
  return NULL;
}

err *git_path_parse(const char *path, struct git_path *ret_path) {
  for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
    if (!str_ends(path, endings[i].suffix)) continue;
    auto_free char *name = str_ndup(path, strlen(path) - strlen(endings[i].suffix));
    if (str_ends(name, ".git")) name[strlen(name) - strlen(".git")] = '\0';
    struct git_path p = {.asked = endings[i].asked};
    TRY(split(name, &p));
    *ret_path = p;
    return NULL;
  }
  return err_new(ERR_NOT_FOUND, "git asks for nothing at this path");
}

void git_path_done(struct git_path *p) {
  free(p->project);
  free(p->service);
  *p = (struct git_path){0};
}
