-- What the references in a deployment's variables led to: model/deployment.h.  NULL until they are
-- resolved, which is when its build or, without one, its start begins.
ALTER TABLE deployments ADD COLUMN resolved TEXT;

-- Those of before had none: their values were taken as they were written.
UPDATE deployments SET resolved = '{"services":[],"sealed":[]}'
 WHERE status NOT IN ('QUEUED', 'WAITING', 'NEEDS_APPROVAL', 'INITIALIZING');
