-- The latest change of each database's password: store/password_rotation.h.
CREATE TABLE password_rotations (
  id             TEXT PRIMARY KEY,
  environment_id TEXT NOT NULL REFERENCES environments(id) ON DELETE CASCADE,
  service_id     TEXT NOT NULL REFERENCES services(id) ON DELETE CASCADE,
  status         TEXT NOT NULL CHECK (status IN ('PREPARING', 'WAITING', 'DONE', 'FAILED')),
  old_user       TEXT,
  services       TEXT,
  problem        TEXT,
  keep_until_us  INTEGER NOT NULL,
  switched_us    INTEGER NOT NULL,
  created_us     INTEGER NOT NULL,
  updated_us     INTEGER NOT NULL,
  UNIQUE (environment_id, service_id)
) STRICT;
CREATE INDEX password_rotations_open ON password_rotations(status) WHERE status IN ('PREPARING', 'WAITING');
CREATE INDEX password_rotations_service ON password_rotations(service_id);
