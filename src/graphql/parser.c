#include "graphql/parser.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "graphql/parse.h"

void graphql_document_free(struct graphql_document *document) {
  if (document) graphql_arena_free(document->arena); /* the document itself lies in its arena */
}

static fallible run(struct graphql_parser *parser, const char *text, size_t len,
                    const struct graphql_limits *limits,
                    err *(*definition)(struct graphql_parser *)) {
  TRY(graphql_lex_start(&parser->lexer, text, len, limits, parser->arena));
  TRY(graphql_parser_advance(parser));
  if (parser->token.kind == GRAPHQL_TOKEN_END)
    return graphql_parser_unexpected(parser, "a definition");
  while (parser->token.kind != GRAPHQL_TOKEN_END)
    TRY(definition(parser));
  return NULL;
}

fallible graphql_parser_run(const char *text, size_t len, const struct graphql_limits *limits,
                            err *(*definition)(struct graphql_parser *),
                            struct graphql_document **ret_document,
                            struct graphql_location *ret_at) {
  graphql_arena *arena = graphql_arena_new();
  struct graphql_parser parser = {.arena = arena,
                                  .at = {.line = 1, .column = 1},
                                  .document = GRAPHQL_NEW(arena, struct graphql_document),
                                  .max_nesting = limits->max_nesting};
  parser.document->arena = arena;
  err *e = run(&parser, text, len, limits, definition);
  if (e) {
    *ret_at = parser.at;
    graphql_arena_free(arena);
    return err_wrap(e, "line %u, column %u", (unsigned)ret_at->line, (unsigned)ret_at->column);
  }
  *ret_document = parser.document;
  return NULL;
}

fallible graphql_parser_advance(struct graphql_parser *parser) {
  err *e = graphql_lex_next(&parser->lexer, &parser->token);
  parser->at = parser->token.at;
  return e;
}

fallible graphql_parser_unexpected(struct graphql_parser *parser, const char *what) {
  parser->at = parser->token.at;
  switch (parser->token.kind) {
  case GRAPHQL_TOKEN_END:
    return err_new(ERR_INVALID, "expected %s, found the end", what);
  case GRAPHQL_TOKEN_STRING:
    return err_new(ERR_INVALID, "expected %s, found a string", what);
  default:
    return err_new(ERR_INVALID, "expected %s, found '%.40s'", what, parser->token.text);
  }
}

bool graphql_parser_is(const struct graphql_parser *parser, const char *punctuator) {
  return parser->token.kind == GRAPHQL_TOKEN_PUNCTUATOR && str_eq(parser->token.text, punctuator);
}

bool graphql_parser_is_word(const struct graphql_parser *parser, const char *name) {
  return parser->token.kind == GRAPHQL_TOKEN_NAME && str_eq(parser->token.text, name);
}

fallible graphql_parser_accept(struct graphql_parser *parser, const char *punctuator,
                               bool *ret_found) {
  *ret_found = graphql_parser_is(parser, punctuator);
  return *ret_found ? graphql_parser_advance(parser) : NULL;
}

fallible graphql_parser_expect(struct graphql_parser *parser, const char *punctuator) {
  if (graphql_parser_is(parser, punctuator)) return graphql_parser_advance(parser);
  auto_free char *quoted = str_format("'%s'", punctuator);
  return graphql_parser_unexpected(parser, quoted);
}

fallible graphql_parser_expect_word(struct graphql_parser *parser, const char *name) {
  if (graphql_parser_is_word(parser, name)) return graphql_parser_advance(parser);
  auto_free char *quoted = str_format("'%s'", name);
  return graphql_parser_unexpected(parser, quoted);
}

fallible graphql_parser_name(struct graphql_parser *parser, const char *what,
                             const char **ret_name) {
  if (parser->token.kind != GRAPHQL_TOKEN_NAME) return graphql_parser_unexpected(parser, what);
  *ret_name = parser->token.text;
  return graphql_parser_advance(parser);
}

fallible graphql_parser_enter(struct graphql_parser *parser) {
  if (parser->nesting++ < parser->max_nesting) return NULL;
  parser->at = parser->token.at;
  return err_new(ERR_LIMIT, "nested deeper than %zu levels", parser->max_nesting);
}

void graphql_parser_leave(struct graphql_parser *parser) {
  parser->nesting--;
}

/* ---- Values (section 2.9) ---- */

static fallible list_value(struct graphql_parser *parser, bool constant,
                           struct graphql_value *list) {
  list->kind = GRAPHQL_VALUE_LIST;
  struct graphql_value **tail = &list->items;
  TRY(graphql_parser_enter(parser));
  TRY(graphql_parser_advance(parser));
  while (!graphql_parser_is(parser, "]")) {
    TRY(graphql_parser_value(parser, constant, tail));
    tail = &(*tail)->next;
  }
  graphql_parser_leave(parser);
  return graphql_parser_advance(parser);
}

