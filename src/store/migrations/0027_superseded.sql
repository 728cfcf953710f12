-- Which newer deployment took the place of one that was not live yet.
ALTER TABLE deployments ADD COLUMN superseded_by_id TEXT REFERENCES deployments(id) ON DELETE SET NULL;
CREATE INDEX deployments_superseded ON deployments(superseded_by_id) WHERE superseded_by_id IS NOT NULL;
