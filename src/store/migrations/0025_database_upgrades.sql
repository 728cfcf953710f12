-- The latest upgrade of each database to a newer major version: store/database_upgrade.h.
CREATE TABLE database_upgrades (
  id               TEXT PRIMARY KEY,
  environment_id   TEXT NOT NULL REFERENCES environments(id) ON DELETE CASCADE,
  service_id       TEXT NOT NULL REFERENCES services(id) ON DELETE CASCADE,
  sibling_id       TEXT,
  image            TEXT NOT NULL,
  former_image     TEXT NOT NULL,
  former_volume_id TEXT NOT NULL,
  volume_id        TEXT,
  is_rehearsal     INTEGER NOT NULL,
  status           TEXT NOT NULL CHECK (status IN ('COPYING', 'COMPARING', 'SWAPPING', 'DONE', 'FAILED')),
  report           TEXT,
  problem          TEXT,
  created_us       INTEGER NOT NULL,
  updated_us       INTEGER NOT NULL,
  UNIQUE (environment_id, service_id)
) STRICT;
CREATE INDEX database_upgrades_open ON database_upgrades(status) WHERE status IN ('COPYING', 'COMPARING', 'SWAPPING');
CREATE INDEX database_upgrades_service ON database_upgrades(service_id);
