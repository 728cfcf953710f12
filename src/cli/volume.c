#include "cli/volume.h"

#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/names.h"
#include "cli/pages.h"
#include "cli/prompt.h"
#include "cli/queries.h"

enum { VOLUMES_MAX = 10000, SETTLE_MS = 20000, POLL_MS = 100 };

err *volume_fetch(struct cli *cli, const struct scope *scope, json_t **ret_list) {
  return pages_first(cli, query_volume_instances, json_pack("{s:s}", "id", scope->environment_id),
                     "environment.volumeInstances", VOLUMES_MAX, ret_list);
}

static bool is_named(const json_t *v, const char *name) {
  return str_ieq(json_get_text(v, "volumeName"), name) || str_eq(json_get_text(v, "volumeId"), name) ||
         str_eq(json_get_text(v, "id"), name);
}

static void add_names(const json_t *list, struct strv *names) {
  for (size_t i = 0; i < json_array_size(list); i++) strv_add(names, json_get_text(json_array_get(list, i), "volumeName"));
}

static err *choose(struct cli *cli, const struct args *args, const struct scope *scope, const json_t *list,
                   json_t **ret_instance) {
  const char *name = args_text(args, "volume");
  auto_strv names = STRV_EMPTY;
  size_t index = 0;
  add_names(list, &names);
  for (size_t i = 0; i < names.len; i++) {
    json_t *v = json_array_get(list, i);
    bool its = !name && scope->service_id && str_eq(json_get_text(v, "serviceId"), scope->service_id);
    if (!its && !(name && is_named(v, name))) continue;
    *ret_instance = json_incref(v);
    return NULL;
  }
  if (!names.len)
    return err_new(ERR_NOT_FOUND, "there are no volumes in %s: `%s volume add -m PATH` makes one", scope->environment_name,
                   cli->program);
  if (name) return names_not_found("Volume", name, &names);
  TRY(prompt_choose(&cli->out, "Which volume?", &names, "--volume", &index));
  *ret_instance = json_incref(json_array_get(list, index));
  return NULL;
}

err *volume_find(struct cli *cli, const struct args *args, struct scope *ret_scope, json_t **ret_instance) {
  auto_json *list = NULL;
  TRY(scope_find(cli, args, SCOPE_SERVICE_IF_ANY, ret_scope));
  TRY(volume_fetch(cli, ret_scope, &list));
  return choose(cli, args, ret_scope, list, ret_instance);
}

/* ---- until it is there ---- */

static const json_t *find_by_id(const json_t *list, const char *volume_id) {
  for (size_t i = 0; i < json_array_size(list); i++)
    if (str_eq(json_get_text(json_array_get(list, i), "volumeId"), volume_id)) return json_array_get(list, i);
  return NULL;
}

err *volume_settle(struct cli *cli, const struct scope *scope, const char *volume_id) {
  int64_t end_ms = clock_monotonic_ms() + SETTLE_MS;
  for (;;) {
    auto_json *list = NULL;
    TRY(volume_fetch(cli, scope, &list));
    const json_t *v = find_by_id(list, volume_id);
    const char *state = json_get_text(v, "state"), *problem = json_get_text(v, "problem");
    if (str_eq(state, "ERROR"))
      return err_new(ERR_LIMIT, "%s; `%s volume update -v %s --size MB` asks for another size", problem ? problem : "it failed",
                     cli->program, json_get_text(v, "volumeName"));
    if (!str_eq(state, "UPDATING") || clock_monotonic_ms() > end_ms) return NULL;
    nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
  }
}
