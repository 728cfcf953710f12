-- Storage that outlives deployments.  A row stays while there are data of it: project, environment and service
-- of one in the trash may be gone, so these are not foreign keys.

CREATE TABLE volumes (
  seq          INTEGER PRIMARY KEY,
  id           TEXT NOT NULL UNIQUE,
  workspace_id TEXT NOT NULL,
  project_id   TEXT NOT NULL,
  name         TEXT NOT NULL CHECK (name <> ''),
  created_us   INTEGER NOT NULL,
  updated_us   INTEGER NOT NULL
) STRICT;
CREATE INDEX volumes_project ON volumes(project_id);

CREATE TABLE volume_instances (
  seq                INTEGER PRIMARY KEY,
  id                 TEXT NOT NULL UNIQUE,
  volume_id          TEXT NOT NULL REFERENCES volumes(id) ON DELETE RESTRICT,
  workspace_id       TEXT NOT NULL,
  project_id         TEXT NOT NULL,
  environment_id     TEXT NOT NULL,
  service_id         TEXT,
  mount_path         TEXT NOT NULL CHECK (mount_path GLOB '/?*'),
  size_bytes         INTEGER NOT NULL CHECK (size_bytes > 0),
  state              TEXT NOT NULL CHECK (state IN ('READY', 'UPDATING', 'MIGRATING', 'MIGRATION_PENDING', 'RESTORING',
                       'DELETING', 'DELETED', 'ERROR')),
  problem            TEXT,
  origin             TEXT,
  trashed_service_id TEXT,
  used_bytes         INTEGER NOT NULL,
  measured_us        INTEGER NOT NULL,
  alerted_percent    INTEGER NOT NULL,
  created_us         INTEGER NOT NULL,
  updated_us         INTEGER NOT NULL,
  deleted_us         INTEGER NOT NULL,
  UNIQUE (volume_id, environment_id),
  CHECK (deleted_us = 0 OR service_id IS NULL)
) STRICT;
-- One volume of a service in an environment.
CREATE UNIQUE INDEX volume_instances_service ON volume_instances(service_id, environment_id)
  WHERE service_id IS NOT NULL;
CREATE INDEX volume_instances_environment ON volume_instances(environment_id);
CREATE INDEX volume_instances_project ON volume_instances(project_id);
CREATE INDEX volume_instances_live ON volume_instances(seq) WHERE deleted_us = 0;
CREATE INDEX volume_instances_deleted ON volume_instances(deleted_us) WHERE deleted_us > 0;
