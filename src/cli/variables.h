/* A service's variables, or those that an environment shares: what the verbs have in common. */
#ifndef TRAMWAY_CLI_VARIABLES_H
#define TRAMWAY_CLI_VARIABLES_H

#include "base/err.h"
#include "cli/scope.h"

#define VARIABLES_INPUT_MAX (1 << 20) /* a file's bytes: more than the API takes */

/* clang-format off */
#define FLAG_SHARED       { "shared",       NULL, "those that the environment shares, not a service's" }
#define FLAG_SEALED       { "sealed",       NULL, "nobody can read them any more: only builds and deployments get them" }
#define FLAG_SKIP_DEPLOYS { "skip-deploys", NULL, "do not deploy again" }
/* clang-format on */

/* The service, or with --shared only the environment: then service_id is NULL. */
fallible variables_scope(struct cli *cli, const struct args *args, struct scope *ret_scope);

/* Everything that a deployment of the service finds in its environment: an object of texts. */
fallible variables_fetch(struct cli *cli, const struct scope *scope, json_t **ret_variables);

/* Those that were set, of the service or shared, with references resolved or as they are written. */
fallible variables_fetch_own(struct cli *cli, const struct scope *scope, bool rendered, json_t **ret_variables);

void variables_names(const json_t *variables, struct strv *names); /* in order */

/* "NAME=value" into the object.  The error never holds the value. */
fallible variables_read_pair(const char *pair, json_t *variables);

/* All of standard input; ERR_LIMIT above VARIABLES_INPUT_MAX. */
fallible variables_read_stdin(struct str *text);

/* `format`: "env", "json" or NULL for what it looks like; `what` names it in errors. */
fallible variables_parse_file(const char *text, size_t len, const char *what, const char *format,
                              json_t **ret_variables);

/* Sets them as the flags say, and tells it. */
fallible variables_upsert(struct cli *cli, const struct args *args, const json_t *variables);

/* Whether a program that is started here must not get it: it would change which code runs (reference 2.6,
 * secrets hygiene). */
bool variables_is_unsafe(const char *name);

#endif
