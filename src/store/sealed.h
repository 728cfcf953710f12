/* Columns whose values are secrets: encrypted with the installation's key (base/vault.h) before SQLite
 * sees them.
 *
 * Each is a row of the table in sealed.c, which is all that rotation and upgrade need to know.  Its
 * `identity` columns tell rows apart and never change; together with table and column they are what the
 * encryption is bound to, so that a value is good in its own row only.
 *
 * A table of structs (store/row.h) needs nothing else: a text or JSON member that is a sealed
 * column is encrypted.  Who writes SQL binds what
 * sealed_encrypt gives with db_blob, and reads with sealed_read. */
#ifndef TRAMWAY_STORE_SEALED_H
#define TRAMWAY_STORE_SEALED_H

#include "base/vault.h"
#include "store/db.h"

#define SEALED_IDENTITY_MAX 3

struct sealed_column {
  const char *table, *value;
  const char *format; /* a column that is 1 where the value is encrypted; NULL: there is none */
  const char *identity[SEALED_IDENTITY_MAX + 1]; /* text columns; NULL at the end */
};

extern const struct sealed_column sealed_variable, sealed_deployment_variables, sealed_environment_patch,
    sealed_webhook, sealed_setting, sealed_two_factor, sealed_credential, sealed_bucket_instance;

/* The one of a table of structs, or NULL. */
const struct sealed_column *sealed_column_of(const char *table);

/* `identity`: the values of the identity columns, in order; NULL counts as "".  Appends to *ret_blob. */
fallible sealed_encrypt(db *d, const struct sealed_column *column, const char *const *identity, const char *text,
                        struct str *ret_blob);

/* The text in a column of the current row, or NULL for NULL; the caller owns it and wipes it where it does
 * not live on.  ERR_CORRUPT when it is in clear or of another row. */
fallible sealed_read(db *d, const struct sealed_column *column, const char *const *identity, db_stmt *s,
                     int result_column, char **ret_text);

/* Table: sealed_settings, for secrets of the installation itself.  *ret_value is NULL: not set. */
fallible sealed_setting_get(db *d, const char *key, char **ret_value);
fallible sealed_setting_set(db *d, const char *key, const char *value);

/* Gives `d` its key: the file's, or a new one when the database never had any; NULL: one that lives with
 * it.  What is not encrypted with the newest key is, and then neither free pages nor the kept copies (path,
 * may be NULL) hold what it was; where that fails (a full disk) it is logged.  May be interrupted at any
 * moment: the next call goes on.  ERR_NOT_FOUND, ERR_CORRUPT or ERR_DENIED when the key is missing, another
 * one, or readable by others. */
fallible sealed_open(db *d, const char *path, const char *key_path);

/* The id of the key that the database is encrypted with; "" when it never had one. */
fallible sealed_key_id(db *d, char ret_id[VAULT_KEY_ID_SIZE]);

#endif
