-- Intake: one row per upload of a school, with its report.

CREATE TABLE imports (
  school_id UUID NOT NULL,                -- the school
  id UUID NOT NULL,                       -- UUIDv7
  kind TEXT NOT NULL,                     -- calendar, pupils or attendance
  version BIGINT,                        -- what the registers were switched to; none where nothing changed
  received_at TIMESTAMPTZ NOT NULL,              -- UTC
  file_digest BYTEA NOT NULL,              -- SHA-256 of what was sent
  report TEXT NOT NULL,                   -- counts and row errors, JSON; shown to this school only
  PRIMARY KEY (school_id, id)
);
