-- Intake: who sent an upload; the rows of it that were rejected, as the school sent them, which quote children's cells
-- and are deleted 30 days after the upload; and a school's own codes, kept as long as the school is.

ALTER TABLE imports ADD COLUMN system_id UUID;  -- the system that sent it; none in rows of before

CREATE TABLE import_errors (
  school_id UUID NOT NULL,                -- the school
  import_id UUID NOT NULL,                -- the upload
  noted_at TIMESTAMPTZ NOT NULL,          -- UTC; deleted 30 days after
  errors TEXT NOT NULL,                   -- what was wrong, JSON, as in the report
  file BYTEA NOT NULL,                    -- the rejected rows with what to do about each, CSV
  PRIMARY KEY (school_id, import_id)
);
CREATE INDEX import_errors_age ON import_errors (noted_at);

CREATE TABLE local_code_maps (
  school_id UUID NOT NULL,                -- the school
  version BIGINT NOT NULL,                -- from 1; the highest is in force
  system_id UUID NOT NULL,                -- the system that set it
  set_at TIMESTAMPTZ NOT NULL,            -- UTC
  PRIMARY KEY (school_id, version)
);

CREATE TABLE local_codes (
  school_id UUID NOT NULL,                -- the school
  version BIGINT NOT NULL,                -- of the map
  place BIGINT NOT NULL,                  -- in the map, from 0
  local_code TEXT NOT NULL,               -- as the school writes it, at most 3 characters
  code TEXT NOT NULL,                     -- the code that it stands for
  valid_from DATE,                        -- first date; none: always
  valid_until DATE,                       -- last date; none: no end
  PRIMARY KEY (school_id, version, place)
);
