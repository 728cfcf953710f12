-- Who may do things.  Times are Unix microseconds, 0 = has not happened; ids are UUIDs as text.
-- `seq` orders by insertion, whatever the clock did, and is what paging counts on.

CREATE TABLE settings (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
  seq           INTEGER PRIMARY KEY,
  id            TEXT NOT NULL UNIQUE,
  email         TEXT NOT NULL COLLATE NOCASE UNIQUE,
  name          TEXT,
  password_hash TEXT,
  created_us    INTEGER NOT NULL,
  updated_us    INTEGER NOT NULL
) STRICT;

CREATE TABLE workspaces (
  seq        INTEGER PRIMARY KEY,
  id         TEXT NOT NULL UNIQUE,
  name       TEXT NOT NULL,
  created_us INTEGER NOT NULL,
  updated_us INTEGER NOT NULL
) STRICT;

CREATE TABLE workspace_members (
  workspace_id TEXT NOT NULL REFERENCES workspaces(id) ON DELETE CASCADE,
  user_id      TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  role         TEXT NOT NULL CHECK (role IN ('ADMIN', 'MEMBER', 'VIEWER')),
  created_us   INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX workspace_members_user ON workspace_members(user_id);

-- Only the SHA-256 of a token's secret is kept.
CREATE TABLE api_tokens (
  seq          INTEGER PRIMARY KEY,
  id           TEXT NOT NULL UNIQUE,
  kind         TEXT NOT NULL CHECK (kind IN ('ACCOUNT', 'WORKSPACE', 'SESSION')),
  user_id      TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  workspace_id TEXT REFERENCES workspaces(id) ON DELETE CASCADE,
  name         TEXT,
  secret_hash  TEXT NOT NULL UNIQUE CHECK (length(secret_hash) = 64),
  created_us   INTEGER NOT NULL,
  last_used_us INTEGER NOT NULL,
  expires_us   INTEGER NOT NULL,
  CHECK ((kind = 'WORKSPACE') = (workspace_id IS NOT NULL))
) STRICT;
CREATE INDEX api_tokens_user ON api_tokens(user_id);
CREATE INDEX api_tokens_workspace ON api_tokens(workspace_id) WHERE workspace_id IS NOT NULL;
CREATE INDEX api_tokens_expiry ON api_tokens(expires_us) WHERE expires_us > 0;
