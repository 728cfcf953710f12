#include "graphql/schema_build.h"

#include "base/mem.h"
#include "graphql/parse.h"

/* The SDL is ours, not a stranger's: these only keep a mistake from becoming an endless parse. */
static const struct graphql_limits sdl_limits = {
    .max_document_bytes = 4 * 1024 * 1024, .max_tokens = 1000 * 1000, .max_nesting = 64};

/* Sections 3.5, 3.13 and 4.2; with includeDeprecated on inputs as graphql-js has it. */
static const char builtins[] =
    "scalar Int scalar Float scalar String scalar Boolean scalar ID\n"
    "directive @skip(if: Boolean!) on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT\n"
    "directive @include(if: Boolean!) on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT\n"
    "directive @deprecated(reason: String = \"No longer supported\")\n"
    "  on FIELD_DEFINITION | ENUM_VALUE | ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION\n"
    "directive @specifiedBy(url: String!) on SCALAR\n"
    "type __Meta { __schema: __Schema! __type(name: String!): __Type __typename: String! }\n"
    "type __Schema { description: String types: [__Type!]! queryType: __Type!\n"
    "  mutationType: __Type subscriptionType: __Type directives: [__Directive!]! }\n"
    "type __Type { kind: __TypeKind! name: String description: String\n"
    "  fields(includeDeprecated: Boolean = false): [__Field!] interfaces: [__Type!]\n"
    "  possibleTypes: [__Type!] enumValues(includeDeprecated: Boolean = false): [__EnumValue!]\n"
    "  inputFields(includeDeprecated: Boolean = false): [__InputValue!] ofType: __Type\n"
    "  specifiedByURL: String }\n"
    "type __Field { name: String! description: String type: __Type! isDeprecated: Boolean!\n"
    "  args(includeDeprecated: Boolean = false): [__InputValue!]! deprecationReason: String }\n"
    "type __InputValue { name: String! description: String type: __Type! defaultValue: String\n"
    "  isDeprecated: Boolean! deprecationReason: String }\n"
    "type __EnumValue { name: String! description: String isDeprecated: Boolean!\n"
    "  deprecationReason: String }\n"
    "type __Directive { name: String! description: String locations: [__DirectiveLocation!]!\n"
    "  args(includeDeprecated: Boolean = false): [__InputValue!]! isRepeatable: Boolean! }\n"
    "enum __TypeKind { SCALAR OBJECT INTERFACE UNION ENUM INPUT_OBJECT LIST NON_NULL }\n"
    "enum __DirectiveLocation { QUERY MUTATION SUBSCRIPTION FIELD FRAGMENT_DEFINITION\n"
    "  FRAGMENT_SPREAD INLINE_FRAGMENT VARIABLE_DEFINITION SCHEMA SCALAR OBJECT FIELD_DEFINITION\n"
    "  ARGUMENT_DEFINITION INTERFACE UNION ENUM ENUM_VALUE INPUT_OBJECT INPUT_FIELD_DEFINITION }\n";

void graphql_schema_problem(struct str *problems, struct graphql_location at, const char *format,
                            ...) {
  va_list args;
  va_start(args, format);
  auto_free char *text = str_vformat(format, args);
  va_end(args);
  str_addf(problems, "%sline %u, column %u: %s", problems->len ? "\n" : "", (unsigned)at.line,
           (unsigned)at.column, text);
}

static enum graphql_type_kind type_kind(enum graphql_definition_kind kind) {
  switch (kind) {
  case GRAPHQL_DEFINE_OBJECT:
    return GRAPHQL_OBJECT;
  case GRAPHQL_DEFINE_INTERFACE:
    return GRAPHQL_INTERFACE;
  case GRAPHQL_DEFINE_UNION:
    return GRAPHQL_UNION;
  case GRAPHQL_DEFINE_ENUM:
    return GRAPHQL_ENUM;
  case GRAPHQL_DEFINE_INPUT:
    return GRAPHQL_INPUT_OBJECT;
  default:
    return GRAPHQL_SCALAR;
  }
}

static bool is_type(const struct graphql_definition *definition) {
  return definition->kind != GRAPHQL_DEFINE_SCHEMA && definition->kind != GRAPHQL_DEFINE_DIRECTIVE;
}

/* ---- Declaring: every type and directive gets its place before any is filled ---- */

static void declare_type(graphql_schema *schema, const struct graphql_definition *definition,
                         bool builtin, struct str *problems) {
  if (map_has(schema->types_by_name, definition->name)) {
    graphql_schema_problem(problems, definition->at, "type %s is defined twice", definition->name);
    return;
  }
  struct graphql_type *type = &schema->types[schema->type_count++];
  type->kind = type_kind(definition->kind);
  type->name = definition->name;
  type->description = definition->description;
  type->definition = definition;
  type->introspection = builtin && definition->kind != GRAPHQL_DEFINE_SCALAR;
  map_set(schema->types_by_name, type->name, type);
}

