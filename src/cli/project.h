/* Making projects: shared by `init` and `up --new`. */
#ifndef TRAMWAY_CLI_PROJECT_H
#define TRAMWAY_CLI_PROJECT_H

#include "base/err.h"
#include "cli/scope.h"

/* `workspace` by name or id; NULL is the caller's own. */
fallible project_create(struct cli *cli, const char *name, const char *workspace,
                        json_t **ret_project);

/* The scope of a project that was just made; takes `project`. */
fallible project_scope_of_new(json_t *project, struct scope *ret_scope);

/* "/home/me/My App" → "my-app"; the caller owns it. */
char *project_folder_name(const char *folder);

#endif
