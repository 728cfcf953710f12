-- What happened during each cutover: model/receipt.h.  previous_id is no reference: the receipt
-- outlives the deployment that was replaced.

CREATE TABLE receipts (
  seq                 INTEGER PRIMARY KEY,
  id                  TEXT NOT NULL UNIQUE,
  deployment_id       TEXT NOT NULL UNIQUE REFERENCES deployments(id) ON DELETE CASCADE,
  previous_id         TEXT,
  service_instance_id TEXT NOT NULL,
  log_from            INTEGER NOT NULL,
  log_to              INTEGER NOT NULL,
  began_us            INTEGER NOT NULL,
  switched_us         INTEGER NOT NULL,
  drained_us          INTEGER NOT NULL,
  ended_us            INTEGER NOT NULL,
  counted             INTEGER NOT NULL CHECK (counted IN (0, 1)),
  complete            INTEGER NOT NULL CHECK (complete IN (0, 1)),
  served              INTEGER NOT NULL,
  streams             INTEGER NOT NULL,
  failed              INTEGER NOT NULL,
  aborted             INTEGER NOT NULL,
  app_errors          INTEGER NOT NULL,
  slowest_ms          INTEGER NOT NULL,
  drained             INTEGER NOT NULL,
  cut                 INTEGER NOT NULL
) STRICT;
CREATE INDEX receipts_open ON receipts(previous_id) WHERE counted = 0;
