-- Public keys that may push over SSH.  workspace_id NULL: the account's own.
CREATE TABLE ssh_public_keys (
  seq          INTEGER PRIMARY KEY,
  id           TEXT NOT NULL UNIQUE,
  user_id      TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  workspace_id TEXT REFERENCES workspaces(id) ON DELETE CASCADE,
  name         TEXT NOT NULL,
  public_key   TEXT NOT NULL,
  fingerprint  TEXT NOT NULL UNIQUE,
  created_us   INTEGER NOT NULL,
  updated_us   INTEGER NOT NULL
) STRICT;
CREATE INDEX ssh_public_keys_user ON ssh_public_keys(user_id);
CREATE INDEX ssh_public_keys_workspace ON ssh_public_keys(workspace_id) WHERE workspace_id IS NOT NULL;
