/* What `database` and `add -d` ask. */
#include "cli/queries.h"

const char query_database_key[] =
    "query DatabaseKey($environmentId: String!, $serviceId: String!, $key: String!) { databaseKey(environmentId: "
    "$environmentId, serviceId: $serviceId, key: $key) { key type ttlMs bytes length entries { name value } } }";
const char query_database_keys[] =
    "query DatabaseKeys($environmentId: String!, $serviceId: String!, $pattern: String, $cursor: String, $limit: Int) { "
    "databaseKeys(environmentId: $environmentId, serviceId: $serviceId, pattern: $pattern, cursor: $cursor, limit: $limit) { "
    "cursor keys { key type ttlMs bytes } } }";
const char query_database_rows[] =
    "query DatabaseRows($environmentId: String!, $serviceId: String!, $database: String, $schema: String, $table: String!, "
    "$orderBy: String, $descending: Boolean, $limit: Int, $offset: Int) { databaseRows(environmentId: $environmentId, "
    "serviceId: $serviceId, database: $database, schema: $schema, table: $table, orderBy: $orderBy, descending: $descending, "
    "limit: $limit, offset: $offset) { columns { name type nullable primaryKey } rows { values } hasMore } }";
const char query_database_stats[] =
    "query DatabaseStats($environmentId: String!, $serviceId: String!) { databaseStats(environmentId: $environmentId, "
    "serviceId: $serviceId) { kind version sizeBytes connections activeConnections maxConnections cacheHitRatio uptimeSeconds "
    "slowQueries { query calls meanMs totalMs rows } } }";
const char query_database_tables[] =
    "query DatabaseTables($environmentId: String!, $serviceId: String!, $database: String) { databaseTables(environmentId: "
    "$environmentId, serviceId: $serviceId, database: $database) { tables { schema name kind rows bytes } hasMore } }";
const char mutation_database_add[] =
    "mutation DatabaseAdd($input: DatabaseAddInput!) { databaseAdd(input: $input) { id name kind image urlReference "
    "workflowId } }";
const char mutation_database_link[] =
    "mutation DatabaseLink($input: DatabaseLinkInput!) { databaseLink(input: $input) }";
const char mutation_password_rotate[] =
    "mutation DatabasePasswordRotate($input: DatabasePasswordRotateInput!) { databasePasswordRotate(input: $input) { "
    "status } }";
const char mutation_password_rotation_end[] =
    "mutation DatabasePasswordRotationEnd($environmentId: String!, $serviceId: String!) { "
    "databasePasswordRotationEnd(environmentId: $environmentId, serviceId: $serviceId) }";
const char query_password_rotation[] =
    "query DatabasePasswordRotation($environmentId: String!, $serviceId: String!) { "
    "databasePasswordRotation(environmentId: $environmentId, serviceId: $serviceId) { status problem keepOldUntil "
    "waitsFor } }";
#define UPGRADE_FIELDS                                                                                                      \
  "{ status problem isRehearsal image formerImage report { fromVersion toVersion bytes tables rows copySeconds problems "     \
  "differences } }"
const char mutation_database_upgrade[] =
    "mutation DatabaseUpgrade($input: DatabaseUpgradeInput!) { databaseUpgrade(input: $input) " UPGRADE_FIELDS " }";
const char mutation_database_rehearse[] =
    "mutation DatabaseUpgradeRehearse($input: DatabaseUpgradeInput!) { databaseUpgradeRehearse(input: $input) " UPGRADE_FIELDS
    " }";
const char mutation_database_upgrade_cancel[] =
    "mutation DatabaseUpgradeCancel($environmentId: String!, $serviceId: String!) "
    "{ databaseUpgradeCancel(environmentId: $environmentId, serviceId: $serviceId) }";
const char mutation_database_upgrade_back[] =
    "mutation DatabaseUpgradeBack($environmentId: String!, $serviceId: String!) { "
    "databaseUpgradeBack(environmentId: $environmentId, serviceId: $serviceId) }";
const char query_database_upgrade[] =
    "query DatabaseUpgradeState($environmentId: String!, $serviceId: String!) { "
    "databaseUpgradeState(environmentId: $environmentId, serviceId: $serviceId) " UPGRADE_FIELDS " }";
