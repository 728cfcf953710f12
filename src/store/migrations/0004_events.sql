-- What happened without anybody asking for it.  project_id is NULL for what concerns the whole machine.
-- service_id and deployment_id outlive what they name: the event says what happened to it.
CREATE TABLE events (
  seq            INTEGER PRIMARY KEY,
  id             TEXT NOT NULL UNIQUE,
  project_id     TEXT REFERENCES projects(id) ON DELETE CASCADE,
  environment_id TEXT REFERENCES environments(id) ON DELETE CASCADE,
  service_id     TEXT,
  deployment_id  TEXT,
  severity       TEXT NOT NULL CHECK (severity IN ('INFO', 'NOTICE', 'WARNING', 'CRITICAL')),
  object         TEXT NOT NULL,
  action         TEXT NOT NULL,
  cause          TEXT NOT NULL,
  outcome        TEXT,
  payload        TEXT,
  count          INTEGER NOT NULL CHECK (count >= 1),
  created_us     INTEGER NOT NULL,
  last_us        INTEGER NOT NULL
) STRICT;
CREATE INDEX events_project ON events(project_id);
CREATE INDEX events_environment ON events(environment_id);
CREATE INDEX events_last ON events(last_us);
