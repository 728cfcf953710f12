/* What is asked of a Postgres and of its copy, and what the answers say of each other.  Pure.
 *
 * The facts of a server: {"cluster": {version, bytes, roles: [name], databases: [name]},
 *                         "databases": {name: {tables: {"schema.table": rows}, sequences: {"schema.sequence": last},
 *                                              extensions: {name: version}}}}
 * The report: {fromVersion, toVersion, bytes, tables, rows, problems: [text], differences: [text]}: what is missing in the
 * copy is a problem; a difference is another number of rows in what is written to meanwhile, or another version of an
 * extension. */
#ifndef TRAMWAY_CORE_DATABASE_UPGRADE_REPORT_H
#define TRAMWAY_CORE_DATABASE_UPGRADE_REPORT_H

#include <jansson.h>
#include <stdbool.h>

extern const char upgrade_sql_cluster[], upgrade_sql_database[]; /* each a JSON object in a line */

/* `frozen`: nobody could write to the live one; another number of rows is then a problem.  The caller owns it. */
json_t *upgrade_report_make(const json_t *live, const json_t *copy, bool frozen);

#endif
