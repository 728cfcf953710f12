-- What is to run.  deleted_us > 0 hides a row while what runs of it is removed; then it is purged,
-- and the cascades below take the rest.

CREATE TABLE projects (
  seq          INTEGER PRIMARY KEY,
  id           TEXT NOT NULL UNIQUE,
  workspace_id TEXT NOT NULL REFERENCES workspaces(id) ON DELETE RESTRICT,
  name         TEXT NOT NULL,
  description  TEXT,
  created_us   INTEGER NOT NULL,
  updated_us   INTEGER NOT NULL,
  deleted_us   INTEGER NOT NULL
) STRICT;
CREATE INDEX projects_workspace ON projects(workspace_id);
CREATE INDEX projects_deleted ON projects(deleted_us) WHERE deleted_us > 0;

CREATE TABLE environments (
  seq                   INTEGER PRIMARY KEY,
  id                    TEXT NOT NULL UNIQUE,
  project_id            TEXT NOT NULL REFERENCES projects(id) ON DELETE CASCADE,
  name                  TEXT NOT NULL,
  is_ephemeral          INTEGER NOT NULL CHECK (is_ephemeral IN (0, 1)),
  source_environment_id TEXT REFERENCES environments(id) ON DELETE SET NULL,
  meta                  TEXT,
  created_us            INTEGER NOT NULL,
  updated_us            INTEGER NOT NULL,
  deleted_us            INTEGER NOT NULL
) STRICT;
CREATE INDEX environments_project ON environments(project_id);
CREATE UNIQUE INDEX environments_name ON environments(project_id, name) WHERE deleted_us = 0;
CREATE INDEX environments_source ON environments(source_environment_id)
  WHERE source_environment_id IS NOT NULL;
CREATE INDEX environments_deleted ON environments(deleted_us) WHERE deleted_us > 0;

CREATE TABLE services (
  seq        INTEGER PRIMARY KEY,
  id         TEXT NOT NULL UNIQUE,
  project_id TEXT NOT NULL REFERENCES projects(id) ON DELETE CASCADE,
  name       TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 32),
  label      TEXT NOT NULL CHECK (label <> '' AND label NOT GLOB '*[^a-z0-9-]*'),
  icon       TEXT,
  created_us INTEGER NOT NULL,
  updated_us INTEGER NOT NULL,
  deleted_us INTEGER NOT NULL
) STRICT;
CREATE INDEX services_project ON services(project_id);
CREATE UNIQUE INDEX services_label ON services(project_id, label) WHERE deleted_us = 0;
CREATE INDEX services_deleted ON services(deleted_us) WHERE deleted_us > 0;

CREATE TABLE service_instances (
  seq            INTEGER PRIMARY KEY,
  id             TEXT NOT NULL UNIQUE,
  project_id     TEXT NOT NULL REFERENCES projects(id) ON DELETE CASCADE,
  environment_id TEXT NOT NULL REFERENCES environments(id) ON DELETE CASCADE,
  service_id     TEXT NOT NULL REFERENCES services(id) ON DELETE CASCADE,
  settings       TEXT NOT NULL, -- JSON: model/service_settings.h
  created_us     INTEGER NOT NULL,
  updated_us     INTEGER NOT NULL,
  UNIQUE (service_id, environment_id)
) STRICT;
CREATE INDEX service_instances_environment ON service_instances(environment_id);
CREATE INDEX service_instances_project ON service_instances(project_id);

-- Instances whose service, environment and project all live.
CREATE VIEW live_service_instances AS
  SELECT i.* FROM service_instances AS i
    JOIN services AS s ON s.id = i.service_id
    JOIN environments AS e ON e.id = i.environment_id
    JOIN projects AS p ON p.id = i.project_id
   WHERE s.deleted_us = 0 AND e.deleted_us = 0 AND p.deleted_us = 0;

CREATE TABLE project_tokens (
  seq             INTEGER PRIMARY KEY,
  id              TEXT NOT NULL UNIQUE,
  project_id      TEXT NOT NULL REFERENCES projects(id) ON DELETE CASCADE,
  environment_id  TEXT NOT NULL REFERENCES environments(id) ON DELETE CASCADE,
  creator_user_id TEXT REFERENCES users(id) ON DELETE SET NULL,
  name            TEXT,
  secret_hash     TEXT NOT NULL UNIQUE CHECK (length(secret_hash) = 64),
  created_us      INTEGER NOT NULL,
  last_used_us    INTEGER NOT NULL,
  expires_us      INTEGER NOT NULL
) STRICT;
CREATE INDEX project_tokens_project ON project_tokens(project_id);
CREATE INDEX project_tokens_environment ON project_tokens(environment_id);
CREATE INDEX project_tokens_creator ON project_tokens(creator_user_id)
  WHERE creator_user_id IS NOT NULL;

-- service_id NULL: shared by the environment.  format 0 is plain text; the value of any other format
-- is a blob, so that a program which does not know the format cannot take it for a value.
CREATE TABLE variables (
  seq            INTEGER PRIMARY KEY,
  id             TEXT NOT NULL UNIQUE,
  project_id     TEXT NOT NULL REFERENCES projects(id) ON DELETE CASCADE,
  environment_id TEXT NOT NULL REFERENCES environments(id) ON DELETE CASCADE,
  service_id     TEXT REFERENCES services(id) ON DELETE CASCADE,
  name           TEXT NOT NULL CHECK (name <> ''),
  format         INTEGER NOT NULL DEFAULT 0 CHECK (format >= 0),
  value          ANY NOT NULL CHECK (typeof(value) = iif(format = 0, 'text', 'blob')),
  is_sealed      INTEGER NOT NULL CHECK (is_sealed IN (0, 1)),
  created_us     INTEGER NOT NULL,
  updated_us     INTEGER NOT NULL
) STRICT;
-- A NULL would be different from every other NULL, so '' stands for it.
CREATE UNIQUE INDEX variables_name ON variables(environment_id, ifnull(service_id, ''), name);
CREATE INDEX variables_project ON variables(project_id);
CREATE INDEX variables_service ON variables(service_id) WHERE service_id IS NOT NULL;

CREATE TABLE domains (
  seq                 INTEGER PRIMARY KEY,
  id                  TEXT NOT NULL UNIQUE,
  kind                TEXT NOT NULL CHECK (kind IN ('SERVICE', 'CUSTOM')),
  host                TEXT NOT NULL UNIQUE CHECK (host <> '' AND host = lower(host)),
  suffix              TEXT,
  project_id          TEXT NOT NULL,
  environment_id      TEXT NOT NULL,
  service_id          TEXT NOT NULL,
  service_instance_id TEXT NOT NULL REFERENCES service_instances(id) ON DELETE CASCADE,
  target_port         INTEGER NOT NULL CHECK (target_port BETWEEN 0 AND 65535),
  sync_status         TEXT NOT NULL CHECK (sync_status IN
                        ('CREATING', 'UPDATING', 'ACTIVE', 'DELETING', 'DELETED', 'UNSPECIFIED')),
  created_us          INTEGER NOT NULL,
  updated_us          INTEGER NOT NULL
) STRICT;
CREATE INDEX domains_instance ON domains(service_instance_id);
CREATE INDEX domains_environment ON domains(environment_id);

CREATE VIEW domain_routes AS
  SELECT d.host, d.target_port, d.service_instance_id
    FROM domains AS d
    JOIN live_service_instances AS i ON i.id = d.service_instance_id
   WHERE d.sync_status NOT IN ('DELETING', 'DELETED');
