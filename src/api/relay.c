/* Relay cursor connections (relay.dev/graphql/connections.htm): the cursor is the node's id. */
#include "api/internal.h"
#include "base/str.h"

static size_t index_of(const json_t *nodes, const char *id) {
  size_t len = json_array_size(nodes);
  for (size_t i = 0; i < len; i++)
    if (str_eq(json_get_text(json_array_get(nodes, i), "id"), id)) return i;
  return len;
}

static err *page_size(const json_t *args, const char *name, size_t otherwise, size_t *ret_size) {
  const json_t *value = json_object_get(args, name);
  *ret_size = otherwise;
  if (!json_is_integer(value)) return NULL;
  if (json_integer_value(value) < 0) return err_new(ERR_INVALID, "'%s' is negative", name);
  *ret_size = (size_t)json_integer_value(value);
  return NULL;
}

/* [*begin, *end) of the nodes, after the arguments. */
static err *cut(const json_t *nodes, const json_t *args, size_t *begin, size_t *end) {
  size_t len = json_array_size(nodes), first, last;
  const char *after = json_get_text(args, "after"), *before = json_get_text(args, "before");
  *begin = 0;
  *end = len;
  if (after && (*begin = index_of(nodes, after) + 1) > len)
    return err_new(ERR_INVALID, "'after' is no cursor of this list");
  if (before && (*end = index_of(nodes, before)) == len)
    return err_new(ERR_INVALID, "'before' is no cursor of this list");
  if (*end < *begin) *end = *begin;
  TRY(page_size(args, "first", RELAY_FIRST_MAX, &first));
  if (*end - *begin > first) *end = *begin + first;
  TRY(page_size(args, "last", RELAY_FIRST_MAX, &last));
  if (*end - *begin > last) *begin = *end - last;
  return NULL;
}

static json_t *cursor_at(const json_t *nodes, size_t i) {
  const char *id = json_get_text(json_array_get(nodes, i), "id");
  return id ? json_string(id) : json_null();
}

err *relay_connection(json_t *nodes, const json_t *args, bool has_more, json_t **ret_connection) {
  size_t begin, end;
  err *e = cut(nodes, args, &begin, &end);
  if (e) {
    json_decref(nodes);
    return e;
  }
  json_t *edges = json_array();
  for (size_t i = begin; i < end; i++) {
    json_t *row = json_object();
    json_object_set_new(row, "cursor", cursor_at(nodes, i));
    json_object_set(row, "node", json_array_get(nodes, i));
    json_array_append_new(edges, row);
  }
  bool empty = begin == end;
  json_t *info = json_object();
  json_object_set_new(info, "hasNextPage", json_boolean(has_more || end < json_array_size(nodes)));
  json_object_set_new(info, "hasPreviousPage", json_boolean(begin > 0));
  json_object_set_new(info, "startCursor", empty ? json_null() : cursor_at(nodes, begin));
  json_object_set_new(info, "endCursor", empty ? json_null() : cursor_at(nodes, end - 1));
  *ret_connection = json_object();
  json_object_set_new(*ret_connection, "edges", edges);
  json_object_set_new(*ret_connection, "pageInfo", info);
  json_decref(nodes); /* the edges hold their own references */
  return NULL;
}
