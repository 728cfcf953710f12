/* Databases: adding one, linking services to it, and what is in it. */
#include <stdlib.h>

#include "api/internal.h"
#include "api/late.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/database_add.h"
#include "core/database_view.h"

RESOLVER(mutation_add) {
  const json_t *input = input_of(call);
  auto_core_database_added added = {0};
  struct core_database_add request = {.environment_id = input_text(call, "environmentId"),
                                      .code = input_text(call, "code"),
                                      .name = input_text(call, "name"),
                                      .image = input_text(call, "image"),
                                      .size_mb = json_get_int(input, "sizeMB", 0),
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

/* ---- the data view ---- */

enum { PAGE_DEFAULT = 50 };

static struct database_place place_of(const struct graphql_call *call) {
  return (struct database_place){.environment_id = arg_text(call, "environmentId"),
                                 .service_id = arg_text(call, "serviceId"),
                                 .database = arg_text(call, "database")};
}

RESOLVER(query_tables) {
  struct database_place place = place_of(call);
  struct late_ticket *ticket;
  TRY(late_take(call, ret_value, &ticket));
  return ticket ? late_start(ticket, core_database_tables(core_of(call), &place, late_answer, ticket)) : NULL;
}

RESOLVER(query_rows) {
  struct database_place place = place_of(call);
  struct core_database_rows question = {.schema = arg_text(call, "schema"),
                                        .table = arg_text(call, "table"),
                                        .order_by = arg_text(call, "orderBy"),
                                        .descending = json_get_bool(call->args, "descending", false),
                                        .limit = json_get_int(call->args, "limit", PAGE_DEFAULT),
                                        .offset = json_get_int(call->args, "offset", 0)};
  struct late_ticket *ticket;
  TRY(late_take(call, ret_value, &ticket));
  return ticket ? late_start(ticket, core_database_rows(core_of(call), &place, &question, late_answer, ticket)) : NULL;
}

RESOLVER(query_stats) {
  struct database_place place = place_of(call);
  struct late_ticket *ticket;
  TRY(late_take(call, ret_value, &ticket));
  return ticket ? late_start(ticket, core_database_stats(core_of(call), &place, late_answer, ticket)) : NULL;
}

RESOLVER(query_keys) {
  struct database_place place = place_of(call);
  struct core_database_keys question = {.pattern = arg_text(call, "pattern"),
                                        .cursor = arg_text(call, "cursor"),
                                        .limit = json_get_int(call->args, "limit", PAGE_DEFAULT)};
  struct late_ticket *ticket;
  TRY(late_take(call, ret_value, &ticket));
  return ticket ? late_start(ticket, core_database_keys(core_of(call), &place, &question, late_answer, ticket)) : NULL;
}

RESOLVER(query_key) {
  struct database_place place = place_of(call);
  struct late_ticket *ticket;
  TRY(late_take(call, ret_value, &ticket));
  return ticket ? late_start(ticket, core_database_key(core_of(call), &place, arg_text(call, "key"), late_answer, ticket)) : NULL;
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query",    "databaseKey",    query_key,    NULL },
  { "Query",    "databaseKeys",   query_keys,   NULL },
  { "Query",    "databaseRows",   query_rows,   NULL },
  { "Query",    "databaseStats",  query_stats,  NULL },
  { "Query",    "databaseTables", query_tables, NULL },
  { "Mutation", "databaseAdd",  mutation_add,  NULL },
  { "Mutation", "databaseLink", mutation_link, NULL },
};
/* clang-format on */
const struct bindings bindings_database = {rows, ARRAY_LEN(rows)};
