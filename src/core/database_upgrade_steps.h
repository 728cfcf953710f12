/* The single steps of core/database_upgrade.h that change rows. */
#ifndef TRAMWAY_CORE_DATABASE_UPGRADE_STEPS_H
#define TRAMWAY_CORE_DATABASE_UPGRADE_STEPS_H

#include "core/core.h"
#include "model/database_upgrade.h"

/* What may be done, and with what: fills images and the former volume. */
fallible upgrade_check(core *c, const char *version, struct database_upgrade *u);

/* The service that takes over: made, recorded in `u`, and deployed. */
fallible upgrade_make_sibling(core *c, const char *version, struct database_upgrade *u, const char *user_id);

/* The sibling goes, and the copy's volume unless it is the service's now: what was never swapped in is destroyed, else it goes
 * to the trash.  Harmless when they are gone. */
fallible upgrade_clear(core *c, struct database_upgrade *u);

/* The copy's volume and image for the service's (or with `back` the former ones again), and deploys it. */
fallible upgrade_swap(core *c, struct database_upgrade *u, bool back, const char *user_id);
fallible upgrade_is_swapped(core *c, const struct database_upgrade *u, bool *ret_swapped); /* the copy's volume is the service's */

#endif
