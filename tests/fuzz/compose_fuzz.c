/* Any text as a docker-compose file: it is refused, or becomes a patch of keys that exist. */
#include "core/compose.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "core/environment_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *get_env(void *arg, const char *name) {
  (void)arg;
  return *name == 'S' ? "set" : NULL;
}

static err *read_env(void *arg, const char *path, json_t **ret_variables) {
  (void)arg, (void)path;
  *ret_variables = json_pack("{s:s}", "A", "1");
  return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const struct compose_input input = {.file = "compose.yml", .get_env = get_env, .read_env = read_env};
  auto_yml *root = NULL;
  auto_import_plan plan = {0};
  auto_strv unavailable = STRV_EMPTY, unknown = STRV_EMPTY;
  auto_err *refused = yml_parse((const char *)data, size, "compose.yml", &root);
  if (!refused) refused = compose_read(root, &input, &plan);
  if (refused) return 0;
  environment_keys_sift(plan.patch, &unavailable, &unknown);
  if (unavailable.len || unknown.len) abort();
  return 0;
}
