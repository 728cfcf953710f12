#include "graphql/parse.h"

#include "base/str.h"
#include "graphql/parser.h"

static fallible selection_set(struct graphql_parser *parser,
                              struct graphql_selection **ret_selections);

static fallible field(struct graphql_parser *parser, struct graphql_selection *made) {
  bool aliased;
  made->kind = GRAPHQL_SELECT_FIELD;
  TRY(graphql_parser_name(parser, "a field", &made->name));
  made->key = made->name;
  TRY(graphql_parser_accept(parser, ":", &aliased));
  if (aliased) TRY(graphql_parser_name(parser, "a field", &made->name));
  TRY(graphql_parser_arguments(parser, false, &made->arguments));
  TRY(graphql_parser_directives(parser, false, &made->directives));
  return graphql_parser_is(parser, "{") ? selection_set(parser, &made->selections) : NULL;
}

/* After the "...". */
static fallible fragment_selection(struct graphql_parser *parser, struct graphql_selection *made) {
  bool typed = graphql_parser_is_word(parser, "on");
  if (parser->token.kind == GRAPHQL_TOKEN_NAME && !typed) {
    made->kind = GRAPHQL_SELECT_SPREAD;
    TRY(graphql_parser_name(parser, "a fragment", &made->name));
    return graphql_parser_directives(parser, false, &made->directives);
  }
  made->kind = GRAPHQL_SELECT_INLINE;
  if (typed) {
    TRY(graphql_parser_advance(parser));
    TRY(graphql_parser_name(parser, "a type", &made->type_condition));
  }
  TRY(graphql_parser_directives(parser, false, &made->directives));
  return selection_set(parser, &made->selections);
}

static fallible selection(struct graphql_parser *parser, struct graphql_selection **ret_selection) {
  bool fragment;
  struct graphql_selection *made = GRAPHQL_NEW(parser->arena, struct graphql_selection);
  made->at = parser->token.at;
  TRY(graphql_parser_accept(parser, "...", &fragment));
  TRY(fragment ? fragment_selection(parser, made) : field(parser, made));
  *ret_selection = made;
  return NULL;
}

static fallible selection_set(struct graphql_parser *parser,
                              struct graphql_selection **ret_selections) {
  struct graphql_selection **tail = ret_selections;
  TRY(graphql_parser_enter(parser));
  TRY(graphql_parser_expect(parser, "{"));
  do {
    TRY(selection(parser, tail));
    tail = &(*tail)->next;
  } while (!graphql_parser_is(parser, "}"));
  graphql_parser_leave(parser);
  return graphql_parser_advance(parser);
}

static fallible variable(struct graphql_parser *parser, struct graphql_variable **ret_variable) {
  bool found;
  struct graphql_variable *made = GRAPHQL_NEW(parser->arena, struct graphql_variable);
  made->at = parser->token.at;
  TRY(graphql_parser_expect(parser, "$"));
  TRY(graphql_parser_name(parser, "a variable's name", &made->name));
  TRY(graphql_parser_expect(parser, ":"));
  TRY(graphql_parser_type(parser, &made->type));
  TRY(graphql_parser_accept(parser, "=", &found));
  if (found) TRY(graphql_parser_value(parser, true, &made->default_value));
  TRY(graphql_parser_directives(parser, true, &made->directives));
  *ret_variable = made;
  return NULL;
}

static fallible variables(struct graphql_parser *parser, struct graphql_variable **ret_variables) {
  bool found;
  TRY(graphql_parser_accept(parser, "(", &found));
  if (!found) return NULL;
  struct graphql_variable **tail = ret_variables;
  do {
    TRY(variable(parser, tail));
    tail = &(*tail)->next;
  } while (!graphql_parser_is(parser, ")"));
  return graphql_parser_advance(parser);
}

static bool operation_keyword(const struct graphql_parser *parser,
                              enum graphql_operation_kind *ret) {
  static const char *const words[] = {[GRAPHQL_QUERY] = "query",
                                      [GRAPHQL_MUTATION] = "mutation",
                                      [GRAPHQL_SUBSCRIPTION] = "subscription"};
  for (int kind = 0; kind < GRAPHQL_OPERATION_KINDS; kind++) {
    if (!graphql_parser_is_word(parser, words[kind])) continue;
    *ret = (enum graphql_operation_kind)kind;
    return true;
  }
  return false;
}

static fallible operation(struct graphql_parser *parser) {
  struct graphql_operation *made = GRAPHQL_NEW(parser->arena, struct graphql_operation);
  made->at = parser->token.at;
  if (operation_keyword(parser, &made->kind)) {
    TRY(graphql_parser_advance(parser));
    if (parser->token.kind == GRAPHQL_TOKEN_NAME)
      TRY(graphql_parser_name(parser, "a name", &made->name));
    TRY(variables(parser, &made->variables));
    TRY(graphql_parser_directives(parser, false, &made->directives));
  }
  TRY(selection_set(parser, &made->selections));
  struct graphql_operation **tail = &parser->document->operations;
  while (*tail)
    tail = &(*tail)->next;
  *tail = made;
  return NULL;
}

static fallible fragment(struct graphql_parser *parser) {
  struct graphql_fragment *made = GRAPHQL_NEW(parser->arena, struct graphql_fragment);
  made->at = parser->token.at;
  TRY(graphql_parser_advance(parser));
  if (graphql_parser_is_word(parser, "on"))
    return graphql_parser_unexpected(parser, "a fragment's name");
  TRY(graphql_parser_name(parser, "a fragment's name", &made->name));
  TRY(graphql_parser_expect_word(parser, "on"));
  TRY(graphql_parser_name(parser, "a type", &made->type_condition));
  TRY(graphql_parser_directives(parser, false, &made->directives));
  TRY(selection_set(parser, &made->selections));
  struct graphql_fragment **tail = &parser->document->fragments;
  while (*tail)
    tail = &(*tail)->next;
  *tail = made;
  return NULL;
}

static fallible definition(struct graphql_parser *parser) {
  enum graphql_operation_kind kind;
  if (graphql_parser_is_word(parser, "fragment")) return fragment(parser);
  if (graphql_parser_is(parser, "{") || operation_keyword(parser, &kind)) return operation(parser);
  return graphql_parser_unexpected(parser, "a query, mutation, subscription or fragment");
}

fallible graphql_parse(const char *text, size_t len, const struct graphql_limits *limits,
                       struct graphql_document **ret_document, struct graphql_location *ret_at) {
  return graphql_parser_run(text, len, limits, definition, ret_document, ret_at);
}
