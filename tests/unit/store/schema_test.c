/* The tables against the model: each has the columns of its struct, each enum column allows exactly
 * the enum's words, and each foreign key has an index, without which deleting reads whole tables.
 */
#include "house.h"
#include "model/account.h"
#include "model/artifact.h"
#include "model/audit.h"
#include "model/backup.h"
#include "model/domain.h"
#include "model/tcp_proxy.h"
#include "model/environment_patch.h"
#include "model/event.h"
#include "model/release.h"
#include "model/receipt.h"
#include "model/credential.h"
#include "model/ssh_key.h"
#include "model/variable.h"
#include "model/volume.h"
#include "model/webhook.h"

static const struct {
  const char *table;
  const struct shape *shape;
} tables[] = {
    {"workspaces", &workspace_shape},
    {"users", &user_shape},
    {"workspace_members", &workspace_member_shape},
    {"invitations", &invitation_shape},
    {"api_tokens", &api_token_shape},
    {"audit_logs", &audit_log_shape},
    {"project_tokens", &project_token_shape},
    {"projects", &project_shape},
    {"environments", &environment_shape},
    {"services", &service_shape},
    {"service_instances", &service_instance_shape},
    {"variables", &variable_shape},
    {"ssh_public_keys", &ssh_key_shape},
    {"credentials", &credential_shape},
    {"domains", &domain_shape},
    {"tcp_proxies", &tcp_proxy_shape},
    {"domain_routes", &domain_route_shape},
    {"snapshots", &snapshot_shape},
    {"images", &image_shape},
    {"events", &event_shape},
    {"deployments", &deployment_shape},
    {"deployment_steps", &deployment_step_shape},
    {"deployment_instances", &deployment_instance_shape},
    {"releases", &release_shape},
    {"receipts", &receipt_shape},
    {"environment_patches", &environment_patch_shape},
    {"volumes", &volume_shape},
    {"volume_instances", &volume_instance_shape},
    {"backups", &backup_shape},
    {"backup_schedules", &backup_schedule_shape},
    {"backup_repositories", &backup_repository_shape},
    {"backup_wals", &backup_wal_shape},
    {"backup_restores", &backup_restore_shape},
    {"webhooks", &webhook_shape},
    {"webhook_deliveries", &webhook_delivery_shape},
    {"commit_checks", &commit_check_shape},
};

static bool has_field(const struct shape *shape, const char *name) {
  for (size_t i = 0; i < shape->count; i++)
    if (str_eq(shape->fields[i].name, name)) return true;
  return false;
}

TEST(columns_are_the_members) {
  auto_house h;
  house_empty(&h);
  for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
    size_t columns = 0;
    auto_db_stmt *s = NULL;
    must(db_query(h.d, "SELECT name FROM pragma_table_info(?1)", DB_BIND(db_text(tables[i].table)),
                  &s));
    for (bool row = true;;) {
      must(db_step(s, &row));
      if (!row) break;
      const char *name = db_column_text(s, 0);
      if (str_eq(name, "seq") || str_eq(name, "format")) continue; /* the store's own */
      if (!has_field(tables[i].shape, name)) TAP_FAIL("%s.%s is no member", tables[i].table, name);
      columns++;
    }
    if (columns != tables[i].shape->count) TAP_FAIL("%s lacks a column", tables[i].table);
  }
}

/* The quoted words after "<column> IN" in the table's SQL. */
static void allowed_words(db *d, const char *table, const char *column, struct strv *ret_words) {
  auto_db_stmt *s = NULL;
  bool row;
  must(db_query(d, "SELECT sql FROM sqlite_schema WHERE name = ?1", DB_BIND(db_text(table)), &s));
  must(db_step(s, &row));
  auto_free char *start = str_format("(%s IN", column);
  const char *p = strstr(db_column_text(s, 0), start);
  for (const char *end = p ? strchr(p + 1, ')') : NULL; p && (p = strchr(p, '\'')) && p < end;) {
    const char *close = strchr(p + 1, '\'');
    auto_free char *word = str_ndup(p + 1, (size_t)(close - p - 1));
    strv_add(ret_words, word);
    p = close + 1;
  }
}

TEST(checks_are_the_words_of_the_enums) {
  auto_house h;
  house_empty(&h);
  int enums = 0;
  for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
    for (size_t j = 0; j < tables[i].shape->count; j++) {
      const struct field *f = &tables[i].shape->fields[j];
      if (f->kind != FIELD_ENUM) continue;
      auto_strv words = STRV_EMPTY;
      allowed_words(h.d, tables[i].table, f->name, &words);
      for (size_t k = 0; k < f->names->count; k++)
        if (!strv_has(&words, f->names->words[k]))
          TAP_FAIL("%s.%s refuses %s", tables[i].table, f->name, f->names->words[k]);
      CHECK_INT(words.len, f->names->count);
      enums++;
    }
  }
  CHECK(enums >= 8);
}

TEST(every_foreign_key_has_an_index) {
  auto_house h;
  house_empty(&h);
  auto_db_stmt *s = NULL;
  must(db_query(h.d,
                "SELECT t.name, f.\"from\" FROM sqlite_schema AS t,"
                " pragma_foreign_key_list(t.name) AS f WHERE t.type = 'table'"
                " AND NOT EXISTS (SELECT 1 FROM pragma_index_list(t.name) AS i,"
                "  pragma_index_info(i.name) AS c WHERE c.seqno = 0 AND c.name = f.\"from\")",
                DB_NONE, &s));
  bool row;
  must(db_step(s, &row));
  if (row) TAP_FAIL("%s.%s has none", db_column_text(s, 0), db_column_text(s, 1));
}

TEST(every_table_is_strict) {
  auto_house h;
  house_empty(&h);
  int64_t loose;
  must(db_query_int(h.d,
                    "SELECT count(*) FROM pragma_table_list AS l WHERE l.type = 'table'"
                    " AND l.strict = 0 AND l.name NOT LIKE 'sqlite_%'",
                    DB_NONE, -1, &loose));
  CHECK_INT(loose, 0);
}

/* The partial indexes and queries spell these sets out. */
TEST(final_and_active_statuses_are_those_of_the_indexes) {
  auto_house h;
  house_open(&h);
  for (unsigned i = 0; i < DEPLOYMENT_STATUS_COUNT; i++) {
    char id[ID_SIZE];
    enum deployment_status status = (enum deployment_status)i;
    house_deploy(&h, status, id);
    auto_deployment_list unfinished = {0}, active = {0};
    must(deployment_list_unfinished(h.d, &unfinished));
    must(deployment_list_active(h.d, &active));
    CHECK_INT(unfinished.len, deployment_status_is_final(status) ? 0 : 1);
    CHECK_INT(active.len, deployment_status_is_active(status) ? 1 : 0);
    must(deployment_delete(h.d, id));
  }
}

TEST_MAIN
