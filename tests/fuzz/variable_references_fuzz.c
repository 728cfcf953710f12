/* Values that refer to each other, written by a stranger: they resolve or are refused, within the limits. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "core/variable_functions.h"
#include "core/variable_references.h"
#include "model/variable.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static err *no_platform(void *arg, const struct service *service, const json_t **ret_variables) {
  (void)service;
  *ret_variables = arg;
  return NULL;
}

static void check(const struct reference_world *world, const char *service_id) {
  auto_resolved_variables resolved = {0};
  const char *name;
  json_t *value;
  auto_strv ids = STRV_EMPTY;
  references_affected(world, service_id, json_object_get(world->variables, service_id), &ids);
  err *e = references_resolve(world, service_id, &resolved);
  json_object_foreach(resolved.values, name, value) if (json_string_length(value) > VARIABLE_VALUE_LEN_MAX) abort();
  err_free(e);
}

/* Lines, which become A, B, … of two services and the environment in turn. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct service items[] = {{.id = "1", .name = (char[]){"api"}, .label = (char[]){"api"}},
                            {.id = "2", .name = (char[]){"Main DB"}, .label = (char[]){"main-db"}}};
  struct service_list services = {.items = items, .len = ARRAY_LEN(items)};
  static const char *const owners[] = {"1", "2", ""};
  auto_json *variables = json_pack("{s:{}, s:{}, s:{}}", "1", "2", ""), *platform = json_pack("{s:s}", "PORT", "1");
  auto_free char *text = str_ndup((const char *)data, size);
  auto_strv lines = STRV_EMPTY;
  strv_split(&lines, text, '\n');
  for (size_t i = 0; i < lines.len && i < 26 * ARRAY_LEN(owners); i++) {
    char name[] = {(char)('A' + (char)(i / ARRAY_LEN(owners))), '\0'};
    auto_free char *value = NULL;
    err *e = variable_functions_evaluate(name, lines.items[i], &value);
    if (!e) json_object_set_new(json_object_get(variables, owners[i % ARRAY_LEN(owners)]), name, json_string(value));
    err_free(e);
  }
  struct reference_world world = {.services = &services, .variables = variables, .platform = no_platform, .arg = platform};
  for (size_t i = 0; i < ARRAY_LEN(owners); i++) check(&world, owners[i]);
  return 0;
}
