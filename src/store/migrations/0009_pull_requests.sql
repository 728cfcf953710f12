-- What a project does with pull requests: see model/project.h.

ALTER TABLE projects ADD COLUMN pr_deploys INTEGER NOT NULL DEFAULT 0 CHECK (pr_deploys IN (0, 1));
ALTER TABLE projects ADD COLUMN base_environment_id TEXT REFERENCES environments(id) ON DELETE SET NULL;
ALTER TABLE projects ADD COLUMN focused_pr_environments INTEGER NOT NULL DEFAULT 0
  CHECK (focused_pr_environments IN (0, 1));
ALTER TABLE projects ADD COLUMN bot_pr_environments INTEGER NOT NULL DEFAULT 0
  CHECK (bot_pr_environments IN (0, 1));
CREATE INDEX projects_base_environment ON projects(base_environment_id)
  WHERE base_environment_id IS NOT NULL;
