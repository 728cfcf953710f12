#include "daemon/secrets.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/backup.h"
#include "daemon/lock.h"
#include "engine/local/local.h"
#include "store/migrate.h"

void secrets_stay_in_memory(void) {
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) /* RLIMIT_CORE would be inherited by apps */
    log_warn("tramd", "a crash could write secrets to disk: %s", strerror(errno));
}

static err *settle(db *d, const char *data_dir) {
  TRY(local_engine_reseal(data_dir, db_vault(d)));
  return vault_has_old_keys(db_vault(d)) ? vault_drop_old_keys(db_vault(d)) : NULL;
}

void secrets_settle(db *d, const char *data_dir) {
  auto_err *e = settle(d, data_dir);
  if (e) log_error("tramd", "secrets: %s", err_message(e));
}

/* Opening the database with a newer key in the file is what encrypts it with that key. */
static err *open_and_settle(const char *data_dir, bool add_key) {
  auto_free char *path = path_join(data_dir, "tramway.db");
  auto_db *d = NULL;
  TRY(store_open(path, &d));
  TRY(settle(d, data_dir));
  return add_key ? vault_add_key(db_vault(d)) : NULL;
}

err *secrets_rotate(const struct config *config) {
  const char *data_dir = config->data.dir;
  auto_free char *key_path = path_join(data_dir, STORE_KEY_FILE);
  TRY(err_wrap(lock_take(config->data.run_dir), "the key is rotated while tramd does not run (apps may): tramd --stop"));
  TRY(backup_finish_restore(data_dir));
  TRY(open_and_settle(data_dir, true));
  TRY(open_and_settle(data_dir, false));
  printf("all secrets are encrypted with a new key, which is in %s\n"
         "older backups need the key that they were made with: those without it need a copy of yours\n", key_path);
  return NULL;
}
