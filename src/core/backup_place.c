/* Where backups go and what they are encrypted with. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/secret.h"
#include "core/backup_private.h"
#include "store/sealed.h"

#define PASSWORD "backup.password"
#define ACCESS_KEY_ID "backup.access_key_id"
#define SECRET_ACCESS_KEY "backup.secret_access_key"
enum { PASSWORD_BYTES = 32, CREDENTIAL_MAX = 512 };

static void wipe(char **text) {
  if (*text) secret_wipe(*text, strlen(*text));
  free(*text);
}
#define auto_secret __attribute__((cleanup(wipe))) char

err *core_backup_password(core *c, char **ret_password) {
  char *password = NULL;
  TRY(sealed_setting_get(c->db, PASSWORD, &password));
  if (!password) {
    password = secret_random_hex(PASSWORD_BYTES);
    err *e = sealed_setting_set(c->db, PASSWORD, password);
    if (e) {
      wipe(&password);
      return e;
    }
  }
  *ret_password = password;
  return NULL;
}

err *backup_place_open(core *c) {
  auto_secret *password = NULL, *access_key_id = NULL, *secret_access_key = NULL;
  TRY(core_backup_password(c, &password));
  TRY(sealed_setting_get(c->db, ACCESS_KEY_ID, &access_key_id));
  TRY(sealed_setting_get(c->db, SECRET_ACCESS_KEY, &secret_access_key));
  auto_free char *folder = path_join(c->options.data_dir, "backups"), *cache = path_join(c->options.data_dir, "backup-cache");
  struct restic_place place = {.location = str_empty(c->options.backup_location) ? folder : c->options.backup_location,
                               .password = password, .access_key_id = access_key_id,
                               .secret_access_key = secret_access_key, .region = c->options.backup_region,
                               .ca_bundle = c->options.backup_ca_bundle, .cache_dir = cache};
  restic_set_place(c->backups->restic, &place);
  return NULL;
}

static err *check_credential(const char *text) {
  size_t len = strlen(text);
  bool ok = len > 0 && len <= CREDENTIAL_MAX;
  for (size_t i = 0; ok && i < len; i++) ok = (unsigned char)text[i] > ' ' && (unsigned char)text[i] < 127;
  return ok ? NULL : err_new(ERR_INVALID, "a credential of S3 is 1 to %d printable characters without spaces", CREDENTIAL_MAX);
}

err *core_backup_set_credentials(core *c, const char *access_key_id, const char *secret_access_key) {
  auto_db_transaction t = {0};
  TRY(backups_check(c));
  TRY(check_credential(access_key_id));
  TRY(check_credential(secret_access_key));
  TRY(db_begin(c->db, &t));
  TRY(sealed_setting_set(c->db, ACCESS_KEY_ID, access_key_id));
  TRY(sealed_setting_set(c->db, SECRET_ACCESS_KEY, secret_access_key));
  TRY(db_commit(&t));
  return backup_place_open(c);
}

const char *core_backup_location(const core *c) {
  return str_empty(c->options.backup_location) ? "backups in the data folder" : c->options.backup_location;
}
