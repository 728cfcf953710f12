-- What Tramway signs in with at registries and at the hosts of private repositories.  The secret is
-- encrypted (store/sealed.h).  service_instance_id NULL: it is the project's, for all its services.
CREATE TABLE credentials (
  seq                 INTEGER PRIMARY KEY,
  id                  TEXT NOT NULL UNIQUE,
  project_id          TEXT NOT NULL REFERENCES projects(id) ON DELETE CASCADE,
  service_instance_id TEXT REFERENCES service_instances(id) ON DELETE CASCADE,
  kind                TEXT NOT NULL CHECK (kind IN ('REGISTRY', 'REPOSITORY', 'DEPLOY_KEY')),
  host                TEXT NOT NULL CHECK (host = lower(host)),
  username            TEXT NOT NULL,
  secret              ANY NOT NULL,
  created_us          INTEGER NOT NULL,
  updated_us          INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX credentials_place ON credentials(project_id, ifnull(service_instance_id, ''), kind, host);
CREATE INDEX credentials_instance ON credentials(service_instance_id) WHERE service_instance_id IS NOT NULL;
