#include "base/mem.h"
#include "base/str.h"
#include "graphql/parse.h"
#include "graphql/parser.h"

/* An optional string before a definition. */
static fallible description(struct graphql_parser *parser, const char **ret_description) {
  if (parser->token.kind != GRAPHQL_TOKEN_STRING) return NULL;
  *ret_description = parser->token.text;
  return graphql_parser_advance(parser);
}

static fallible input(struct graphql_parser *parser, struct graphql_input_definition **ret_input) {
  bool found;
  struct graphql_input_definition *made =
      GRAPHQL_NEW(parser->arena, struct graphql_input_definition);
  TRY(description(parser, &made->description));
  made->at = parser->token.at;
  TRY(graphql_parser_name(parser, "a name", &made->name));
  TRY(graphql_parser_expect(parser, ":"));
  TRY(graphql_parser_type(parser, &made->type));
  TRY(graphql_parser_accept(parser, "=", &found));
  if (found) TRY(graphql_parser_value(parser, true, &made->default_value));
  TRY(graphql_parser_directives(parser, true, &made->directives));
  *ret_input = made;
  return NULL;
}

/* Arguments in ( ), or the fields of an input object in { }; nothing at all is accepted too. */
static fallible inputs(struct graphql_parser *parser, const char *open, const char *close,
                       struct graphql_input_definition **ret_inputs) {
  bool found;
  TRY(graphql_parser_accept(parser, open, &found));
  if (!found) return NULL;
  struct graphql_input_definition **tail = ret_inputs;
  do {
    TRY(input(parser, tail));
    tail = &(*tail)->next;
  } while (!graphql_parser_is(parser, close));
  return graphql_parser_advance(parser);
}

static fallible field(struct graphql_parser *parser, struct graphql_field_definition *made) {
  TRY(graphql_parser_name(parser, "a field", &made->name));
  TRY(inputs(parser, "(", ")", &made->arguments));
  TRY(graphql_parser_expect(parser, ":"));
  return graphql_parser_type(parser, &made->type);
}

static fallible enum_value(struct graphql_parser *parser, struct graphql_field_definition *made) {
  if (graphql_parser_is_word(parser, "true") || graphql_parser_is_word(parser, "false") ||
      graphql_parser_is_word(parser, "null"))
    return graphql_parser_unexpected(parser, "an enum value");
  return graphql_parser_name(parser, "an enum value", &made->name);
}

/* The braces of an object, interface or enum. */
static fallible fields(struct graphql_parser *parser, struct graphql_definition *owner) {
  bool found;
  TRY(graphql_parser_accept(parser, "{", &found));
  if (!found) return NULL;
  struct graphql_field_definition **tail = &owner->fields;
  do {
    struct graphql_field_definition *made =
        GRAPHQL_NEW(parser->arena, struct graphql_field_definition);
    TRY(description(parser, &made->description));
    made->at = parser->token.at;
    TRY(owner->kind == GRAPHQL_DEFINE_ENUM ? enum_value(parser, made) : field(parser, made));
    TRY(graphql_parser_directives(parser, true, &made->directives));
    *tail = made;
    tail = &made->next;
  } while (!graphql_parser_is(parser, "}"));
  return graphql_parser_advance(parser);
}

/* Names with `separator` between them, and one before them if they like. */
static fallible names(struct graphql_parser *parser, const char *separator,
                      struct graphql_name **ret_names) {
  bool more;
  struct graphql_name **tail = ret_names;
  TRY(graphql_parser_accept(parser, separator, &more));
  do {
    struct graphql_name *made = GRAPHQL_NEW(parser->arena, struct graphql_name);
    made->at = parser->token.at;
    TRY(graphql_parser_name(parser, "a name", &made->text));
    *tail = made;
    tail = &made->next;
    TRY(graphql_parser_accept(parser, separator, &more));
  } while (more);
  return NULL;
}

static fallible implements(struct graphql_parser *parser, struct graphql_definition *made) {
  if (!graphql_parser_is_word(parser, "implements")) return NULL;
  TRY(graphql_parser_advance(parser));
  return names(parser, "&", &made->names);
}

/* ---- One function per kind of definition, called after its keyword ---- */

static fallible define_scalar(struct graphql_parser *parser, struct graphql_definition *made) {
  TRY(graphql_parser_name(parser, "a name", &made->name));
  return graphql_parser_directives(parser, true, &made->directives);
}

