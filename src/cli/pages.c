#include "cli/pages.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

json_t *pages_at(const json_t *data, const char *path) {
  auto_strv names = STRV_EMPTY;
  strv_split(&names, path, '.');
  for (size_t i = 0; i < names.len; i++) data = json_object_get(data, names.items[i]);
  return (json_t *)data;
}

err *pages_next(const json_t *connection, const char *before, const char **ret_after) {
  const json_t *info = json_object_get(connection, "pageInfo");
  *ret_after = NULL;
  if (!json_get_bool(info, "hasNextPage", false)) return NULL;
  const char *after = json_get_text(info, "endCursor");
  if (str_empty(after) || str_eq(after, before))
    return err_new(ERR_CORRUPT, "the server's list goes on, but does not say where");
  *ret_after = after;
  return NULL;
}

err *pages_complete(struct cli *cli, const char *query, const json_t *variables, const char *path,
                    json_t *connection) {
  auto_free char *before = NULL;
  const char *after;
  for (;;) {
    auto_json *data = NULL;
    TRY(pages_next(connection, before, &after));
    if (!after) return NULL;
    str_replace_owned(&before, after);
    json_t *asked = json_copy((json_t *)variables);
    json_set_text(asked, "after", before);
    TRY(cli_query(cli, query, asked, &data));
    const json_t *page = pages_at(data, path);
    json_array_extend(json_object_get(connection, "edges"), json_object_get(page, "edges"));
    json_object_set(connection, "pageInfo", json_object_get(page, "pageInfo"));
  }
}

err *pages_first(struct cli *cli, const char *query, json_t *variables, const char *path, long long limit,
                 json_t **ret_nodes) {
  auto_json *asked = variables, *nodes = json_array();
  auto_free char *after = NULL;
  do {
    auto_json *data = NULL;
    const char *next;
    size_t i;
    const json_t *edge;
    long long left = limit - (long long)json_array_size(nodes);
    json_object_set_new(asked, "first", json_integer(left < PAGE_MAX ? left : PAGE_MAX));
    if (after) json_set_text(asked, "after", after);
    TRY(cli_query(cli, query, json_copy(asked), &data));
    const json_t *connection = pages_at(data, path);
    json_array_foreach(json_object_get(connection, "edges"), i, edge)
      json_array_append(nodes, json_object_get(edge, "node"));
    TRY(pages_next(connection, after, &next));
    str_replace_owned(&after, next);
  } while (after && (long long)json_array_size(nodes) < limit);
  *ret_nodes = json_incref(nodes);
  return NULL;
}

err *pages_query(struct cli *cli, const char *query, json_t *variables, const char *path, json_t **ret_data) {
  auto_json *asked = variables ? variables : json_object(), *data = NULL;
  TRY(cli_query(cli, query, json_copy(asked), &data));
  json_t *connection = pages_at(data, path);
  if (connection) TRY(pages_complete(cli, query, asked, path, connection));
  *ret_data = json_incref(data);
  return NULL;
}
