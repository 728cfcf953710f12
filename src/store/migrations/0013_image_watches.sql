-- Which image the tag of a service's source pointed to when the registry was asked last: store/image_watch.h.
CREATE TABLE image_watches (
  service_instance_id TEXT PRIMARY KEY REFERENCES service_instances(id) ON DELETE CASCADE,
  reference           TEXT NOT NULL,
  digest              TEXT NOT NULL
) STRICT;
