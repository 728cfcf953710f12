/* The single steps of core/database_upgrade.h that change rows. */
#ifndef TRAMWAY_CORE_DATABASE_UPGRADE_STEPS_H
#define TRAMWAY_CORE_DATABASE_UPGRADE_STEPS_H

#include "core/core.h"
#include "model/database_upgrade.h"

/* What may be done, and with what: fills images and the former volume. */
fallible upgrade_check(core *c, const char *version, struct database_upgrade *u);

/* The service that takes over: made, recorded in `u`, and deployed. */
fallible upgrade_make_sibling(core *c, const char *version, struct database_upgrade *u, const char *user_id);

/* The sibling goes, and the copy's volume unless it is the service's now: what never was is destroyed, else it goes
 * to the trash.  Harmless when they are gone. */
fallible upgrade_clear(core *c, struct database_upgrade *u);

/* Volume and image of the service are the upgraded ones, else the former ones.  Attaching changes the rows, in one
 * transaction, and deploys nothing; harmless when it is so.  ERR_CONFLICT: they are neither. */
fallible upgrade_attach(core *c, const struct database_upgrade *u, bool upgraded, const char *user_id);
fallible upgrade_is_attached(core *c, const struct database_upgrade *u, bool upgraded, bool *ret_is);
/* The same, or it has no volume any more. */
fallible upgrade_has_image(core *c, const struct database_upgrade *u, bool upgraded, bool *ret_has);
fallible upgrade_check_former(core *c, const struct database_upgrade *u); /* ERR_CONFLICT: the former volume is not to be had */
const char *upgrade_message(bool back);

fallible upgrade_copy_schedule(core *c, const struct database_upgrade *u); /* of backups; from the former volume */

/* What the live one was told, so that nobody writes, is taken back in its file. */
#define UPGRADE_SQL_UNFREEZE                                                                                               \
  "ALTER SYSTEM RESET default_transaction_read_only;\n"                                                                     \
  "SELECT 'ALTER SYSTEM RESET autovacuum' WHERE EXISTS (SELECT FROM pg_file_settings WHERE name = 'autovacuum' AND "        \
  "setting = 'no' AND sourcefile ~ '/postgresql.auto.conf$') \\gexec\n"

#endif