/* name: value, the shape of an argument and of an object's field. */
static fallible argument(struct graphql_parser *parser, bool constant,
                         struct graphql_argument **ret_argument) {
  struct graphql_argument *made = GRAPHQL_NEW(parser->arena, struct graphql_argument);
  made->at = parser->token.at;
  TRY(graphql_parser_name(parser, "a name", &made->name));
  TRY(graphql_parser_expect(parser, ":"));
  TRY(graphql_parser_value(parser, constant, &made->value));
  *ret_argument = made;
  return NULL;
}

static fallible object_value(struct graphql_parser *parser, bool constant,
                             struct graphql_value *object) {
  object->kind = GRAPHQL_VALUE_OBJECT;
  struct graphql_argument **tail = &object->fields;
  TRY(graphql_parser_enter(parser));
  TRY(graphql_parser_advance(parser));
  while (!graphql_parser_is(parser, "}")) {
    TRY(argument(parser, constant, tail));
    tail = &(*tail)->next;
  }
  graphql_parser_leave(parser);
  return graphql_parser_advance(parser);
}

static fallible variable_value(struct graphql_parser *parser, bool constant,
                               struct graphql_value *value) {
  if (constant) return graphql_parser_unexpected(parser, "a value without variables");
  value->kind = GRAPHQL_VALUE_VARIABLE;
  TRY(graphql_parser_advance(parser));
  return graphql_parser_name(parser, "a variable's name", &value->text);
}

static void word_value(const char *word, struct graphql_value *value) {
  value->text = word;
  value->boolean = str_eq(word, "true");
  value->kind = GRAPHQL_VALUE_ENUM;
  if (value->boolean || str_eq(word, "false")) value->kind = GRAPHQL_VALUE_BOOLEAN;
  if (str_eq(word, "null")) value->kind = GRAPHQL_VALUE_NULL;
}

static fallible simple_value(struct graphql_parser *parser, struct graphql_value *value) {
  value->text = parser->token.text;
  switch (parser->token.kind) {
  case GRAPHQL_TOKEN_INT:
    value->kind = GRAPHQL_VALUE_INT;
    break;
  case GRAPHQL_TOKEN_FLOAT:
    value->kind = GRAPHQL_VALUE_FLOAT;
    break;
  case GRAPHQL_TOKEN_STRING:
    value->kind = GRAPHQL_VALUE_STRING;
    break;
  case GRAPHQL_TOKEN_NAME:
    word_value(parser->token.text, value);
    break;
  default:
    return graphql_parser_unexpected(parser, "a value");
  }
  return graphql_parser_advance(parser);
}

fallible graphql_parser_value(struct graphql_parser *parser, bool constant,
                              struct graphql_value **ret_value) {
  struct graphql_value *value = GRAPHQL_NEW(parser->arena, struct graphql_value);
  value->at = parser->token.at;
  if (graphql_parser_is(parser, "["))
    TRY(list_value(parser, constant, value));
  else if (graphql_parser_is(parser, "{"))
    TRY(object_value(parser, constant, value));
  else if (graphql_parser_is(parser, "$"))
    TRY(variable_value(parser, constant, value));
  else
    TRY(simple_value(parser, value));
  *ret_value = value;
  return NULL;
}

/* ---- Arguments, directives, types ---- */

fallible graphql_parser_arguments(struct graphql_parser *parser, bool constant,
                                  struct graphql_argument **ret_arguments) {
  bool found;
  TRY(graphql_parser_accept(parser, "(", &found));
  if (!found) return NULL;
  struct graphql_argument **tail = ret_arguments;
  do {
    TRY(argument(parser, constant, tail));
    tail = &(*tail)->next;
  } while (!graphql_parser_is(parser, ")"));
  return graphql_parser_advance(parser);
}

fallible graphql_parser_directives(struct graphql_parser *parser, bool constant,
                                   struct graphql_directive **ret_directives) {
  struct graphql_directive **tail = ret_directives;
  while (graphql_parser_is(parser, "@")) {
    struct graphql_directive *directive = GRAPHQL_NEW(parser->arena, struct graphql_directive);
    directive->at = parser->token.at;
    TRY(graphql_parser_advance(parser));
    TRY(graphql_parser_name(parser, "a directive's name", &directive->name));
    TRY(graphql_parser_arguments(parser, constant, &directive->arguments));
    *tail = directive;
    tail = &directive->next;
  }
  return NULL;
}

fallible graphql_parser_type(struct graphql_parser *parser, struct graphql_type_ref **ret_type) {
  struct graphql_type_ref *type = GRAPHQL_NEW(parser->arena, struct graphql_type_ref);
  type->at = parser->token.at;
  if (graphql_parser_is(parser, "[")) {
    TRY(graphql_parser_enter(parser));
    TRY(graphql_parser_advance(parser));
    TRY(graphql_parser_type(parser, &type->of));
    TRY(graphql_parser_expect(parser, "]"));
    graphql_parser_leave(parser);
  } else {
    TRY(graphql_parser_name(parser, "a type", &type->name));
  }
  TRY(graphql_parser_accept(parser, "!", &type->non_null));
  *ret_type = type;
  return NULL;
}
