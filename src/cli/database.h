/* Databases and templates: shared by `add`, `up` and `database`. */
#ifndef TRAMWAY_CLI_DATABASE_H
#define TRAMWAY_CLI_DATABASE_H

#include "cli/cli.h"
#include "cli/scope.h"

/* Adds each --database, with --name, --image, --link and --variable. */
fallible database_add(struct cli *cli, const struct args *args);

/* Deploys each --template, with its --variable. */
fallible template_deploy(struct cli *cli, const struct args *args);

/* The database that --database names, else the only one of the environment; borrowed from the scope. */
struct database_meant {
  const char *id, *name;
};
fallible database_find(struct cli *cli, const struct args *args, struct scope *scope, struct database_meant *ret_meant);

#define FLAG_DATABASE {"database|d", "DATABASE", "the database's service (default: the only one)"}

/* The verbs that look into one (cmd_database_view.c). */
extern const struct command database_tables, database_rows, database_keys, database_key, database_stats;
extern const struct command database_rotate_password; /* cmd_database_password.c */
extern const struct command database_upgrade;         /* cmd_database_upgrade.c */

#endif
