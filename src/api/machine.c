/* What the machine gives a service instance: the one region there is, and limits of CPU and memory. */
#include "api/internal.h"
#include "base/mem.h"
#include "store/service.h"

#define BYTES_PER_GB 1e9 /* as Railway's memoryBytes counts */

RESOLVER(query_regions) {
  (void)call;
  *ret_value = json_pack("[{s:s, s:s, s:s, s:s, s:s}]", "id", "local", "name", "local", "region", "local", "country",
                         "", "location", "This machine");
  return NULL;
}

/* ---- limits ---- */

/* {"containers": {"cpu": …, "memoryBytes": …}}, without what has no limit; NULL when nothing has. */
static json_t *limits_json(const struct service_settings *s) {
  auto_json *all = service_settings_to_json(s);
  return json_incref(json_object_get(json_object_get(all, "deploy"), "limitOverride"));
}

RESOLVER(query_limit_override) {
  auto_service_instance i = {0};
  TRY(find_instance(call, arg_text(call, "serviceId"), arg_text(call, "environmentId"), &i));
  *ret_value = limits_json(&i.settings);
  return NULL;
}

RESOLVER(query_limits) {
  auto_service_instance i = {0};
  TRY(find_instance(call, arg_text(call, "serviceId"), arg_text(call, "environmentId"), &i));
  core_limits(core_of(call), &i.settings, &i.settings.memory_bytes, &i.settings.cpu_millis);
  *ret_value = limits_json(&i.settings);
  if (!*ret_value) *ret_value = json_pack("{s:{}}", "containers");
  return NULL;
}

static err *bytes_of(const json_t *gigabytes, json_t **ret_bytes) {
  double bytes = json_number_value(gigabytes) * BYTES_PER_GB;
  if (!(bytes >= 0 && bytes <= (double)MEMORY_BYTES_MAX))
    return err_new(ERR_INVALID, "'memoryGB' must be within 0 and %d", (int)((double)MEMORY_BYTES_MAX / BYTES_PER_GB));
  *ret_bytes = json_is_number(gigabytes) ? json_integer((json_int_t)(bytes + 0.5)) : json_null();
  return NULL;
}

/* What is not given stays; null goes back to the default. */
static err *limits_document(const json_t *input, json_t **ret_document) {
  json_t *cpu = json_object_get(input, "vCPUs"), *memory = json_object_get(input, "memoryGB"), *bytes = NULL;
  if (memory) TRY(bytes_of(memory, &bytes));
  *ret_document = json_pack("{s:{s:{s:{s:O*, s:o*}}}}", "deploy", "limitOverride", "containers", "cpu", cpu,
                            "memoryBytes", bytes);
  return NULL;
}

RESOLVER(mutation_limits_update) {
  auto_service_instance i = {0};
  auto_json *document = NULL;
  TRY(find_instance(call, input_text(call, "serviceId"), input_text(call, "environmentId"), &i));
  TRY(limits_document(input_of(call), &document));
  TRY(service_settings_apply_json(&i.settings, document));
  TRY(service_settings_check(&i.settings));
  TRY(core_set_settings(core_of(call), i.id, &i.settings));
  *ret_value = json_true();
  return NULL;
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query",    "regions",                      query_regions,          NULL },
  { "Query",    "serviceInstanceLimits",        query_limits,           NULL },
  { "Query",    "serviceInstanceLimitOverride", query_limit_override,   NULL },
  { "Mutation", "serviceInstanceLimitsUpdate",  mutation_limits_update, NULL },
};
/* clang-format on */
const struct bindings bindings_machine = {rows, ARRAY_LEN(rows)};
