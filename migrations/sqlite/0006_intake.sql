-- Intake: one row per upload of a school, with its report.

CREATE TABLE imports (
  school_id BLOB NOT NULL,                -- the school
  id BLOB NOT NULL,                       -- UUIDv7
  kind TEXT NOT NULL,                     -- calendar, pupils or attendance
  version INTEGER,                        -- what the registers were switched to; none where nothing changed
  received_at TEXT NOT NULL,              -- UTC
  file_digest BLOB NOT NULL,              -- SHA-256 of what was sent
  report TEXT NOT NULL,                   -- counts and row errors, JSON; shown to this school only
  PRIMARY KEY (school_id, id)
) STRICT;
