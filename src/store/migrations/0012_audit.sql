-- Who did what.  No foreign keys: a row outlives what it is about.  `seq` is the place in the chain.

CREATE TABLE audit_logs (
  seq            INTEGER PRIMARY KEY,
  id             TEXT NOT NULL UNIQUE,
  event_type     TEXT NOT NULL,
  outcome        TEXT NOT NULL CHECK (outcome IN ('STARTED', 'DONE', 'ACCEPTED', 'DENIED', 'FAILED')),
  actor_user_id  TEXT,
  actor_token_id TEXT,
  address        TEXT,
  agent          TEXT,
  workspace_id   TEXT,
  project_id     TEXT,
  environment_id TEXT,
  payload        TEXT,
  problem        TEXT,
  created_us     INTEGER NOT NULL,
  previous_hash  TEXT NOT NULL CHECK (length(previous_hash) = 64),
  hash           TEXT NOT NULL CHECK (length(hash) = 64)
) STRICT;
CREATE INDEX audit_logs_workspace ON audit_logs(workspace_id, seq);
