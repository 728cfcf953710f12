-- Changes of an environment's configuration: model/environment_patch.h.  At most one is staged.

CREATE TABLE environment_patches (
  seq                INTEGER PRIMARY KEY,
  id                 TEXT NOT NULL UNIQUE,
  environment_id     TEXT NOT NULL REFERENCES environments(id) ON DELETE CASCADE,
  status             TEXT NOT NULL CHECK (status IN ('STAGED', 'APPLYING', 'COMMITTED')),
  message            TEXT,
  format             INTEGER NOT NULL DEFAULT 0 CHECK (format >= 0), -- as in `variables`
  patch              ANY NOT NULL CHECK (typeof(patch) = iif(format = 0, 'text', 'blob')),
  changes            TEXT,          -- JSON: core/environment_diff.h
  creator_user_id    TEXT REFERENCES users(id) ON DELETE SET NULL,
  applied_user_id    TEXT REFERENCES users(id) ON DELETE SET NULL,
  last_applied_error TEXT,
  created_us         INTEGER NOT NULL,
  updated_us         INTEGER NOT NULL,
  applied_us         INTEGER NOT NULL
) STRICT;
CREATE INDEX environment_patches_environment ON environment_patches(environment_id);
CREATE UNIQUE INDEX environment_patches_staged ON environment_patches(environment_id) WHERE status = 'STAGED';
CREATE INDEX environment_patches_applying ON environment_patches(seq) WHERE status = 'APPLYING';
CREATE INDEX environment_patches_creator ON environment_patches(creator_user_id)
  WHERE creator_user_id IS NOT NULL;
CREATE INDEX environment_patches_applied ON environment_patches(applied_user_id)
  WHERE applied_user_id IS NOT NULL;

-- Deployments that a patch is still to make.  A row goes in the transaction that makes a deployment of
-- its instance, so that none is lost and none is made twice.
CREATE TABLE environment_patch_deploys (
  seq                 INTEGER PRIMARY KEY,
  patch_id            TEXT NOT NULL REFERENCES environment_patches(id) ON DELETE CASCADE,
  service_instance_id TEXT NOT NULL REFERENCES service_instances(id) ON DELETE CASCADE,
  UNIQUE (patch_id, service_instance_id)
) STRICT;
CREATE INDEX environment_patch_deploys_instance ON environment_patch_deploys(service_instance_id);
