#include "graphql/parse.h"

#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

typedef err *parse_fn(const char *, size_t, const struct graphql_limits *,
                      struct graphql_document **, struct graphql_location *);

static struct graphql_document *parse(parse_fn *fn, const char *text) {
  struct graphql_document *document = NULL;
  struct graphql_location at;
  CHECK_OK(fn(text, strlen(text), &GRAPHQL_LIMITS_DEFAULT, &document, &at));
  return document;
}

/* ---- Writing a tree down again ---- */

static void put_value(struct str *out, const struct graphql_value *value);

static void put_arguments(struct str *out, const struct graphql_argument *arguments) {
  for (const struct graphql_argument *a = arguments; a; a = a->next) {
    str_addf(out, "%s:", a->name);
    put_value(out, a->value);
    if (a->next) str_add(out, " ");
  }
}

static void put_value(struct str *out, const struct graphql_value *value) {
  if (value->kind == GRAPHQL_VALUE_LIST) {
    str_add(out, "[");
    for (const struct graphql_value *item = value->items; item; item = item->next) {
      put_value(out, item);
      if (item->next) str_add(out, " ");
    }
    str_add(out, "]");
  } else if (value->kind == GRAPHQL_VALUE_OBJECT) {
    str_add(out, "{");
    put_arguments(out, value->fields);
    str_add(out, "}");
  } else {
    static const char *const marks[] = {
        [GRAPHQL_VALUE_VARIABLE] = "$", [GRAPHQL_VALUE_INT] = "i",     [GRAPHQL_VALUE_FLOAT] = "f",
        [GRAPHQL_VALUE_STRING] = "s",   [GRAPHQL_VALUE_BOOLEAN] = "b", [GRAPHQL_VALUE_NULL] = "n",
        [GRAPHQL_VALUE_ENUM] = "e"};
    str_addf(out, "%s%s", marks[value->kind], value->text);
  }
}

static void put_directives(struct str *out, const struct graphql_directive *directives) {
  for (const struct graphql_directive *d = directives; d; d = d->next) {
    str_addf(out, "@%s(", d->name);
    put_arguments(out, d->arguments);
    str_add(out, ")");
  }
}

static void put_selections(struct str *out, const struct graphql_selection *selections) {
  if (!selections) return;
  str_add(out, "{");
  for (const struct graphql_selection *s = selections; s; s = s->next) {
    if (s->kind == GRAPHQL_SELECT_SPREAD) str_addf(out, "...%s", s->name);
    if (s->kind == GRAPHQL_SELECT_INLINE)
      str_addf(out, "...on %s", s->type_condition ? s->type_condition : "-");
    if (s->kind == GRAPHQL_SELECT_FIELD) str_addf(out, "%s=%s", s->key, s->name);
    if (s->arguments) {
      str_add(out, "(");
      put_arguments(out, s->arguments);
      str_add(out, ")");
    }
    put_directives(out, s->directives);
    put_selections(out, s->selections);
    if (s->next) str_add(out, " ");
  }
  str_add(out, "}");
}

static void put_type(struct str *out, const struct graphql_type_ref *type) {
  if (type->of) {
    str_add(out, "[");
    put_type(out, type->of);
    str_add(out, "]");
  } else {
    str_add(out, type->name);
  }
  if (type->non_null) str_add(out, "!");
}

static char *written(const struct graphql_document *document) {
  auto_str out = STR_EMPTY;
  for (const struct graphql_operation *o = document->operations; o; o = o->next) {
    str_addf(&out, "%d %s(", (int)o->kind, o->name ? o->name : "-");
    for (const struct graphql_variable *v = o->variables; v; v = v->next) {
      str_addf(&out, "$%s:", v->name);
      put_type(&out, v->type);
      if (v->default_value) {
        str_add(&out, "=");
        put_value(&out, v->default_value);
      }
      put_directives(&out, v->directives);
      if (v->next) str_add(&out, " ");
    }
    str_add(&out, ")");
    put_directives(&out, o->directives);
    put_selections(&out, o->selections);
  }
  for (const struct graphql_fragment *f = document->fragments; f; f = f->next) {
    str_addf(&out, " %s on %s", f->name, f->type_condition);
    put_directives(&out, f->directives);
    put_selections(&out, f->selections);
  }
  return str_take(&out);
}

