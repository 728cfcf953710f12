-- Ports of the edge that lead to ports of services.  allow is a JSON list of networks; [] is everybody.
CREATE TABLE tcp_proxies (
  seq                 INTEGER PRIMARY KEY,
  id                  TEXT NOT NULL UNIQUE,
  project_id          TEXT NOT NULL,
  environment_id      TEXT NOT NULL,
  service_id          TEXT NOT NULL,
  service_instance_id TEXT NOT NULL REFERENCES service_instances(id) ON DELETE CASCADE,
  application_port    INTEGER NOT NULL CHECK (application_port BETWEEN 1 AND 65535),
  proxy_port          INTEGER NOT NULL UNIQUE CHECK (proxy_port BETWEEN 1 AND 65535),
  allow               TEXT NOT NULL,
  created_us          INTEGER NOT NULL,
  updated_us          INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX tcp_proxies_place ON tcp_proxies(service_instance_id, application_port);
CREATE INDEX tcp_proxies_environment ON tcp_proxies(environment_id);
