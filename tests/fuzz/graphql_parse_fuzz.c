/* Any bytes as an executable document and as a schema. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "graphql/parse.h"
#include "graphql/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct graphql_document *document = NULL;
  struct graphql_location at;
  graphql_schema *schema = NULL;
  err *e = graphql_parse((const char *)data, size, &GRAPHQL_LIMITS_DEFAULT, &document, &at);
  if (!e != !!document || (e && at.line == 0)) abort();
  err_ignore(e);
  graphql_document_free(document);
  e = graphql_schema_new((const char *)data, size, &schema);
  if (!e) {
    err_ignore(graphql_schema_check_access(schema));
    err_ignore(graphql_schema_check_resolvers(schema));
    err_ignore(graphql_schema_check_reachable(schema));
  }
  err_ignore(e);
  graphql_schema_free(schema);
  return 0;
}
