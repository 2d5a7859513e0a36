-- Idempotency keys: writes that their sender may send again. Kept by the gate for as many hours as the configuration says,
-- in the transaction of the write; the daily run ends them in batches. Nothing personal: MACs, a status and an id.
CREATE TABLE idempotency_keys (
  scope BLOB NOT NULL PRIMARY KEY,        -- MAC of system, organisation, person, role, purpose, route and key
  system_id BLOB NOT NULL,                -- the system that sent it
  organisation_id BLOB NOT NULL,          -- the organisation for which it acted
  request BLOB NOT NULL,                  -- MAC of path, query and body: another one under the same key is refused
  status INTEGER NOT NULL,                -- HTTP status of the answer, always a success
  record TEXT,                            -- id of what was written, where its answer is read by one
  kept_at TEXT NOT NULL                   -- UTC, school time; when it was carried out
) STRICT;
CREATE INDEX idempotency_keys_of_system ON idempotency_keys (system_id, organisation_id, kept_at);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (kept_at);
