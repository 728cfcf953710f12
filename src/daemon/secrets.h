/* The key of the installation's secrets, beyond the database (store/sealed.h): rotation, and what else is
 * encrypted with it. */
#ifndef TRAMWAY_DAEMON_SECRETS_H
#define TRAMWAY_DAEMON_SECRETS_H

#include "daemon/config.h"
#include "store/db.h"

/* No core dump of this process, and nobody but root may look into it (prctl(2), PR_SET_DUMPABLE). */
void secrets_stay_in_memory(void);

/* Encrypts with the newest key what the engine keeps, as sealed_open did with the database; then older keys
 * leave the key file.  What hinders it is logged, and the next start tries again: older keys stay. */
void secrets_settle(db *d, const char *data_dir);

/* tramd --rotate-key: ERR_CONFLICT while tramd runs.  May be interrupted at any moment: the next start of
 * tramd, or the next rotation, goes on.  Prints what was done. */
fallible secrets_rotate(const struct config *config);

#endif
