#include "store/sealed.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/sealed_internal.h"

// clang-format off
const struct sealed_column
    sealed_variable = {"variables", "value", "format", {"environment_id", "service_id", "name"}},
    sealed_deployment_variables = {"deployment_variables", "value", "format", {"deployment_id"}},
    sealed_environment_patch = {"environment_patches", "patch", "format", {"id"}},
    sealed_webhook = {"webhooks", "secret", "format", {"id"}},
    sealed_two_factor = {"two_factors", "secret", NULL, {"user_id"}},
    sealed_setting = {"sealed_settings", "value", NULL, {"key"}},
    sealed_credential = {"credentials", "secret", NULL, {"id"}},
    sealed_bucket_instance = {"bucket_instances", "secret_access_key", NULL, {"id"}};
// clang-format on
const struct sealed_column *const sealed_columns[] = {&sealed_variable, &sealed_deployment_variables,
                                                      &sealed_environment_patch, &sealed_webhook, &sealed_two_factor,
                                                      &sealed_setting, &sealed_credential, &sealed_bucket_instance, NULL};

const struct sealed_column *sealed_column_of(const char *table) {
  for (size_t i = 0; sealed_columns[i]; i++)
    if (str_eq(sealed_columns[i]->table, table)) return sealed_columns[i];
  return NULL;
}

/* "variables.value:<environment>:<service>:<name>"; sealed_open.c makes the same in SQL. */
static char *context_of(const struct sealed_column *column, const char *const *identity) {
  auto_str context = STR_EMPTY;
  str_addf(&context, "%s.%s", column->table, column->value);
  for (size_t i = 0; column->identity[i]; i++) str_addf(&context, ":%s", identity[i] ? identity[i] : "");
  return str_take(&context);
}

err *sealed_encrypt(db *d, const struct sealed_column *column, const char *const *identity, const char *text,
                    struct str *ret_blob) {
  auto_free char *context = context_of(column, identity);
  return vault_encrypt(db_vault(d), context, text, strlen(text), ret_blob);
}

err *sealed_read(db *d, const struct sealed_column *column, const char *const *identity, db_stmt *s, int result_column,
                 char **ret_text) {
  if (db_column_is_null(s, result_column)) {
    *ret_text = NULL;
    return NULL;
  }
  if (db_column_is_text(s, result_column)) return err_new(ERR_CORRUPT, "it is not encrypted");
  auto_free char *context = context_of(column, identity);
  auto_str text = STR_EMPTY;
  size_t len;
  const void *blob = db_column_blob(s, result_column, &len);
  TRY(vault_decrypt(db_vault(d), context, blob, len, &text));
  *ret_text = str_take(&text);
  return NULL;
}

err *sealed_setting_get(db *d, const char *key, char **ret_value) {
  auto_db_stmt *s = NULL;
  bool row;
  TRY(db_query(d, "SELECT value FROM sealed_settings WHERE key = ?1", DB_BIND(db_text(key)), &s));
  TRY(db_step(s, &row));
  if (row) return err_wrap(sealed_read(d, &sealed_setting, &key, s, 0, ret_value), "the setting '%s'", key);
  *ret_value = NULL;
  return NULL;
}

err *sealed_setting_set(db *d, const char *key, const char *value) {
  auto_str blob = STR_EMPTY;
  TRY(sealed_encrypt(d, &sealed_setting, &key, value, &blob));
  return db_run(d,
                "INSERT INTO sealed_settings (key, value) VALUES (?1, ?2)"
                " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                DB_BIND(db_text(key), db_blob(blob.data, blob.len)), NULL);
}
