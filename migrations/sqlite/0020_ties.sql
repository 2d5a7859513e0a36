-- Ties: how involvements are looked after once they stand. Kept as the involvement is, unless a table says otherwise.

-- date; when somebody looks again whether no school may learn of it. Set where `school_not_told` is.
ALTER TABLE involvements ADD COLUMN school_not_told_review TEXT;
-- Whether the agency lets the school's safeguarding lead see that it exists, where its kind is not seen anyway.
ALTER TABLE involvements ADD COLUMN released INTEGER NOT NULL DEFAULT 0;
-- The team that had it before, which sees it as long.
ALTER TABLE involvements ADD COLUMN former_team TEXT;
-- date; the last day on which the former team sees it.
ALTER TABLE involvements ADD COLUMN former_team_until TEXT;
-- UTC, school time; when it was first sent under its id.
ALTER TABLE involvements ADD COLUMN begun_at TEXT;
UPDATE involvements SET begun_at = received_at;
-- How often it was sent again with other details.
ALTER TABLE involvements ADD COLUMN times_changed INTEGER NOT NULL DEFAULT 0;
-- How often it was sent again at all, or listed by a whole caseload.
ALTER TABLE involvements ADD COLUMN times_confirmed INTEGER NOT NULL DEFAULT 0;
-- Why it ended: ended (by its agency), unlisted (by a whole caseload), silent (no feed listed it).
ALTER TABLE involvements ADD COLUMN ended_because TEXT;
UPDATE involvements SET ended_because = 'ended' WHERE ended_at IS NOT NULL;
CREATE INDEX involvements_begun ON involvements (organisation_id, begun_at);
CREATE INDEX involvements_not_told ON involvements (pupil_id) WHERE school_not_told IS NOT NULL;

-- The same, on its way in.
ALTER TABLE involvements_staged ADD COLUMN school_not_told_review TEXT;
ALTER TABLE involvements_staged ADD COLUMN released INTEGER NOT NULL DEFAULT 0;
-- date; until when a team that gives it away goes on seeing it.
ALTER TABLE involvements_staged ADD COLUMN former_team_until TEXT;
-- UTC, school time; when it was put aside.
ALTER TABLE involvements_staged ADD COLUMN begun_at TEXT;

-- Claims that fit more than one child, and wait for a data matcher. Deleted with the claim's involvement.
CREATE TABLE ambiguous_claims (
  authority_id BLOB NOT NULL,             -- the authority that receives the returns of a school where one of the children is
  item_id BLOB NOT NULL,                  -- random; what the matcher is given instead of the claim's own id
  organisation_id BLOB NOT NULL,          -- the agency; told to no matcher
  id BLOB NOT NULL,                       -- the claim; told to no matcher
  received_at TEXT NOT NULL,           -- UTC; the claim as it then was: one that was sent with other details is another
  decided_at TEXT,                     -- UTC; none while it waits
  decided_by TEXT,                        -- the person who decided, as in the entry
  decision TEXT,                          -- matched or nobody
  PRIMARY KEY (authority_id, item_id)
) STRICT;
CREATE UNIQUE INDEX ambiguous_claims_once ON ambiguous_claims (organisation_id, id, authority_id);

-- Whole caseloads that would have ended too many at once, and wait for a person. Some a year.
CREATE TABLE held_caseloads (
  organisation_id BLOB NOT NULL,          -- the agency
  upload_id BLOB NOT NULL,                -- its claims are in involvements_staged
  system_id BLOB NOT NULL,                -- the system that sent it
  listed INTEGER NOT NULL,                -- claims in it
  would_end INTEGER NOT NULL,             -- open ones of the system that it does not list
  open INTEGER NOT NULL,                  -- open ones of the system
  held_at TEXT NOT NULL,               -- UTC; what was listed was confirmed at this time or later
  PRIMARY KEY (organisation_id, upload_id)
) STRICT;

-- Agencies whose feeds have fallen silent over so many that none ends until a person has looked. One row an agency.
CREATE TABLE silent_feeds (
  organisation_id BLOB NOT NULL PRIMARY KEY, -- the agency
  since TEXT NOT NULL,                  -- date; the first day on which too many would have ended
  due INTEGER NOT NULL,                   -- how many would end
  looked_on TEXT                        -- date; when a person let it go on
) STRICT;

-- Conflicts of interest: whom a person of an agency is not to see. Some hundred an agency.
CREATE TABLE conflicts (
  organisation_id BLOB NOT NULL,          -- the agency
  id BLOB NOT NULL,                       -- UUID made by the officer's system
  issuer TEXT NOT NULL,                   -- the identity provider that names the person
  tenant TEXT NOT NULL,                   -- its tenant; empty where it has none
  subject TEXT NOT NULL,                  -- the person, as the provider names them
  involvement_id BLOB,                    -- with the child of this involvement of the agency, or
  school_id BLOB,                         -- with every child of this school
  category TEXT NOT NULL,                 -- own_family, own_childs_school or other
  recorded_at TEXT NOT NULL,           -- UTC
  recorded_by TEXT NOT NULL,              -- the officer, as in the entry
  ended_at TEXT,                       -- UTC; from when it bars nothing
  PRIMARY KEY (organisation_id, id)
) STRICT;
CREATE INDEX conflicts_person ON conflicts (organisation_id, subject);

-- How far each school's roll events have been followed for the notices to teams. Two rows a school.
CREATE TABLE followed_rolls (
  school_id BLOB NOT NULL,                -- the school
  follows TEXT NOT NULL,                  -- deleted or mark_changed
  sequence INTEGER NOT NULL,              -- the last event that was followed
  PRIMARY KEY (school_id, follows)
) STRICT;
