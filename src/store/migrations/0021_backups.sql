-- Backups of volume instances; their contents are in restic's repositories.  No foreign keys: what belongs to a
-- volume instance that is no more is removed from the repository first, then from here.
CREATE TABLE backups (
  seq                INTEGER PRIMARY KEY,
  id                 TEXT NOT NULL UNIQUE,
  volume_instance_id TEXT NOT NULL,
  project_id         TEXT NOT NULL,
  environment_id     TEXT NOT NULL,
  service_id         TEXT,
  creator_id         TEXT,
  name               TEXT,
  kind               TEXT NOT NULL CHECK (kind IN ('MANUAL', 'DAILY', 'WEEKLY', 'MONTHLY')),
  state              TEXT NOT NULL CHECK (state IN ('TAKING', 'READY', 'FAILED', 'DELETING', 'DELETED')),
  method             TEXT NOT NULL CHECK (method IN ('FILES', 'POSTGRES')),
  snapshot_id        TEXT,
  checksum           TEXT,
  label              TEXT,
  wal_first          TEXT,
  wal_last           TEXT,
  problem            TEXT,
  size_bytes         INTEGER NOT NULL,
  added_bytes        INTEGER NOT NULL,
  volume_bytes       INTEGER NOT NULL,
  paused_ms          INTEGER NOT NULL,
  took_ms            INTEGER NOT NULL,
  created_us         INTEGER NOT NULL,
  taken_us           INTEGER NOT NULL,
  expires_us         INTEGER NOT NULL,
  is_locked          INTEGER NOT NULL,
  drilled_us         INTEGER NOT NULL,
  drill_ms           INTEGER NOT NULL,
  drill_problem      TEXT,
  drill_checksum     TEXT
) STRICT;
CREATE INDEX backups_volume_instance ON backups(volume_instance_id);

-- A volume instance without a row has the default: all three.
CREATE TABLE backup_schedules (
  seq                INTEGER PRIMARY KEY,
  id                 TEXT NOT NULL UNIQUE,
  volume_instance_id TEXT NOT NULL UNIQUE,
  daily              INTEGER NOT NULL,
  weekly             INTEGER NOT NULL,
  monthly            INTEGER NOT NULL,
  created_us         INTEGER NOT NULL,
  updated_us         INTEGER NOT NULL
) STRICT;

CREATE TABLE backup_repositories (
  seq                INTEGER PRIMARY KEY,
  id                 TEXT NOT NULL UNIQUE,
  volume_instance_id TEXT NOT NULL UNIQUE,
  bytes              INTEGER NOT NULL,
  measured_us        INTEGER NOT NULL,
  checked_us         INTEGER NOT NULL,
  problem            TEXT,
  alerted_us         INTEGER NOT NULL,
  wal_us             INTEGER NOT NULL,
  created_us         INTEGER NOT NULL
) STRICT;

CREATE TABLE backup_wals (
  seq                INTEGER PRIMARY KEY,
  id                 TEXT NOT NULL UNIQUE,
  volume_instance_id TEXT NOT NULL,
  snapshot_id        TEXT NOT NULL,
  first              TEXT NOT NULL,
  last               TEXT NOT NULL,
  segments           INTEGER NOT NULL,
  first_us           INTEGER NOT NULL,
  created_us         INTEGER NOT NULL
) STRICT;
CREATE INDEX backup_wals_volume_instance ON backup_wals(volume_instance_id);

-- The journal of restores and drills: a row is there before anything is made.
CREATE TABLE backup_restores (
  seq                INTEGER PRIMARY KEY,
  id                 TEXT NOT NULL UNIQUE,
  backup_id          TEXT NOT NULL,
  volume_instance_id TEXT NOT NULL,
  target_volume_id   TEXT,
  target_instance_id TEXT,
  target_service_id  TEXT,
  user_id            TEXT,
  kind               TEXT NOT NULL CHECK (kind IN ('VOLUME', 'PITR', 'DRILL')),
  state              TEXT NOT NULL CHECK (state IN ('RUNNING', 'DONE', 'FAILED')),
  target_us          INTEGER NOT NULL,
  problem            TEXT,
  created_us         INTEGER NOT NULL,
  finished_us        INTEGER NOT NULL
) STRICT;
CREATE INDEX backup_restores_finished ON backup_restores(finished_us) WHERE state <> 'RUNNING';
CREATE INDEX backup_restores_target_service ON backup_restores(target_service_id);
CREATE INDEX backup_restores_running ON backup_restores(seq) WHERE state = 'RUNNING';
