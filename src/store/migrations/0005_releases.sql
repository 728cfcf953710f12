-- What a deployment was when it went live, for good.  `hash` is of everything but the version: equal
-- releases run the same.  Of variables it has names and keyed digests of the values, never values.

CREATE TABLE releases (
  seq           INTEGER PRIMARY KEY,
  deployment_id TEXT NOT NULL UNIQUE REFERENCES deployments(id) ON DELETE CASCADE,
  hash          TEXT NOT NULL CHECK (length(hash) = 64),
  image_digest  TEXT NOT NULL,
  source        TEXT NOT NULL, -- JSON: model/release.h, as the others
  settings      TEXT NOT NULL,
  variables     TEXT NOT NULL,
  routes        TEXT NOT NULL,
  volumes       TEXT NOT NULL,
  version       TEXT NOT NULL, -- of the Tramway that made it live
  created_us    INTEGER NOT NULL
) STRICT;

CREATE TRIGGER releases_are_immutable BEFORE UPDATE ON releases
BEGIN
  SELECT RAISE(ABORT, 'a release is never changed');
END;

CREATE TRIGGER releases_go_with_their_deployment BEFORE DELETE ON releases
  WHEN EXISTS (SELECT 1 FROM deployments WHERE id = old.deployment_id)
BEGIN
  SELECT RAISE(ABORT, 'a release is deleted only with its deployment');
END;
