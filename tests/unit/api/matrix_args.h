/* Arguments and selections for any field of the schema, made from its types: an argument whose name says
 * what it is the id of gets the town's id of that; everything else a small value of its type. */
#ifndef TRAMWAY_TESTS_API_MATRIX_ARGS_H
#define TRAMWAY_TESTS_API_MATRIX_ARGS_H

#include <strings.h>

#include "matrix_world.h"

/* "sourceEnvironmentId" and "enabledServiceIds" end with "environmentId" and "serviceId". */
static inline bool ends_with_id(const char *name, const char *suffix) {
  size_t len = strlen(name) - str_ends(name, "Ids"), n = strlen(suffix);
  return len >= n && strncasecmp(name + len - n, suffix, n) == 0;
}

/* The town's id that an argument of this name should have; NULL when it is none. */
static inline const char *id_for(const char *name) {
  static const struct {
    const char *suffix, *subject;
  } rows[] = {{"environmentId", "ENVIRONMENT"}, {"serviceId", "SERVICE"},       {"projectId", "PROJECT"},
              {"workspaceId", "WORKSPACE"},     {"deploymentId", "DEPLOYMENT"}, {"serviceDomainId", "SERVICE_DOMAIN"},
              {"volumeId", "VOLUME"},           {"volumeInstanceId", "VOLUME_INSTANCE"},
              {"userId", "USER"},               {"bucketId", "BUCKET"}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++)
    if (ends_with_id(name, rows[i].suffix)) return json_get_text(ids, rows[i].subject);
  return NULL;
}

static inline json_t *value_for(const struct graphql_input *input, const struct graphql_type_ref *ref, int depth);

static inline json_t *object_for(const struct graphql_input *inputs, size_t count, int depth) {
  json_t *o = json_object();
  for (size_t i = 0; i < count; i++) {
    const struct graphql_input *input = &inputs[i];
    bool needed = input->type->non_null && !input->default_literal;
    bool is_object = graphql_named_type(input->type)->kind == GRAPHQL_INPUT_OBJECT;
    bool is_flag = str_eq(graphql_named_type(input->type)->name, "Boolean"); /* as much as can be had */
    if (needed || is_flag || id_for(input->name) || (is_object && depth < 3))
      json_object_set_new(o, input->name, value_for(input, input->type, depth));
  }
  return o;
}

static inline json_t *leaf_for(const struct graphql_input *input, const struct graphql_type *type) {
  const char *id = id_for(input->name);
  if (type->kind == GRAPHQL_ENUM) return json_string(type->fields[0].name);
  if (type->builtin == GRAPHQL_INT || type->builtin == GRAPHQL_FLOAT) return json_integer(1);
  if (type->builtin == GRAPHQL_BOOLEAN) return json_true();
  if (type->builtin == GRAPHQL_CUSTOM && str_eq(type->name, "DateTime")) return json_string("2020-01-01T00:00:00Z");
  if (type->builtin == GRAPHQL_CUSTOM) return json_object();
  return json_string(id ? id : "x");
}

static inline json_t *value_for(const struct graphql_input *input, const struct graphql_type_ref *ref, int depth) {
  if (ref->of) return json_pack("[o]", value_for(input, ref->of, depth));
  const struct graphql_type *type = ref->type;
  if (type->kind != GRAPHQL_INPUT_OBJECT) return leaf_for(input, type);
  return object_for(type->inputs, type->input_count, depth + 1);
}

static inline void set_at(json_t *args, const char *path, const char *value) {
  auto_strv parts = STRV_EMPTY;
  strv_split(&parts, path, '.');
  for (size_t i = 0; i + 1 < parts.len; i++) args = json_object_get(args, parts.items[i]);
  json_set_text(args, parts.items[parts.len - 1], value);
}

