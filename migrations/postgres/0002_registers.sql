-- Registers: what schools hold, as they gave it. Every row of a school carries school_id first in its key.
-- A row belongs to the upload (version) that brought it and counts once that version is in register_versions, so an
-- upload is staged in short transactions and switched to by one more; nothing is overwritten.

CREATE TABLE pupils (
  id UUID NOT NULL PRIMARY KEY,           -- UUIDv7; the child, and nothing about it: matching keys stand with the enrolment
  created_at TIMESTAMPTZ NOT NULL                -- UTC
);

CREATE TABLE admissions_generation (
  id BIGINT NOT NULL PRIMARY KEY,          -- always 1
  generation BIGINT NOT NULL               -- grows with every upload that admits: two schools cannot admit one child as two
);
INSERT INTO admissions_generation (id, generation) VALUES (1, 0);

CREATE TABLE register_state (
  school_id UUID NOT NULL PRIMARY KEY,    -- the school
  current_version BIGINT NOT NULL,       -- newest version switched to; 0 before the first
  next_version BIGINT NOT NULL           -- next version to give to an upload
);

CREATE TABLE register_versions (
  school_id UUID NOT NULL,                -- the school
  version BIGINT NOT NULL,               -- grows in the order of switching
  committed_at TIMESTAMPTZ NOT NULL,             -- UTC, school time: when the school's register was switched to it
  PRIMARY KEY (school_id, version)
);

CREATE TABLE enrolments (
  school_id UUID NOT NULL,                -- the school
  id UUID NOT NULL,                       -- UUIDv7; the unit of every attendance statistic
  version BIGINT NOT NULL,               -- the upload that brought this state of it
  pupil_id UUID NOT NULL,                 -- the child
  school_pupil_id TEXT,                   -- the school's own number for the pupil
  upn TEXT,                               -- unique pupil number as this school gave it; not every pupil has one
  upn_permanent BOOLEAN NOT NULL,         -- 1 where the UPN is permanent; only such a one ever matches
  surname TEXT NOT NULL,                  -- as this school gave it
  surname_key TEXT NOT NULL,              -- the surname as compared
  forename TEXT NOT NULL,                 -- as this school gave it
  forename_key TEXT NOT NULL,             -- the forename as compared
  date_of_birth DATE NOT NULL,            -- date
  sex TEXT,                               -- as this school gave it
  year_group TEXT,                        -- national curriculum year, stored, never derived
  status TEXT NOT NULL,                   -- single, main, subsidiary or guest
  starting_day DATE NOT NULL,             -- date; SI 2024/208 reg 8(2)(h)
  last_day DATE,                          -- date; the last on roll, none while on roll
  removal_ground TEXT,                    -- paragraph of reg 9 as the school gave it
  boarder BOOLEAN NOT NULL,               -- 1 where the pupil boards: no attendance marks
  part_time BOOLEAN NOT NULL,             -- 1 while a part-time timetable is agreed
  home_authority TEXT,                    -- three digits
  home_authority_assumed BOOLEAN NOT NULL, -- 1 where it was taken from the school and not recorded: grants nothing
  whereabouts_protected BOOLEAN NOT NULL, -- 1 where the whereabouts are protected; a file can raise it, never lower it
  PRIMARY KEY (school_id, id, version)
);
CREATE INDEX enrolments_pupil ON enrolments (pupil_id);
CREATE INDEX enrolments_upn ON enrolments (upn, date_of_birth);
CREATE INDEX enrolments_name ON enrolments (surname_key, date_of_birth);

CREATE TABLE admission_entries (
  school_id UUID NOT NULL,                -- the school
  enrolment_id UUID NOT NULL,             -- the enrolment
  version BIGINT NOT NULL,               -- the upload that brought this state of it
  fields TEXT NOT NULL,                   -- the other fields of SI 2024/208 reg 8 and cohort marks, JSON object
  PRIMARY KEY (school_id, enrolment_id, version)
);

CREATE TABLE calendars (
  school_id UUID NOT NULL,                -- the school
  school_year BIGINT NOT NULL,           -- start year of 1 August to 31 July
  version BIGINT NOT NULL,               -- the upload that brought this state of it
  calendar BYTEA NOT NULL,                 -- encoded by domain::calendar
  PRIMARY KEY (school_id, school_year, version)
);

CREATE TABLE marks (
  school_id UUID NOT NULL,                -- the school
  enrolment_id UUID NOT NULL,             -- the enrolment
  school_year BIGINT NOT NULL,           -- start year of 1 August to 31 July
  version BIGINT NOT NULL,               -- the upload that brought this state of it
  marks BYTEA NOT NULL,                    -- packed by date, two bytes a day, 732 in all; 0 is no mark
  entered BYTEA NOT NULL,                  -- when each was recorded, seconds since 1 August, four bytes each; 0 is not known
  minutes BYTEA NOT NULL,                  -- minutes late where sent: pairs of index and minutes, two bytes each
  received_at TIMESTAMPTZ NOT NULL,              -- UTC, school time: when the newest of them came
  PRIMARY KEY (school_id, enrolment_id, school_year, version)
);

CREATE TABLE amendments (
  school_id UUID NOT NULL,                -- the school
  id UUID NOT NULL,                       -- UUIDv7
  version BIGINT NOT NULL,               -- the upload that brought it
  enrolment_id UUID NOT NULL,             -- the enrolment
  register TEXT NOT NULL,                 -- attendance or admission
  field TEXT NOT NULL,                    -- admission: the field; attendance: am or pm
  session_date DATE,                      -- date of the session; none in the admission register
  original TEXT NOT NULL,                 -- original entry, reg 6(1)(a)
  amended TEXT NOT NULL,                  -- amended entry, reg 6(1)(b)
  reason TEXT NOT NULL,                   -- reason, reg 6(1)(c); "not given by the source" where it came without
  amended_on DATE NOT NULL,               -- date of the amendment, reg 6(1)(d)
  amended_by TEXT NOT NULL,               -- name of the person, reg 6(1)(e); "not given by the source" where it came without
  import_id UUID NOT NULL,                -- the upload it came with
  PRIMARY KEY (school_id, id)
);
CREATE INDEX amendments_enrolment ON amendments (school_id, enrolment_id, session_date);

CREATE TABLE recordings (
  school_id UUID NOT NULL,                -- the school
  enrolment_id UUID NOT NULL,             -- the enrolment
  session_date DATE NOT NULL,             -- date of the session
  half TEXT NOT NULL,                     -- am or pm
  recorded_at TIMESTAMPTZ NOT NULL,              -- UTC, whole seconds: when the school recorded it
  code TEXT NOT NULL,                     -- what it recorded
  version BIGINT NOT NULL,                 -- the upload that brought it
  amended_from TEXT,                      -- what it replaced, as the source told it
  reason TEXT,                            -- reason, reg 6(1)(c); none where it came without
  amended_by TEXT,                        -- name of the person, reg 6(1)(e); none where it came without
  import_id UUID NOT NULL,                -- the upload it came with
  PRIMARY KEY (school_id, enrolment_id, session_date, half, recorded_at, code, version)
);

CREATE TABLE roll_events (
  school_id UUID NOT NULL,                -- the school
  sequence BIGINT NOT NULL,              -- version * 1,000,000 + place in the upload: grows in the order of switching
  version BIGINT NOT NULL,               -- the upload that brought it
  enrolment_id UUID NOT NULL,             -- the enrolment
  event TEXT NOT NULL,                    -- admitted, amended, left, deleted or mark_changed
  PRIMARY KEY (school_id, sequence)
);
