/* Public keys that may push over SSH, of an account or of a workspace (Railway's SshPublicKey). */
#ifndef TRAMWAY_MODEL_SSH_KEY_H
#define TRAMWAY_MODEL_SSH_KEY_H

#include "model/shape.h"

struct ssh_key {
  char id[ID_SIZE];
  char user_id[ID_SIZE];      /* who added it; of a workspace's key, too */
  char workspace_id[ID_SIZE]; /* "": the account's own */
  char *name;
  char *public_key;  /* "ssh-ed25519 AAAA…", without comment */
  char *fingerprint; /* "SHA256:…" as ssh-keygen -l shows it; unique */
  int64_t created_us, updated_us;
};
MODEL_STRUCT(ssh_key);
#define auto_ssh_key MODEL_AUTO(ssh_key)
#define auto_ssh_key_list MODEL_AUTO(ssh_key_list)

/* A line as in a .pub file → public_key and fingerprint, which the caller owns.  ERR_INVALID: options before
 * the key, a kind that is no longer safe (ssh-dss), anything that is none. */
fallible ssh_key_parse(const char *line, char **ret_public_key, char **ret_fingerprint);

#endif
