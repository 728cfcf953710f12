/* A schema: what SDL text describes, with the host's functions bound to it.
 *
 * Calling order, once at the start of the program; afterwards the schema is only read, and may be
 * read from several threads:
 *
 *     graphql_schema_new(text, len, &schema);
 *     graphql_schema_bind(schema, rows, count);            once per table of resolvers
 *     graphql_schema_set_access(schema, may_call);
 *     graphql_schema_check_access(schema), graphql_schema_check_resolvers(schema)
 *
 * Access.  `directive @access(role: …) on FIELD_DEFINITION | OBJECT` must be declared in the SDL
 * with an enum of roles; what the roles and further arguments mean is the host's business.  A
 * field's role is its own @access, else that of its object type.  Before the executor resolves any
 * field but introspection's it calls the host's access function with that role; an error from it
 * becomes the field's error and the field is not resolved.
 *
 * Resolving.  A field without a bound resolver is read from the parent JSON object's property of
 * that name (absent means null).  A value of an interface or union type must be an object with a
 * "__typename" property. */
#ifndef TRAMWAY_GRAPHQL_SCHEMA_H
#define TRAMWAY_GRAPHQL_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/map.h"
#include "graphql/ast.h"

typedef struct graphql_schema graphql_schema;
struct graphql_source; /* graphql/subscribe.h */
struct graphql_lookahead;

/* What a resolver, a subscriber and the access function are told.  Everything is borrowed and lives
 * until the function returns; `parent` and `args` must not be changed. */
struct graphql_call {
  void *context;     /* the request's, as given to graphql_execute */
  const char *type;  /* the object type's name: "Project" */
  const char *field; /* the field's name: "environments" */
  const char *role;  /* of its @access; NULL when it has none */
  json_t *access; /* all arguments of that @access: {"role": …, and what else the SDL declares} */
  json_t *parent; /* the value the field is read from; NULL on the root types */
  json_t *args;   /* object: every argument given or defaulted, coerced; absent ones are absent */
  const struct graphql_lookahead *lookahead;
};

/* Whether the query asks for `path` below this field, as "edges.node.name"; type conditions are not
 * looked at, @skip and @include are.  To spare work that nobody wants. */
bool graphql_call_selects(const struct graphql_call *call, const char *path);

/* Gives the field's value: an owned reference (NULL means null).  The executor coerces it to the
 * field's type; objects and lists may hold more than was asked for. */
typedef err *graphql_resolver(struct graphql_call *call, json_t **ret_value);

/* Starts a subscription; see graphql/subscribe.h. */
typedef err *graphql_subscriber(struct graphql_call *call, struct graphql_source **ret_source);

/* NULL when the caller may have the field; otherwise the error to report (ERR_DENIED mostly). */
typedef err *graphql_access(void *context, const char *role, const struct graphql_call *call);

/* Called in place of the resolver of a field of the mutation type, which it calls (or not) itself: for
 * what surrounds every mutation alike. */
typedef err *graphql_mutation(struct graphql_call *call, graphql_resolver *resolve, json_t **ret_value);

/* Looks at an input value of a custom scalar; an error is put before the client as ERR_INVALID.
 * Without one a custom scalar accepts any JSON. */
typedef err *graphql_scalar_check(const json_t *value);

struct graphql_binding {
  const char *type;
  const char *field;
  graphql_resolver *resolve;
  graphql_subscriber *subscribe; /* for fields of the subscription type instead of `resolve` */
};

/* Builds a schema from SDL.  ERR_INVALID with every fault found, one per line, each with its place.
 * The text is not kept. */
fallible graphql_schema_new(const char *text, size_t len, graphql_schema **ret_schema);
void graphql_schema_free(graphql_schema *schema); /* accepts NULL */

/* ERR_INVALID names every row whose type or field does not exist, is bound already, or is of the
 * wrong sort (a subscriber on a query). */
fallible graphql_schema_bind(graphql_schema *schema, const struct graphql_binding *rows,
                             size_t count);
fallible graphql_schema_bind_scalar(graphql_schema *schema, const char *name,
                                    graphql_scalar_check *check);
void graphql_schema_set_access(graphql_schema *schema, graphql_access *access);
void graphql_schema_set_mutation(graphql_schema *schema, graphql_mutation *mutation);

/* Says more about a field that the schema does not have than that it does not: the whole message, owned
 * by the caller, or NULL when there is nothing to say. */
typedef char *graphql_absent(const char *type, const char *field);
void graphql_schema_set_absent(graphql_schema *schema, graphql_absent *absent);

