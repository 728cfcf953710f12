/* Table: credentials.  Secrets are encrypted (store/sealed.h). */
#ifndef TRAMWAY_STORE_CREDENTIAL_H
#define TRAMWAY_STORE_CREDENTIAL_H

#include "model/credential.h"
#include "store/db.h"

/* In the place of one of the same owner, kind and host; in the caller's transaction, if there is one. */
fallible credential_set(db *d, struct credential *c);
fallible credential_find(db *d, const char *project_id, const char *service_instance_id, enum credential_kind kind,
                         const char *host, bool *ret_found, struct credential *ret_credential);
fallible credential_list_by_project(db *d, const char *project_id, struct credential_list *ret_list);
fallible credential_delete(db *d, const char *project_id, const char *service_instance_id, enum credential_kind kind,
                           const char *host); /* ERR_NOT_FOUND */

#endif