static fallible define_fields(struct graphql_parser *parser, struct graphql_definition *made) {
  TRY(graphql_parser_name(parser, "a name", &made->name));
  if (made->kind != GRAPHQL_DEFINE_ENUM) TRY(implements(parser, made));
  TRY(graphql_parser_directives(parser, true, &made->directives));
  return fields(parser, made);
}

static fallible define_input(struct graphql_parser *parser, struct graphql_definition *made) {
  TRY(graphql_parser_name(parser, "a name", &made->name));
  TRY(graphql_parser_directives(parser, true, &made->directives));
  return inputs(parser, "{", "}", &made->inputs);
}

static fallible define_union(struct graphql_parser *parser, struct graphql_definition *made) {
  bool found;
  TRY(graphql_parser_name(parser, "a name", &made->name));
  TRY(graphql_parser_directives(parser, true, &made->directives));
  TRY(graphql_parser_accept(parser, "=", &found));
  return found ? names(parser, "|", &made->names) : NULL;
}

static fallible define_directive(struct graphql_parser *parser, struct graphql_definition *made) {
  TRY(graphql_parser_expect(parser, "@"));
  TRY(graphql_parser_name(parser, "a directive's name", &made->name));
  TRY(inputs(parser, "(", ")", &made->inputs));
  made->repeatable = graphql_parser_is_word(parser, "repeatable");
  if (made->repeatable) TRY(graphql_parser_advance(parser));
  TRY(graphql_parser_expect_word(parser, "on"));
  return names(parser, "|", &made->names);
}

static fallible root(struct graphql_parser *parser, struct graphql_definition *made) {
  static const char *const words[] = {[GRAPHQL_QUERY] = "query",
                                      [GRAPHQL_MUTATION] = "mutation",
                                      [GRAPHQL_SUBSCRIPTION] = "subscription"};
  for (size_t kind = 0; kind < ARRAY_LEN(words); kind++) {
    if (!graphql_parser_is_word(parser, words[kind]) || made->roots[kind]) continue;
    TRY(graphql_parser_advance(parser));
    TRY(graphql_parser_expect(parser, ":"));
    return graphql_parser_name(parser, "a type", &made->roots[kind]);
  }
  return graphql_parser_unexpected(parser, "query, mutation or subscription, once each");
}

static fallible define_schema(struct graphql_parser *parser, struct graphql_definition *made) {
  TRY(graphql_parser_directives(parser, true, &made->directives));
  TRY(graphql_parser_expect(parser, "{"));
  do {
    TRY(root(parser, made));
  } while (!graphql_parser_is(parser, "}"));
  return graphql_parser_advance(parser);
}

/* clang-format off */
static const struct {
  const char *keyword;
  enum graphql_definition_kind kind;
  err *(*parse)(struct graphql_parser *, struct graphql_definition *);
} definitions[] = {
  { "schema",    GRAPHQL_DEFINE_SCHEMA,    define_schema    },
  { "scalar",    GRAPHQL_DEFINE_SCALAR,    define_scalar    },
  { "type",      GRAPHQL_DEFINE_OBJECT,    define_fields    },
  { "interface", GRAPHQL_DEFINE_INTERFACE, define_fields    },
  { "union",     GRAPHQL_DEFINE_UNION,     define_union     },
  { "enum",      GRAPHQL_DEFINE_ENUM,      define_fields    },
  { "input",     GRAPHQL_DEFINE_INPUT,     define_input     },
  { "directive", GRAPHQL_DEFINE_DIRECTIVE, define_directive },
};
/* clang-format on */

static fallible definition(struct graphql_parser *parser) {
  struct graphql_definition *made = GRAPHQL_NEW(parser->arena, struct graphql_definition);
  TRY(description(parser, &made->description));
  made->at = parser->token.at;
  for (size_t i = 0; i < ARRAY_LEN(definitions); i++) {
    if (!graphql_parser_is_word(parser, definitions[i].keyword)) continue;
    made->kind = definitions[i].kind;
    TRY(graphql_parser_advance(parser));
    TRY(definitions[i].parse(parser, made));
    struct graphql_definition **tail = &parser->document->definitions;
    while (*tail)
      tail = &(*tail)->next;
    *tail = made;
    return NULL;
  }
  return graphql_parser_unexpected(parser, "a type system definition");
}

fallible graphql_parse_sdl(const char *text, size_t len, const struct graphql_limits *limits,
                           struct graphql_document **ret_document,
                           struct graphql_location *ret_at) {
  return graphql_parser_run(text, len, limits, definition, ret_document, ret_at);
}