/* The arguments with which a root field asks about the town. */
static inline json_t *args_for(const struct graphql_field *field) {
  json_t *args = object_for(field->args, field->arg_count, 0);
  const char *of = json_get_text(field->access, "of"), *by = json_get_text(field->access, "by");
  if (of && by && !str_eq(of, "SCOPE")) {
    if (!json_get_text(ids, of)) TAP_FAIL("%s: the matrix has no %s: add one to matrix_world.h", field->name, of);
    set_at(args, by, json_get_text(ids, of));
  }
  return args;
}

static inline void add_type(struct str *text, const struct graphql_type_ref *ref) {
  if (ref->of) {
    str_add(text, "[");
    add_type(text, ref->of);
    str_add(text, "]");
  } else {
    str_add(text, ref->name);
  }
  if (ref->non_null) str_add(text, "!");
}

/* "query($id: String!) { project(id: $id) <selection> }"; the caller owns it. */
static inline char *query_for(const char *kind, const struct graphql_field *field, const json_t *args,
                              const char *selection) {
  auto_str declared = STR_EMPTY, given = STR_EMPTY;
  for (size_t i = 0; i < field->arg_count; i++) {
    if (!json_object_get(args, field->args[i].name)) continue;
    str_addf(&declared, "%s$%s: ", declared.len ? ", " : "(", field->args[i].name);
    add_type(&declared, field->args[i].type);
    str_addf(&given, "%s%s: $%s", given.len ? ", " : "(", field->args[i].name, field->args[i].name);
  }
  return str_format("%s%s%s { %s%s%s %s }", kind, str_text(&declared), declared.len ? ")" : "", field->name,
                    str_text(&given), given.len ? ")" : "", selection);
}

/* ---- selections ---- */

static inline bool has_required_args(const struct graphql_field *field) {
  for (size_t i = 0; i < field->arg_count; i++)
    if (field->args[i].type->non_null && !field->args[i].default_literal) return true;
  return false;
}

/* "f(values: true)" for whatever flags the field has. */
static inline void add_field(struct str *text, const struct graphql_field *field) {
  str_add(text, field->name);
  bool any = false;
  for (size_t i = 0; i < field->arg_count; i++)
    if (str_eq(graphql_named_type(field->args[i].type)->name, "Boolean")) {
      str_addf(text, "%s%s: true", any ? ", " : "(", field->args[i].name);
      any = true;
    }
  if (any) str_add(text, ")");
}

/* Appends selections of the type that together reach everything down to `depth`: the plain leaves in one,
 * each object and each field with an @access of its own in one of its own, so that a refusal hides
 * nothing.  A connection's edges and nodes do not count as depth. */
static inline void selections_for(const struct graphql_type *type, int depth, struct strv *ret_selections) {
  auto_str leaves = STR_EMPTY;
  if (type->kind == GRAPHQL_INTERFACE || type->kind == GRAPHQL_UNION) {
    strv_add(ret_selections, "{ __typename }");
    return;
  }
  for (size_t i = 0; i < type->field_count; i++) {
    const struct graphql_field *f = &type->fields[i];
    const struct graphql_type *below = graphql_named_type(f->type);
    if (has_required_args(f)) continue;
    auto_str head = STR_EMPTY;
    add_field(&head, f);
    if (graphql_type_is_leaf(below)) {
      if (f->own_access)
        strv_addf(ret_selections, "{ %s }", str_text(&head));
      else
        str_addf(&leaves, "%s ", str_text(&head));
      continue;
    }
    bool relay = str_eq(f->name, "edges") || str_eq(f->name, "node");
    if (depth == 0 && !relay) continue;
    auto_strv inner = STRV_EMPTY;
    selections_for(below, relay ? depth : depth - 1, &inner);
    for (size_t n = 0; n < inner.len; n++) strv_addf(ret_selections, "{ %s %s }", str_text(&head), inner.items[n]);
  }
  if (leaves.len) strv_addf(ret_selections, "{ %s}", str_text(&leaves));
  if (!ret_selections->len) strv_add(ret_selections, "{ __typename }");
}

#endif
