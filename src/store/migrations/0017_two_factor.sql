-- Second factors.  `secret` is encrypted (store/sealed.h).

CREATE TABLE two_factors (
  seq          INTEGER PRIMARY KEY,
  user_id      TEXT NOT NULL UNIQUE REFERENCES users(id) ON DELETE CASCADE,
  secret       BLOB NOT NULL,
  is_confirmed INTEGER NOT NULL CHECK (is_confirmed IN (0, 1)),
  last_step    INTEGER NOT NULL
) STRICT;

CREATE TABLE recovery_codes (
  user_id     TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  secret_hash TEXT NOT NULL CHECK (length(secret_hash) = 64),
  PRIMARY KEY (user_id, secret_hash)
) STRICT, WITHOUT ROWID;
