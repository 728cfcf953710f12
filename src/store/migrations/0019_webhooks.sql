-- What forges tell of.  The secret is encrypted: store/sealed.h.
CREATE TABLE webhooks (
  seq              INTEGER PRIMARY KEY,
  id               TEXT NOT NULL UNIQUE,
  project_id       TEXT NOT NULL REFERENCES projects(id) ON DELETE CASCADE,
  provider         TEXT NOT NULL CHECK (provider IN ('github', 'gitlab', 'gitea', 'generic')),
  format           INTEGER NOT NULL DEFAULT 0 CHECK (format >= 0),
  secret           ANY NOT NULL CHECK (typeof(secret) = iif(format = 0, 'text', 'blob')),
  created_us       INTEGER NOT NULL,
  last_delivery_us INTEGER NOT NULL
) STRICT;
CREATE INDEX webhooks_project ON webhooks(project_id);

-- The journal: a row is there before the provider is answered, and handled_us when it was acted upon.
CREATE TABLE webhook_deliveries (
  seq         INTEGER PRIMARY KEY,
  id          TEXT NOT NULL UNIQUE,
  webhook_id  TEXT NOT NULL REFERENCES webhooks(id) ON DELETE CASCADE,
  replay_key  TEXT NOT NULL,
  provider_id TEXT,
  event       TEXT,
  received_us INTEGER NOT NULL,
  handled_us  INTEGER NOT NULL,
  outcome     TEXT,
  UNIQUE (webhook_id, replay_key)
) STRICT;
CREATE INDEX webhook_deliveries_open ON webhook_deliveries(seq) WHERE handled_us = 0;
CREATE INDEX webhook_deliveries_received ON webhook_deliveries(received_us);

CREATE TABLE commit_checks (
  seq        INTEGER PRIMARY KEY,
  id         TEXT NOT NULL UNIQUE,
  project_id TEXT NOT NULL REFERENCES projects(id) ON DELETE CASCADE,
  sha        TEXT NOT NULL,
  name       TEXT NOT NULL,
  ordinal    INTEGER NOT NULL,
  state      TEXT NOT NULL CHECK (state IN ('PENDING', 'PASSED', 'FAILED')),
  updated_us INTEGER NOT NULL,
  UNIQUE (project_id, sha, name)
) STRICT;
CREATE INDEX commit_checks_updated ON commit_checks(updated_us);
CREATE INDEX deployments_waiting ON deployments(seq) WHERE status = 'WAITING';
