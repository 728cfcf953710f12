#include "cli/workspace.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/names.h"
#include "cli/queries.h"

static json_t *named(const json_t *workspaces, const char *name_or_id) {
  size_t i;
  json_t *workspace;
  json_array_foreach(workspaces, i, workspace)
    if (str_eq(json_get_text(workspace, "id"), name_or_id) || str_ieq(json_get_text(workspace, "name"), name_or_id))
      return workspace;
  return NULL;
}

err *workspace_pick(struct cli *cli, const struct args *args, json_t **ret_workspace) {
  auto_json *data = NULL;
  auto_strv names = STRV_EMPTY;
  const char *flag = args_text(args, "workspace");
  TRY(cli_need_token(cli));
  TRY(cli_query(cli, query_workspaces, NULL, &data));
  const json_t *workspaces = json_object_get(json_object_get(data, "me"), "workspaces");
  json_t *found = flag ? named(workspaces, flag) : json_array_size(workspaces) == 1 ? json_array_get(workspaces, 0) : NULL;
  if (found) {
    *ret_workspace = json_incref(found);
    return NULL;
  }
  size_t i;
  json_t *workspace;
  json_array_foreach(workspaces, i, workspace) strv_add(&names, json_get_text(workspace, "name"));
  if (flag) return names_not_found("Workspace", flag, &names);
  auto_free char *all = strv_join(&names, ", ");
  return err_new(ERR_INVALID, "which workspace? Name one with --workspace (%s)", all ? all : "you are in none");
}

err *duration_parse(const char *flag, const char *text, int64_t *ret_seconds) {
  static const struct {
    char unit;
    long long seconds;
  } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * 86400}};
  size_t len = strlen(text);
  auto_free char *number = str_ndup(text, len ? len - 1 : 0);
  long long value;
  for (size_t i = 0; len > 1 && i < ARRAY_LEN(units); i++)
    if (text[len - 1] == units[i].unit && str_to_int(number, 1, 1000000, &value)) {
      *ret_seconds = value * units[i].seconds;
      return NULL;
    }
  return err_new(ERR_INVALID, "%s: '%s' is no time; write 90s, 15m, 12h, 30d or 2w", flag, text);
}
