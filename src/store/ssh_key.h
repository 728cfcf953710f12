/* Table: ssh_public_keys. */
#ifndef TRAMWAY_STORE_SSH_KEY_H
#define TRAMWAY_STORE_SSH_KEY_H

#include "model/ssh_key.h"
#include "store/db.h"

fallible ssh_key_insert(db *d, struct ssh_key *k); /* ERR_CONFLICT: somebody has that key */
fallible ssh_key_get(db *d, const char *id, struct ssh_key *ret_key);
fallible ssh_key_find_by_fingerprint(db *d, const char *fingerprint, bool *ret_found, struct ssh_key *ret_key);
fallible ssh_key_list_by_user(db *d, const char *user_id, struct ssh_key_list *ret_list); /* their own */
fallible ssh_key_list_by_workspace(db *d, const char *workspace_id, struct ssh_key_list *ret_list);
fallible ssh_key_delete(db *d, const char *id);

#endif
