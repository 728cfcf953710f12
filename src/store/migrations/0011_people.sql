-- Deployers; invitations; and who administers the installation is a fact of its own: whoever makes a
-- workspace administers that one only.

CREATE TABLE members_with_deployers (
  workspace_id TEXT NOT NULL REFERENCES workspaces(id) ON DELETE CASCADE,
  user_id      TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  role         TEXT NOT NULL CHECK (role IN ('ADMIN', 'MEMBER', 'DEPLOYER', 'VIEWER')),
  created_us   INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, user_id)
) STRICT, WITHOUT ROWID;
INSERT INTO members_with_deployers SELECT workspace_id, user_id, role, created_us FROM workspace_members;
DROP TABLE workspace_members;
ALTER TABLE members_with_deployers RENAME TO workspace_members;
CREATE INDEX workspace_members_user ON workspace_members(user_id);

ALTER TABLE users ADD COLUMN is_admin INTEGER NOT NULL DEFAULT 0 CHECK (is_admin IN (0, 1));
UPDATE users SET is_admin = 1
 WHERE id IN (SELECT user_id FROM workspace_members WHERE role = 'ADMIN');

ALTER TABLE api_tokens ADD COLUMN confirmed_us INTEGER NOT NULL DEFAULT 0;

CREATE TABLE invitations (
  seq             INTEGER PRIMARY KEY,
  id              TEXT NOT NULL UNIQUE,
  workspace_id    TEXT NOT NULL REFERENCES workspaces(id) ON DELETE CASCADE,
  creator_user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  role            TEXT NOT NULL CHECK (role IN ('ADMIN', 'MEMBER', 'DEPLOYER', 'VIEWER')),
  secret_hash     TEXT NOT NULL UNIQUE CHECK (length(secret_hash) = 64),
  created_us      INTEGER NOT NULL,
  expires_us      INTEGER NOT NULL
) STRICT;
CREATE INDEX invitations_workspace ON invitations(workspace_id);
CREATE INDEX invitations_creator ON invitations(creator_user_id);
CREATE INDEX invitations_expiry ON invitations(expires_us);