TEST(executable_documents) {
  static const struct {
    const char *text, *tree;
  } rows[] = {
      {"{a}", "0 -(){a=a}"},
      {"query{a}", "0 -(){a=a}"},
      {"mutation M{a}", "1 M(){a=a}"},
      {"subscription query{on}", "2 query(){on=on}"},
      {"{x:a b{c}}", "0 -(){x=a b=b{c=c}}"},
      {"{a(i:1 f:1.5 s:\"t\" b:true n:null e:RED v:$x l:[1 [2]] o:{p:{} q:[]})}",
       "0 -(){a=a(i:i1 f:f1.5 s:st b:btrue n:nnull e:eRED v:$x l:[i1 [i2]] o:{p:{} q:[]})}"},
      {"query($a:Int=1,$b:[String!]!@d,$c:[[Int]]){a}",
       "0 -($a:Int=i1 $b:[String!]!@d() $c:[[Int]]){a=a}"},
      {"query @a @b(c:1){d @e{f}}", "0 -()@a()@b(c:i1){d=d@e(){f=f}}"},
      {"{...F ...on T{a} ...@skip(if:true){b} ...{c}}",
       "0 -(){...F ...on T{a=a} ...on -@skip(if:btrue){b=b} ...on -{c=c}}"},
      {"{...F} fragment F on T @d{a} query Q{b}", "0 -(){...F}0 Q(){b=b} F on T@d(){a=a}"},
      {"{type query:fragment on:null}", "0 -(){type=type query=fragment on=null}"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_graphql_document *document = parse(graphql_parse, rows[i].text);
    auto_free char *tree = written(document);
    CHECK_TEXT(tree, rows[i].tree);
  }
}

TEST(executable_faults) {
  static const struct {
    const char *text, *message;
    unsigned line, column;
  } rows[] = {
      {"", "line 1, column 1: expected a definition, found the end", 1, 1},
      {"# nothing\n", "line 2, column 1: expected a definition, found the end", 2, 1},
      {"{\n  a(\n}", "line 3, column 1: expected a name, found '}'", 3, 1},
      {"{}", "expected a field, found '}'", 1, 2},
      {"{a", "expected a field, found the end", 1, 3},
      {"{a()}", "expected a name, found ')'", 1, 4},
      {"{a(b:)}", "expected a value, found ')'", 1, 6},
      {"{a(b 1)}", "expected ':', found '1'", 1, 6},
      {"{a:}", "expected a field, found '}'", 1, 4},
      {"query(){a}", "expected '$', found ')'", 1, 7},
      {"query($a){a}", "expected ':', found ')'", 1, 9},
      {"query($a:Int=$b){a}", "expected a value without variables, found '$'", 1, 14},
      {"query($a:[Int){a}", "expected ']', found ')'", 1, 14},
      {"query", "expected '{', found the end", 1, 6},
      {"fragment on on T{a}", "expected a fragment's name, found 'on'", 1, 10},
      {"fragment F T{a}", "expected 'on', found 'T'", 1, 12},
      {"{...}", "expected '{', found '}'", 1, 5},
      {"{a @}", "expected a directive's name, found '}'", 1, 5},
      {"type T{a:Int}", "expected a query, mutation, subscription or fragment, found 'type'", 1, 1},
      {"{a} \"x\"", "expected a query, mutation, subscription or fragment, found a string", 1, 5},
      {"{a} }", "expected a query, mutation, subscription or fragment, found '}'", 1, 5},
      {"{a(b:[1)}", "expected a value, found ')'", 1, 8},
      {"{a(b:\"\\q\")}", "line 1, column 7: no such escape", 1, 7},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct graphql_document *document;
    struct graphql_location at;
    CHECK_ERR(
        graphql_parse(rows[i].text, strlen(rows[i].text), &GRAPHQL_LIMITS_DEFAULT, &document, &at),
        ERR_INVALID, rows[i].message);
    CHECK_INT(at.line, rows[i].line);
    CHECK_INT(at.column, rows[i].column);
  }
}

TEST(nesting_is_limited) {
  static const char *const deep[] = {"{a{a{a{a}}}}", "{a(b:[[[[1]]]])}", "{a(b:{c:{c:{c:{}}}})}",
                                     "query($a:[[[[Int]]]]){a}"};
  static const char *const fits[] = {"{a{a{a}}}", "{a(b:[[1]])}", "{a(b:{c:{}})}",
                                     "query($a:[[[Int]]]){a}"};
  struct graphql_limits limits = GRAPHQL_LIMITS_DEFAULT;
  limits.max_nesting = 3;
  for (size_t i = 0; i < ARRAY_LEN(deep); i++) {
    struct graphql_document *document;
    struct graphql_location at;
    CHECK_ERR(graphql_parse(deep[i], strlen(deep[i]), &limits, &document, &at), ERR_LIMIT,
              "nested deeper than 3 levels");
    CHECK_OK(graphql_parse(fits[i], strlen(fits[i]), &limits, &document, &at));
    graphql_document_free(document);
  }
}

/* ---- SDL ---- */

TEST(type_system_documents) {
  static const char text[] = "\"the schema\" schema @a { query: Q mutation: M subscription: S }\n"
                             "\"\"\"\n  d\n\"\"\" type T implements & A & B @k(x: 1) {\n"
                             "  \"f\" f(\"x\" x: [Int!] = [1 2] @y, z: In): T! @deprecated }\n"
                             "interface A implements B { f: Int }\n"
                             "union U @u = | T | V\n"
                             "enum E { A @deprecated B }\n"
                             "input In @i { a: Int = 1, \"b\" b: String }\n"
                             "scalar Date @specifiedBy(url: \"u\")\n"
                             "directive @k(x: Int) repeatable on | OBJECT | FIELD\n"
                             "type Empty\n";
  auto_graphql_document *document = parse(graphql_parse_sdl, text);
  auto_str kinds = STR_EMPTY;
  for (const struct graphql_definition *d = document->definitions; d; d = d->next)
    str_addf(&kinds, "%d%s ", (int)d->kind, d->name ? d->name : "-");
  CHECK_TEXT(str_text(&kinds), "0- 2T 3A 4U 5E 6In 1Date 7k 2Empty ");
  const struct graphql_definition *schema = document->definitions, *type = schema->next;
  CHECK_TEXT(schema->description, "the schema");
  CHECK_TEXT(schema->roots[GRAPHQL_SUBSCRIPTION], "S");
  CHECK_TEXT(type->description, "d");
  CHECK_TEXT(type->names->next->text, "B");
  CHECK_TEXT(type->fields->description, "f");
  CHECK_TEXT(type->fields->arguments->description, "x");
  CHECK_INT(type->fields->arguments->default_value->kind, GRAPHQL_VALUE_LIST);
  CHECK_TEXT(type->fields->directives->name, "deprecated");
  CHECK_INT(type->at.line, 4);
}

TEST(type_system_faults) {
  static const struct {
    const char *text, *message;
  } rows[] = {
      {"{a}", "expected a type system definition, found '{'"},
      {"query{a}", "expected a type system definition, found 'query'"},
      {"extend type T{a:Int}", "expected a type system definition, found 'extend'"},
      {"type T{}", "expected a field, found '}'"},
      {"type T{a}", "expected ':', found '}'"},
      {"type T{a():Int}", "expected a name, found ')'"},
      {"type T implements{a:Int}", "expected a name, found '{'"},
      {"enum E{true}", "expected an enum value, found 'true'"},
      {"enum E{null}", "expected an enum value, found 'null'"},
      {"union U = ", "expected a name, found the end"},
      {"input I{a:Int=$x}", "expected a value without variables"},
      {"schema{query:Q query:R}", "expected query, mutation or subscription, once each"},
      {"directive d on FIELD", "expected '@', found 'd'"},
      {"directive @d FIELD", "expected 'on', found 'FIELD'"},
      {"\"only a description\"", "expected a type system definition, found the end"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct graphql_document *document;
    struct graphql_location at;
    CHECK_ERR(graphql_parse_sdl(rows[i].text, strlen(rows[i].text), &GRAPHQL_LIMITS_DEFAULT,
                                &document, &at),
              ERR_INVALID, rows[i].message);
  }
}

TEST_MAIN
