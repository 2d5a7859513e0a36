-- Gate: what stands for a child outside. Whole on one node; one row per (system, organisation acted for, child) seen.

CREATE TABLE handles (
  system_id BLOB NOT NULL,                -- the system that holds it
  organisation_id BLOB NOT NULL,          -- the organisation it acts for
  handle BLOB NOT NULL,                   -- 16 random bytes, never time-ordered
  pupil_id BLOB NOT NULL,                 -- the child
  issued_at TEXT NOT NULL,                -- UTC
  retired_at TEXT,                        -- UTC; resolves to nothing from then on
  PRIMARY KEY (system_id, organisation_id, handle)
) STRICT;
CREATE UNIQUE INDEX handles_child ON handles (system_id, organisation_id, pupil_id) WHERE retired_at IS NULL;
