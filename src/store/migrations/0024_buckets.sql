-- Object storage: a bucket is a project's; its instance in an environment has the data and the keys to them.
-- The secret is encrypted (store/sealed.h).  An instance that is deleted keeps its data for a while.
CREATE TABLE buckets (
  seq        INTEGER PRIMARY KEY,
  id         TEXT NOT NULL UNIQUE,
  project_id TEXT NOT NULL REFERENCES projects(id) ON DELETE CASCADE,
  name       TEXT NOT NULL,
  created_us INTEGER NOT NULL,
  updated_us INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX buckets_name ON buckets(project_id, lower(name));

CREATE TABLE bucket_instances (
  seq               INTEGER PRIMARY KEY,
  id                TEXT NOT NULL UNIQUE,
  bucket_id         TEXT NOT NULL REFERENCES buckets(id) ON DELETE CASCADE,
  environment_id    TEXT NOT NULL REFERENCES environments(id) ON DELETE CASCADE,
  service_id        TEXT NOT NULL,
  bucket_name       TEXT NOT NULL UNIQUE,
  access_key_id     TEXT NOT NULL UNIQUE,
  secret_access_key ANY NOT NULL,
  created_us        INTEGER NOT NULL,
  updated_us        INTEGER NOT NULL,
  deleted_us        INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX bucket_instances_place ON bucket_instances(bucket_id, environment_id);
CREATE INDEX bucket_instances_environment ON bucket_instances(environment_id);
CREATE INDEX bucket_instances_deleted ON bucket_instances(deleted_us) WHERE deleted_us > 0;
