/* Table: releases.  A row is written once; the database itself refuses a change of it, and deletes it
 * only with its deployment. */
#ifndef TRAMWAY_STORE_RELEASE_H
#define TRAMWAY_STORE_RELEASE_H

#include "model/release.h"
#include "store/db.h"

/* Fills created_us where it is empty.  ERR_CONFLICT: the deployment has one already. */
fallible release_insert(db *d, struct release *r);
fallible release_find(db *d, const char *deployment_id, bool *ret_found, struct release *ret_release);
fallible release_exists(db *d, const char *deployment_id, bool *ret_exists);

#endif
