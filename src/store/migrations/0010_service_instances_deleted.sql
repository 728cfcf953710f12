-- A service may leave one environment: deleted_us > 0 hides its instance there until what runs of it is
-- gone.

ALTER TABLE service_instances ADD COLUMN deleted_us INTEGER NOT NULL DEFAULT 0;
CREATE INDEX service_instances_deleted ON service_instances(deleted_us) WHERE deleted_us > 0;

DROP VIEW live_service_instances;
CREATE VIEW live_service_instances AS
  SELECT i.* FROM service_instances AS i
    JOIN services AS s ON s.id = i.service_id
    JOIN environments AS e ON e.id = i.environment_id
    JOIN projects AS p ON p.id = i.project_id
   WHERE i.deleted_us = 0 AND s.deleted_us = 0 AND e.deleted_us = 0 AND p.deleted_us = 0;
