/* A managed Postgres goes to a newer major version, or that is rehearsed; and it goes back.
 *
 *   COPYING    (not in a rehearsal: writing to the live one ends first.)  A service beside it, "<name>-<version>", with the
 *              same settings and variables and a volume as large, reads everything from it over the private network
 *   COMPARING  databases, roles, extensions, tables, their rows and sequences of both are compared
 *   SWAPPING   the service gets the new image and the copy's volume in one commit, and is deployed; the live one, with its
 *              volume, runs until the new one is healthy.  Then that volume stays, detached
 *   DONE       a rehearsal: the service beside it is gone, and its volume destroyed
 *   RETURNING  the way back: the former image and volume in one commit, and deployed in the same way
 *   RETURNED
 *
 * FAILED: the database is as it was, written to again, and what was made for the copy is gone.  (A RETURNING that fails is DONE
 * again.)  Each step is recorded before it is tried, and a problem before it is acted upon: the next start of tramd goes on
 * with SWAPPING and RETURNING, and undoes what was not that far.  The live one's volume is only read; a volume that the service
 * has had is never destroyed, it goes to the trash at most.
 *
 * How writing ends: the server takes no transaction that writes (default_transaction_read_only) and ends connections from
 * before; clients may read on.  A client can ask for a writing transaction in so many words: the server's count of
 * transactions tells, and then nothing is swapped. */
#ifndef TRAMWAY_CORE_DATABASE_UPGRADE_H
#define TRAMWAY_CORE_DATABASE_UPGRADE_H

#include "core/core.h"
#include "model/database_upgrade.h"

typedef struct database_upgrades database_upgrades;

struct core_database_upgrade {
  const char *environment_id, *service_id;
  const char *version; /* "17" */
  bool is_rehearsal;
  const char *user_id;
};

/* Begins it.  ERR_INVALID: it is no Postgres that can be copied, or there is no image of that version, or it is no newer one;
 * ERR_CONFLICT: one is under way, the database does not run or has no volume, the sibling's name is taken. */
fallible core_database_upgrade(core *c, const struct core_database_upgrade *request);

/* Begins the way to the former image and the former volume; the upgraded data stay on a detached volume.  ERR_CONFLICT: it
 * was not upgraded, or has another volume or image since, or the former volume is deleted. */
fallible core_database_upgrade_back(core *c, const char *environment_id, const char *service_id, const char *user_id);

/* What is under way is undone.  ERR_CONFLICT: nothing is, or it is the way back. */
fallible core_database_upgrade_cancel(core *c, const char *environment_id, const char *service_id);

/* The latest; *ret_found false: there was none. */
fallible core_database_upgrade_state(core *c, const char *environment_id, const char *service_id, bool *ret_found,
                                     struct database_upgrade *ret_upgrade);

/* ---- for core.c ---- */

database_upgrades *database_upgrades_new(core *c);
fallible database_upgrades_resume(database_upgrades *all); /* after a start */
void database_upgrades_stop(database_upgrades *all);
bool database_upgrades_are_quiet(const database_upgrades *all); /* after that: no database is being asked */
void database_upgrades_free(database_upgrades *all);

#endif
