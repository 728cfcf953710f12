/* Lists that come in pages: the server gives at most 500 nodes at a time, the verbs show all. */
#ifndef TRAMWAY_CLI_PAGES_H
#define TRAMWAY_CLI_PAGES_H

#include "base/err.h"
#include "cli/cli.h"

#define PAGE_MAX 500 /* the API's */

/* cli_query, and the further pages of the connection at `path` ("environment.serviceInstances") in its
 * answer: asks again with the variable `after` while pageInfo says that there is more, and appends.  The
 * query must have $after and select pageInfo { hasNextPage endCursor }.  `variables` is taken.
 * ERR_CORRUPT: the server says that there is more, but not where. */
fallible pages_query(struct cli *cli, const char *query, json_t *variables, const char *path, json_t **ret_data);

/* The first `limit` nodes of the connection at `path`, as an array.  The query must have $first and $after,
 * and select pageInfo as above.  `variables` is taken. */
fallible pages_first(struct cli *cli, const char *query, json_t *variables, const char *path, long long limit,
                     json_t **ret_nodes);

/* The further pages of a connection that came within another answer, as the connection at `path` in
 * answers to `query`. */
fallible pages_complete(struct cli *cli, const char *query, const json_t *variables, const char *path,
                        json_t *connection);

/* The place of the next page: whether there is one.  ERR_CORRUPT as above; `before` is where this page began. */
fallible pages_next(const json_t *connection, const char *before, const char **ret_after);

/* The value at a path of names with dots between them, borrowed, or NULL. */
json_t *pages_at(const json_t *data, const char *path);

#endif
