-- What was made of it, and what runs.

CREATE TABLE snapshots (
  seq          INTEGER PRIMARY KEY,
  id           TEXT NOT NULL UNIQUE,
  hash         TEXT NOT NULL UNIQUE,
  size_bytes   INTEGER NOT NULL CHECK (size_bytes >= 0),
  file_count   INTEGER NOT NULL CHECK (file_count >= 0),
  meta         TEXT,
  created_us   INTEGER NOT NULL,
  last_used_us INTEGER NOT NULL
) STRICT;
CREATE INDEX snapshots_last_used ON snapshots(last_used_us);

CREATE TABLE images (
  seq          INTEGER PRIMARY KEY,
  id           TEXT NOT NULL UNIQUE,
  build_key    TEXT NOT NULL UNIQUE,
  reference    TEXT NOT NULL,
  digest       TEXT,
  snapshot_id  TEXT REFERENCES snapshots(id) ON DELETE SET NULL,
  size_bytes   INTEGER NOT NULL CHECK (size_bytes >= 0),
  config       TEXT,
  created_us   INTEGER NOT NULL,
  last_used_us INTEGER NOT NULL
) STRICT;
CREATE INDEX images_snapshot ON images(snapshot_id) WHERE snapshot_id IS NOT NULL;
CREATE INDEX images_last_used ON images(last_used_us);

CREATE TABLE deployments (
  seq                  INTEGER PRIMARY KEY,
  id                   TEXT NOT NULL UNIQUE,
  project_id           TEXT NOT NULL REFERENCES projects(id) ON DELETE CASCADE,
  environment_id       TEXT NOT NULL REFERENCES environments(id) ON DELETE CASCADE,
  service_id           TEXT NOT NULL REFERENCES services(id) ON DELETE CASCADE,
  service_instance_id  TEXT NOT NULL REFERENCES service_instances(id) ON DELETE CASCADE,
  status               TEXT NOT NULL CHECK (status IN
                         ('QUEUED', 'WAITING', 'NEEDS_APPROVAL', 'INITIALIZING', 'BUILDING',
                          'DEPLOYING', 'SUCCESS', 'FAILED', 'CRASHED', 'SLEEPING', 'SKIPPED',
                          'REMOVING', 'REMOVED')),
  status_reason        TEXT,
  status_updated_us    INTEGER NOT NULL,
  cause                TEXT NOT NULL CHECK (cause IN
                         ('UP', 'REPO', 'IMAGE', 'REDEPLOY', 'ROLLBACK', 'RESTART', 'VARIABLES')),
  source_deployment_id TEXT REFERENCES deployments(id) ON DELETE SET NULL,
  snapshot_id          TEXT REFERENCES snapshots(id) ON DELETE SET NULL,
  image_id             TEXT REFERENCES images(id) ON DELETE SET NULL,
  settings             TEXT NOT NULL, -- JSON, frozen: model/service_settings.h
  meta                 TEXT,
  message              TEXT,
  creator_user_id      TEXT REFERENCES users(id) ON DELETE SET NULL,
  sockets              TEXT,
  detected_port        INTEGER NOT NULL CHECK (detected_port BETWEEN 0 AND 65535),
  stopped              INTEGER NOT NULL CHECK (stopped IN (0, 1)),
  queued_us            INTEGER NOT NULL,
  created_us           INTEGER NOT NULL,
  updated_us           INTEGER NOT NULL
) STRICT;
CREATE INDEX deployments_instance ON deployments(service_instance_id);
CREATE INDEX deployments_service ON deployments(service_id);
CREATE INDEX deployments_environment ON deployments(environment_id);
CREATE INDEX deployments_project ON deployments(project_id);
CREATE INDEX deployments_source ON deployments(source_deployment_id)
  WHERE source_deployment_id IS NOT NULL;
CREATE INDEX deployments_snapshot ON deployments(snapshot_id) WHERE snapshot_id IS NOT NULL;
CREATE INDEX deployments_image ON deployments(image_id) WHERE image_id IS NOT NULL;
CREATE INDEX deployments_creator ON deployments(creator_user_id) WHERE creator_user_id IS NOT NULL;
-- These three serve the queries with exactly the same conditions in store/deployment.c.
CREATE INDEX deployments_queued ON deployments(queued_us)
  WHERE status IN ('QUEUED', 'INITIALIZING');
CREATE INDEX deployments_unfinished ON deployments(seq)
  WHERE status NOT IN ('FAILED', 'SKIPPED', 'REMOVED');
CREATE INDEX deployments_active ON deployments(service_instance_id)
  WHERE status IN ('SUCCESS', 'SLEEPING', 'CRASHED');

-- The user's variables as they were, {name: value}.  A table of its own keeps these large and secret
-- values out of every other query.  format as in `variables`.
CREATE TABLE deployment_variables (
  deployment_id TEXT PRIMARY KEY REFERENCES deployments(id) ON DELETE CASCADE,
  format        INTEGER NOT NULL DEFAULT 0 CHECK (format >= 0),
  value         ANY NOT NULL CHECK (typeof(value) = iif(format = 0, 'text', 'blob'))
) STRICT;

CREATE TABLE deployment_steps (
  seq           INTEGER PRIMARY KEY,
  id            TEXT NOT NULL UNIQUE,
  deployment_id TEXT NOT NULL REFERENCES deployments(id) ON DELETE CASCADE,
  step          TEXT NOT NULL CHECK (step IN
                  ('SNAPSHOT_CODE', 'BUILD_IMAGE', 'PUBLISH_IMAGE', 'WAIT_FOR_DEPENDENCIES',
                   'PRE_DEPLOY_COMMAND', 'MIGRATE_VOLUMES', 'CREATE_CONTAINER',
                   'CONFIGURE_NETWORK', 'HEALTHCHECK', 'DRAIN_INSTANCES')),
  attempt       INTEGER NOT NULL CHECK (attempt >= 1),
  started_us    INTEGER NOT NULL,
  completed_us  INTEGER NOT NULL,
  error         TEXT,
  payload       TEXT,
  UNIQUE (deployment_id, step, attempt)
) STRICT;

CREATE TABLE deployment_instances (
  seq           INTEGER PRIMARY KEY,
  id            TEXT NOT NULL UNIQUE,
  deployment_id TEXT NOT NULL REFERENCES deployments(id) ON DELETE CASCADE,
  role          TEXT NOT NULL CHECK (role IN ('REPLICA', 'PRE_DEPLOY', 'TASK')),
  replica_index INTEGER NOT NULL CHECK (replica_index >= 0),
  status        TEXT NOT NULL CHECK (status IN
                  ('CREATED', 'INITIALIZING', 'RUNNING', 'RESTARTING', 'EXITED', 'STOPPED',
                   'CRASHED', 'SKIPPED', 'REMOVING', 'REMOVED')),
  address       TEXT,
  exit_code     INTEGER NOT NULL,
  restarts      INTEGER NOT NULL CHECK (restarts >= 0),
  state         TEXT,
  created_us    INTEGER NOT NULL,
  updated_us    INTEGER NOT NULL
) STRICT;
CREATE INDEX deployment_instances_deployment ON deployment_instances(deployment_id);
CREATE INDEX deployment_instances_live ON deployment_instances(seq) WHERE status <> 'REMOVED';
CREATE UNIQUE INDEX deployment_instances_replica ON deployment_instances(deployment_id, replica_index)
  WHERE role = 'REPLICA' AND status <> 'REMOVED';
