/* What the parts of validation share.  Internal to graphql/:
 *   validate.c         the order of things; operations, fragments, variables
 *   validate_fields.c  selections against the schema
 *   validate_values.c  arguments, literals, directives
 *   validate_merge.c   whether fields with the same key can be one; depth and number of fields */
#ifndef TRAMWAY_GRAPHQL_VALIDATOR_H
#define TRAMWAY_GRAPHQL_VALIDATOR_H

#include "base/map.h"
#include "graphql/ast.h"
#include "graphql/errors.h"
#include "graphql/limits.h"
#include "graphql/schema.h"

struct graphql_usage { /* of a variable */
  const char *name;
  struct graphql_location at;
  const struct graphql_type_ref *type; /* of the place where it stands; NULL: anything */
  bool place_has_default;
  struct graphql_usage *next;
};

/* A definition and what is used in it, fragments not followed. */
struct graphql_scope {
  struct graphql_fragment *fragment; /* or NULL: an operation */
  const struct graphql_type *type;   /* that the selections are of */
  struct graphql_usage *usages;
  struct graphql_spread *spreads;
  bool used;       /* fragment: by an operation */
  bool on_the_way; /* in the search for cycles */
  bool acyclic;    /* searched already */
  size_t stamp;    /* of the last walk that came through here */
  struct graphql_scope *next;
};

struct graphql_spread {
  struct graphql_scope *target;
  struct graphql_location at;
  struct graphql_spread *next;
};

struct graphql_validator {
  const graphql_schema *schema;
  struct graphql_document *document;
  const struct graphql_limits *limits;
  struct graphql_errors *errors;
  map *fragments;              /* name → its struct graphql_scope */
  struct graphql_scope *scope; /* the definition that is looked at */
  size_t stamp;
  size_t fields; /* counted so far in all operations, fragments expanded */
  size_t steps;  /* of the walks that may pass the same place often */
};

#define GRAPHQL_INVALID(validator, at, ...)                                                        \
  graphql_errors_add((validator)->errors, ERR_INVALID, (at), NULL, __VA_ARGS__)

/* How often walks may come by, for each field that max_fields allows. */
#define GRAPHQL_STEPS_PER_FIELD 20

/* The field `name` of `type`, meta-fields too; NULL when there is none. */
const struct graphql_field *graphql_find_field(const graphql_schema *schema,
                                               const struct graphql_type *type, const char *name);

void graphql_validate_selections(struct graphql_validator *validator,
                                 struct graphql_selection *selections,
                                 const struct graphql_type *type);

/* `owner` names the field or directive in messages. */
void graphql_validate_arguments(struct graphql_validator *validator, const char *owner,
                                struct graphql_location at, const struct graphql_input *inputs,
                                size_t count, const struct graphql_argument *arguments);
void graphql_validate_value(struct graphql_validator *validator,
                            const struct graphql_type_ref *type, bool place_has_default,
                            const struct graphql_value *value);
void graphql_validate_directives(struct graphql_validator *validator,
                                 const struct graphql_directive *directives, const char *place);

void graphql_validate_merging(struct graphql_validator *validator,
                              const struct graphql_operation *operation,
                              const struct graphql_type *root);

#endif
