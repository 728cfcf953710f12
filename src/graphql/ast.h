/* The syntax tree of a GraphQL document (October 2021), as graphql/parse.h makes it: plain structs
 * in lists linked by `next`, all in the document's arena.  Validation fills in what names refer to;
 * else nothing changes after parsing. */
#ifndef TRAMWAY_GRAPHQL_AST_H
#define TRAMWAY_GRAPHQL_AST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "graphql/arena.h"

struct graphql_type; /* graphql/schema.h */

/* Where in the text; both count from 1, columns in bytes. */
struct graphql_location {
  uint32_t line;
  uint32_t column;
};

enum graphql_value_kind {
  GRAPHQL_VALUE_VARIABLE,
  GRAPHQL_VALUE_INT,
  GRAPHQL_VALUE_FLOAT,
  GRAPHQL_VALUE_STRING,
  GRAPHQL_VALUE_BOOLEAN,
  GRAPHQL_VALUE_NULL,
  GRAPHQL_VALUE_ENUM,
  GRAPHQL_VALUE_LIST,
  GRAPHQL_VALUE_OBJECT,
};

struct graphql_value {
  enum graphql_value_kind kind;
  struct graphql_location at;
  const char
      *text; /* VARIABLE and ENUM: the name; INT and FLOAT: as written; STRING: its meaning */
  bool boolean;
  struct graphql_value *items;     /* LIST */
  struct graphql_argument *fields; /* OBJECT */
  struct graphql_value *next;      /* in a list */
};

struct graphql_argument { /* also a field of an object value */
  const char *name;
  struct graphql_location at;
  struct graphql_value *value;
  struct graphql_argument *next;
};

struct graphql_directive {
  const char *name;
  struct graphql_location at;
  struct graphql_argument *arguments;
  struct graphql_directive *next;
};

struct graphql_type_ref {
  struct graphql_type_ref *of;     /* a list of these, or NULL for a named type */
  const char *name;                /* NULL for a list */
  const struct graphql_type *type; /* the named type; found by the schema or by validation */
  bool non_null;
  struct graphql_location at;
};

struct graphql_variable {
  const char *name;
  struct graphql_location at;
  struct graphql_type_ref *type;
  struct graphql_value *default_value; /* or NULL */
  struct graphql_directive *directives;
  struct graphql_variable *next;
};

enum graphql_selection_kind {
  GRAPHQL_SELECT_FIELD,
  GRAPHQL_SELECT_SPREAD, /* ...name */
  GRAPHQL_SELECT_INLINE, /* ... on Type { } */
};

struct graphql_selection {
  enum graphql_selection_kind kind;
  struct graphql_location at;
  const char *key;            /* FIELD: its key in the response, the alias or else the name */
  const char *name;           /* FIELD: the field; SPREAD: the fragment */
  const char *type_condition; /* INLINE: the type, or NULL */
  const struct graphql_fragment *fragment; /* SPREAD: found by validation */
  struct graphql_argument *arguments;
  struct graphql_directive *directives;
  struct graphql_selection *selections; /* inside */
  struct graphql_selection *next;
};

enum graphql_operation_kind { GRAPHQL_QUERY, GRAPHQL_MUTATION, GRAPHQL_SUBSCRIPTION };
#define GRAPHQL_OPERATION_KINDS 3

struct graphql_operation {
  enum graphql_operation_kind kind;
  const char *name; /* or NULL */
  struct graphql_location at;
  struct graphql_variable *variables;
  struct graphql_directive *directives;
  struct graphql_selection *selections;
  struct graphql_operation *next;
};

struct graphql_fragment {
  const char *name;
  const char *type_condition;
  struct graphql_location at;
  struct graphql_directive *directives;
  struct graphql_selection *selections;
  struct graphql_fragment *next;
};

struct graphql_name { /* an interface implemented, a member of a union, a directive's location */
  const char *text;
  struct graphql_location at;
  struct graphql_name *next;
};

struct graphql_input_definition { /* an argument, or a field of an input object */
  const char *name;
  const char *description; /* or NULL, as everywhere */
  struct graphql_location at;
  struct graphql_type_ref *type;
  struct graphql_value *default_value;
  struct graphql_directive *directives;
  struct graphql_input_definition *next;
};

struct graphql_field_definition { /* also a value of an enum, which has neither arguments nor type
                                   */
  const char *name;
  const char *description;
  struct graphql_location at;
  struct graphql_input_definition *arguments;
  struct graphql_type_ref *type;
  struct graphql_directive *directives;
  struct graphql_field_definition *next;
};

enum graphql_definition_kind {
  GRAPHQL_DEFINE_SCHEMA,
  GRAPHQL_DEFINE_SCALAR,
  GRAPHQL_DEFINE_OBJECT,
  GRAPHQL_DEFINE_INTERFACE,
  GRAPHQL_DEFINE_UNION,
  GRAPHQL_DEFINE_ENUM,
  GRAPHQL_DEFINE_INPUT,
  GRAPHQL_DEFINE_DIRECTIVE,
};

struct graphql_definition {
  enum graphql_definition_kind kind;
  const char *name; /* NULL for SCHEMA */
  const char *description;
  struct graphql_location at;
  struct graphql_directive *directives;
  struct graphql_name *names;                 /* interfaces, union members or directive locations */
  struct graphql_field_definition *fields;    /* fields or enum values */
  struct graphql_input_definition *inputs;    /* input fields or a directive's arguments */
  const char *roots[GRAPHQL_OPERATION_KINDS]; /* SCHEMA: the root types' names, or NULL */
  bool repeatable;                            /* DIRECTIVE */
  struct graphql_definition *next;
};

struct graphql_document {
  graphql_arena *arena;
  struct graphql_operation *operations;
  struct graphql_fragment *fragments;
  struct graphql_definition *definitions;
};

#endif