static void declare_directive(graphql_schema *schema, const struct graphql_definition *definition,
                              struct str *problems) {
  if (graphql_schema_directive(schema, definition->name)) {
    graphql_schema_problem(problems, definition->at, "@%s is defined twice", definition->name);
    return;
  }
  schema->directives[schema->directive_count++].definition = definition;
}

static void declare(graphql_schema *schema, const struct graphql_document *document, bool builtin,
                    struct str *problems) {
  for (const struct graphql_definition *d = document->definitions; d; d = d->next) {
    if (!builtin && d->name && str_starts(d->name, "__"))
      graphql_schema_problem(problems, d->at, "%s: names beginning with __ are reserved", d->name);
    if (is_type(d)) declare_type(schema, d, builtin, problems);
    if (d->kind == GRAPHQL_DEFINE_DIRECTIVE) declare_directive(schema, d, problems);
  }
}

/* ---- Filling ---- */

static void find_type(graphql_schema *schema, struct graphql_type_ref *ref, struct str *problems) {
  while (ref->of)
    ref = ref->of;
  ref->type = graphql_schema_type(schema, ref->name);
  if (!ref->type) graphql_schema_problem(problems, ref->at, "there is no type %s", ref->name);
}

static struct graphql_input *fill_inputs(graphql_schema *schema,
                                         const struct graphql_input_definition *definitions,
                                         size_t *ret_count, struct str *problems) {
  size_t count = 0;
  for (const struct graphql_input_definition *d = definitions; d; d = d->next)
    count++;
  *ret_count = count;
  if (count == 0) return NULL;
  struct graphql_input *inputs =
                           graphql_arena_alloc(schema->document->arena, count * sizeof *inputs),
                       *input = inputs;
  for (const struct graphql_input_definition *d = definitions; d; d = d->next, input++) {
    *input = (struct graphql_input){.name = d->name,
                                    .description = d->description,
                                    .type = d->type,
                                    .default_literal = d->default_value};
    find_type(schema, d->type, problems);
    for (const struct graphql_input *before = inputs; before < input; before++)
      if (str_eq(before->name, d->name))
        graphql_schema_problem(problems, d->at, "'%s' is there twice", d->name);
  }
  return inputs;
}

static bool is_paginated(const struct graphql_field *field) {
  for (size_t i = 0; i < field->arg_count; i++) {
    const char *name = field->args[i].name;
    if (str_eq(name, "first") || str_eq(name, "last") || str_eq(name, "limit")) return true;
  }
  return false;
}

static void fill_field(graphql_schema *schema, struct graphql_type *type,
                       struct graphql_field *field, const struct graphql_field_definition *d,
                       struct str *problems) {
  field->name = d->name;
  field->description = d->description;
  field->type = d->type;
  if (d->type) find_type(schema, d->type, problems);
  field->args = fill_inputs(schema, d->arguments, &field->arg_count, problems);
  field->paginated = is_paginated(field);
  if (map_has(type->fields_by_name, d->name))
    graphql_schema_problem(problems, d->at, "%s.%s is there twice", type->name, d->name);
  map_set(type->fields_by_name, d->name, field);
}

static void fill_fields(graphql_schema *schema, struct graphql_type *type, struct str *problems) {
  for (const struct graphql_field_definition *d = type->definition->fields; d; d = d->next)
    type->field_count++;
  if (type->field_count == 0) return;
  type->fields =
      graphql_arena_alloc(schema->document->arena, type->field_count * sizeof *type->fields);
  type->fields_by_name = map_new();
  struct graphql_field *field = type->fields;
  for (const struct graphql_field_definition *d = type->definition->fields; d; d = d->next)
    fill_field(schema, type, field++, d, problems);
}

/* The types that the definition names: interfaces of an object, members of a union. */
static const struct graphql_type **find_names(graphql_schema *schema,
                                              const struct graphql_type *type,
                                              enum graphql_type_kind kind, size_t *ret_count,
                                              struct str *problems) {
  size_t count = 0;
  for (const struct graphql_name *name = type->definition->names; name; name = name->next)
    count++;
  const struct graphql_type **found =
      graphql_arena_alloc(schema->document->arena, (count + 1) * sizeof *found);
  for (const struct graphql_name *name = type->definition->names; name; name = name->next) {
    const struct graphql_type *other = graphql_schema_type(schema, name->text);
    if (!other || other->kind != kind || other == type) {
      graphql_schema_problem(problems, name->at, "%s is no %s type", name->text,
                             kind == GRAPHQL_INTERFACE ? "interface" : "object");
      continue;
    }
    found[(*ret_count)++] = other;
  }
  return found;
}

