#include "store/ssh_key.h"

#include "store/row.h"

static const struct table keys = {.name = "ssh_public_keys", .shape = &ssh_key_shape};

err *ssh_key_insert(db *d, struct ssh_key *k) {
  return row_taken(row_insert(d, &keys, k), "that key is in use already: each key belongs to one account or workspace");
}

err *ssh_key_get(db *d, const char *id, struct ssh_key *ret_key) {
  return row_get(d, &keys, "WHERE t.id = ?1", DB_BIND(db_text(id)), id, ret_key);
}

err *ssh_key_find_by_fingerprint(db *d, const char *fingerprint, bool *ret_found, struct ssh_key *ret_key) {
  return row_find(d, &keys, "WHERE t.fingerprint = ?1", DB_BIND(db_text(fingerprint)), ret_found, ret_key);
}

err *ssh_key_list_by_user(db *d, const char *user_id, struct ssh_key_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &keys, "WHERE t.user_id = ?1 AND t.workspace_id IS NULL ORDER BY t.seq DESC",
                              DB_BIND(db_text(user_id)), &rows_));
}

err *ssh_key_list_by_workspace(db *d, const char *workspace_id, struct ssh_key_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &keys, "WHERE t.workspace_id = ?1 ORDER BY t.seq DESC", DB_BIND(db_text(workspace_id)),
                              &rows_));
}

err *ssh_key_delete(db *d, const char *id) {
  return row_change(d, &keys, "DELETE FROM ssh_public_keys WHERE id = ?1", DB_BIND(db_text(id)), id);
}