/* Checks for tests and for the program's start; ERR_INVALID lists all problems, one per line.
 * access: each field of a root type must have its own @access, each other object type one on the
 *   type or on every field.
 * resolvers: each field of a root type, and each field that takes arguments, must be bound.
 * reachable: each type can be reached from the root types (what @access itself names counts). */
fallible graphql_schema_check_access(const graphql_schema *schema);
fallible graphql_schema_check_resolvers(const graphql_schema *schema);
fallible graphql_schema_check_reachable(const graphql_schema *schema);

/* ---- The inside, for graphql/ and for tools that make code or docs from a schema. ---- */

enum graphql_type_kind {
  GRAPHQL_SCALAR,
  GRAPHQL_OBJECT,
  GRAPHQL_INTERFACE,
  GRAPHQL_UNION,
  GRAPHQL_ENUM,
  GRAPHQL_INPUT_OBJECT,
};

enum graphql_builtin { /* how a scalar is coerced */
                       GRAPHQL_CUSTOM,
                       GRAPHQL_INT,
                       GRAPHQL_FLOAT,
                       GRAPHQL_STRING,
                       GRAPHQL_BOOLEAN,
                       GRAPHQL_ID,
};

struct graphql_input { /* an argument or an input field */
  const char *name;
  const char *description;
  const char *deprecation; /* the reason, or NULL */
  const struct graphql_type_ref *type;
  const struct graphql_value *default_literal; /* as written, or NULL */
  json_t *default_value;                       /* coerced, or NULL */
};

struct graphql_field { /* also a value of an enum */
  const char *name;
  const char *description;
  const char *deprecation;
  const struct graphql_type_ref *type;
  struct graphql_input *args;
  size_t arg_count;
  json_t *access;   /* the arguments of its own @access, else of the type's, or NULL */
  bool own_access;  /* whether it is its own */
  const char *role; /* in `access`, or NULL */
  graphql_resolver *resolve;
  graphql_subscriber *subscribe;
  bool paginated; /* has an argument first, last or limit; see graphql/cost.h */
};

struct graphql_type {
  enum graphql_type_kind kind;
  enum graphql_builtin builtin;
  const char *name;
  const char *description;
  const struct graphql_definition *definition;
  const char *specified_by;     /* @specifiedBy(url: …) of a scalar, or NULL */
  json_t *access;               /* the arguments of an object type's @access, or NULL */
  struct graphql_field *fields; /* of an object or interface; the values of an enum */
  size_t field_count;
  map *fields_by_name;
  struct graphql_input *inputs; /* of an input object */
  size_t input_count;
  const struct graphql_type **interfaces; /* that it implements */
  size_t interface_count;
  const struct graphql_type **possible; /* object types behind an interface or union */
  size_t possible_count;
  graphql_scalar_check *check;
  bool introspection; /* __Schema and its kin */
};

struct graphql_directive_definition {
  const struct graphql_definition *definition; /* locations and `repeatable` are there */
  struct graphql_input *args;
  size_t arg_count;
};

struct graphql_schema {
  struct graphql_document *document; /* the SDL; its arena owns all texts and structs */
  struct graphql_document *builtins; /* scalars, directives and the types of introspection */
  const char *description;
  struct graphql_type *types;
  size_t type_count;
  map *types_by_name;
  struct graphql_directive_definition *directives;
  size_t directive_count;
  const struct graphql_type *meta; /* holds the meta-fields: __schema, __type, __typename */
  const struct graphql_type *roots[GRAPHQL_OPERATION_KINDS]; /* mutation, subscription: or NULL */
  graphql_access *access;
  graphql_mutation *mutation;
  graphql_absent *absent; /* or NULL */
};

const struct graphql_type *graphql_schema_type(const graphql_schema *schema, const char *name);
const struct graphql_field *graphql_type_field(const struct graphql_type *type, const char *name);
const struct graphql_input *graphql_type_input(const struct graphql_type *type, const char *name);
const struct graphql_directive_definition *graphql_schema_directive(const graphql_schema *schema,
                                                                    const char *name);
const struct graphql_type *
graphql_named_type(const struct graphql_type_ref *ref);          /* lists removed */
bool graphql_type_is_leaf(const struct graphql_type *type);      /* scalar or enum */
bool graphql_type_is_input(const struct graphql_type *type);     /* leaf or input object */
bool graphql_type_is_composite(const struct graphql_type *type); /* object, interface or union */

/* Whether an object of type `object` is also a `type` (itself, its interface, its union). */
bool graphql_type_includes(const struct graphql_type *type, const struct graphql_type *object);

static inline void graphql_schema_cleanup_(graphql_schema **schema) {
  graphql_schema_free(*schema);
}
#define auto_graphql_schema __attribute__((cleanup(graphql_schema_cleanup_))) graphql_schema

#endif
