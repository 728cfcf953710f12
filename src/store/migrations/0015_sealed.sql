-- Values that are secrets are encrypted: store/sealed.h.  What lies there in clear is when the database
-- is opened next, for the key is in a file.

-- One row.  `key_id`: of the key that all is encrypted with, unless `pending`.  `stale`: free pages, or
-- copies kept of the database, may hold values in clear or under an older key.
CREATE TABLE secret_state (
  one     INTEGER PRIMARY KEY CHECK (one = 1),
  key_id  TEXT NOT NULL CHECK (length(key_id) = 16),
  pending INTEGER NOT NULL CHECK (pending IN (0, 1)),
  stale   INTEGER NOT NULL CHECK (stale IN (0, 1))
) STRICT;

CREATE TABLE sealed_settings (
  seq   INTEGER PRIMARY KEY,
  key   TEXT NOT NULL UNIQUE,
  value ANY NOT NULL
) STRICT;

INSERT INTO sealed_settings (key, value) SELECT key, value FROM settings WHERE key = 'release_key';
DELETE FROM settings WHERE key = 'release_key';
