/* Databases: adding one, and linking services to it. */
#include <stdlib.h>

#include "api/internal.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/database_add.h"

RESOLVER(mutation_add) {
  const json_t *input = input_of(call);
  auto_core_database_added added = {0};
  struct core_database_add request = {.environment_id = input_text(call, "environmentId"),
                                      .code = input_text(call, "code"),
                                      .name = input_text(call, "name"),
                                      .image = input_text(call, "image"),
                                      .link = {.service_id = input_text(call, "linkServiceId"),
                                               .variable = input_text(call, "linkVariable"),
                                               .overwrite = json_get_bool(input, "overwrite", false)},
                                      .user_id = asking_of(call)->caller.user_id};
  TRY(core_database_add(core_of(call), &request, &added));
  auto_free char *reference = str_format("${{%s.%s}}", added.name, database_facts(added.kind)->url_variable);
  *ret_value = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "id", added.service_id, "image", added.image, "kind",
                         database_kind_name(added.kind), "name", added.name, "urlReference", reference, "workflowId",
                         added.patch_id);
  return NULL;
}

RESOLVER(mutation_link) {
  struct core_database_link link = {.service_id = input_text(call, "serviceId"),
                                    .variable = input_text(call, "variable"),
                                    .overwrite = json_get_bool(input_of(call), "overwrite", false)};
  auto_free char *variable = NULL;
  TRY(core_database_link(core_of(call), input_text(call, "environmentId"), input_text(call, "databaseServiceId"), &link,
                         asking_of(call)->caller.user_id, &variable));
  *ret_value = json_string(variable);
  return NULL;
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Mutation", "databaseAdd",  mutation_add,  NULL },
  { "Mutation", "databaseLink", mutation_link, NULL },
};
/* clang-format on */
const struct bindings bindings_database = {rows, ARRAY_LEN(rows)};