static void fill_type(graphql_schema *schema, struct graphql_type *type, struct str *problems) {
  static const char *const scalars[] = {[GRAPHQL_INT] = "Int",
                                        [GRAPHQL_FLOAT] = "Float",
                                        [GRAPHQL_STRING] = "String",
                                        [GRAPHQL_BOOLEAN] = "Boolean",
                                        [GRAPHQL_ID] = "ID"};
  fill_fields(schema, type, problems);
  type->inputs = fill_inputs(schema, type->definition->inputs, &type->input_count, problems);
  if (type->kind == GRAPHQL_UNION)
    type->possible = find_names(schema, type, GRAPHQL_OBJECT, &type->possible_count, problems);
  if (type->kind == GRAPHQL_OBJECT || type->kind == GRAPHQL_INTERFACE)
    type->interfaces =
        find_names(schema, type, GRAPHQL_INTERFACE, &type->interface_count, problems);
  for (size_t i = GRAPHQL_INT; type->kind == GRAPHQL_SCALAR && i < ARRAY_LEN(scalars); i++)
    if (str_eq(type->name, scalars[i])) type->builtin = (enum graphql_builtin)i;
}

static bool implements(const struct graphql_type *object, const struct graphql_type *interface) {
  for (size_t i = 0; i < object->interface_count; i++)
    if (object->interfaces[i] == interface) return true;
  return false;
}

/* Which object types stand behind an interface. */
static void fill_possible(graphql_schema *schema, struct graphql_type *interface) {
  interface->possible = graphql_arena_alloc(schema->document->arena,
                                            schema->type_count * sizeof *interface->possible);
  for (size_t i = 0; i < schema->type_count; i++)
    if (schema->types[i].kind == GRAPHQL_OBJECT && implements(&schema->types[i], interface))
      interface->possible[interface->possible_count++] = &schema->types[i];
}

static void fill_roots(graphql_schema *schema, struct str *problems) {
  static const char *const usual[] = {"Query", "Mutation", "Subscription"};
  const struct graphql_definition *definition = schema->document->definitions;
  while (definition && definition->kind != GRAPHQL_DEFINE_SCHEMA)
    definition = definition->next;
  if (definition) schema->description = definition->description;
  struct graphql_location at =
      definition ? definition->at : (struct graphql_location){.line = 1, .column = 1};
  for (int kind = 0; kind < GRAPHQL_OPERATION_KINDS; kind++) {
    const char *name = definition ? definition->roots[kind] : usual[kind];
    if (name) schema->roots[kind] = graphql_schema_type(schema, name);
    bool missing = name && definition && !schema->roots[kind];
    bool wrong = schema->roots[kind] && schema->roots[kind]->kind != GRAPHQL_OBJECT;
    if (missing || wrong) graphql_schema_problem(problems, at, "%s is no object type", name);
  }
  if (!schema->roots[GRAPHQL_QUERY])
    graphql_schema_problem(problems, at, "the schema has no query type");
}

static void build(graphql_schema *schema, struct str *problems) {
  size_t count = 0;
  for (const struct graphql_definition *d = schema->builtins->definitions; d; d = d->next)
    count++;
  for (const struct graphql_definition *d = schema->document->definitions; d; d = d->next)
    count++;
  graphql_arena *arena = schema->document->arena;
  schema->types = graphql_arena_alloc(arena, count * sizeof *schema->types);
  schema->directives = graphql_arena_alloc(arena, count * sizeof *schema->directives);
  schema->types_by_name = map_new();
  declare(schema, schema->builtins, true, problems);
  declare(schema, schema->document, false, problems);
  for (size_t i = 0; i < schema->type_count; i++)
    fill_type(schema, &schema->types[i], problems);
  for (size_t i = 0; i < schema->directive_count; i++)
    schema->directives[i].args = fill_inputs(schema, schema->directives[i].definition->inputs,
                                             &schema->directives[i].arg_count, problems);
  for (size_t i = 0; i < schema->type_count; i++)
    if (schema->types[i].kind == GRAPHQL_INTERFACE) fill_possible(schema, &schema->types[i]);
  schema->meta = graphql_schema_type(schema, "__Meta");
  fill_roots(schema, problems);
}

static fallible build_all(graphql_schema *schema) {
  auto_str problems = STR_EMPTY;
  build(schema, &problems);
  if (problems.len == 0) graphql_schema_rules(schema, &problems);
  return problems.len ? err_new(ERR_INVALID, "%s", str_text(&problems)) : NULL;
}

fallible graphql_schema_new(const char *text, size_t len, graphql_schema **ret_schema) {
  struct graphql_location at;
  graphql_schema *schema = mem_zalloc(sizeof *schema);
  err *e = graphql_parse_sdl(builtins, sizeof builtins - 1, &sdl_limits, &schema->builtins, &at);
  if (!e) e = graphql_parse_sdl(text, len, &sdl_limits, &schema->document, &at);
  if (!e) e = build_all(schema);
  if (e) {
    graphql_schema_free(schema);
    return e;
  }
  *ret_schema = schema;
  return NULL;
}
