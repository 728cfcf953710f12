-- The way back is followed like the upgrade, and a row outlives its service until what was made for it is gone: no foreign keys.
CREATE TABLE database_upgrades_new (
  id               TEXT PRIMARY KEY,
  environment_id   TEXT NOT NULL,
  service_id       TEXT NOT NULL,
  sibling_id       TEXT,
  deployment_id    TEXT,
  image            TEXT NOT NULL,
  former_image     TEXT NOT NULL,
  former_volume_id TEXT NOT NULL,
  volume_id        TEXT,
  is_rehearsal     INTEGER NOT NULL,
  status           TEXT NOT NULL CHECK (status IN ('COPYING', 'COMPARING', 'SWAPPING', 'DONE', 'FAILED', 'RETURNING', 'RETURNED')),
  report           TEXT,
  problem          TEXT,
  frozen_us        INTEGER NOT NULL,
  created_us       INTEGER NOT NULL,
  updated_us       INTEGER NOT NULL,
  UNIQUE (environment_id, service_id)
) STRICT;
INSERT INTO database_upgrades_new
SELECT id, environment_id, service_id, sibling_id, NULL, image, former_image, former_volume_id, volume_id, is_rehearsal, status, report,
       problem, 0, created_us, updated_us
FROM database_upgrades;
DROP TABLE database_upgrades;
ALTER TABLE database_upgrades_new RENAME TO database_upgrades;
CREATE INDEX database_upgrades_open ON database_upgrades(status) WHERE status IN ('COPYING', 'COMPARING', 'SWAPPING', 'RETURNING');
CREATE INDEX database_upgrades_former_volume ON database_upgrades(former_volume_id);

-- What a database was when it was backed up: what is restored goes with that.
ALTER TABLE backups ADD COLUMN image TEXT;
-- Since when all log of a Postgres that does not run is in the repository.
ALTER TABLE backup_repositories ADD COLUMN wal_closed_us INTEGER NOT NULL DEFAULT 0;
