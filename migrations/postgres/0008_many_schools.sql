-- What importing for many schools needs: mandates, which are part of the directory, and which uploads are being staged.

CREATE TABLE mandates (
  id UUID NOT NULL PRIMARY KEY,           -- UUIDv7
  system_id UUID NOT NULL REFERENCES systems (id), -- the system that may act for the school
  school_id UUID NOT NULL REFERENCES organisations (id), -- the school that it may act for
  scopes TEXT NOT NULL,                   -- what it may call for that school, space separated; its own registration bounds it too
  valid_from DATE NOT NULL,               -- first day
  valid_until DATE NOT NULL               -- last day
);
CREATE INDEX mandates_school ON mandates (school_id);

CREATE TABLE uploads_begun (
  school_id UUID NOT NULL,                -- the school
  version BIGINT NOT NULL,               -- what its rows carry; gone once the school is switched to it, or its rows are
  begun_at TIMESTAMPTZ NOT NULL,                 -- UTC
  PRIMARY KEY (school_id, version)
);
-- What earlier versions of the gateway left behind, to be cleared by the school's next upload.
INSERT INTO uploads_begun (school_id, version, begun_at)
SELECT r.school_id, r.version, TIMESTAMPTZ '2000-01-01T00:00:00+00:00' FROM (
  SELECT school_id, version FROM enrolments UNION SELECT school_id, version FROM admission_entries
  UNION SELECT school_id, version FROM calendars UNION SELECT school_id, version FROM marks
  UNION SELECT school_id, version FROM amendments UNION SELECT school_id, version FROM recordings
  UNION SELECT school_id, version FROM roll_events
) r WHERE NOT EXISTS (
  SELECT 1 FROM register_versions v WHERE v.school_id = r.school_id AND v.version = r.version
);
