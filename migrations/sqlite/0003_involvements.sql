-- Involvements: agencies' claims to be working with a child, and what became of each. Whole on one node.

CREATE TABLE involvements (
  organisation_id BLOB NOT NULL,          -- the agency
  id BLOB NOT NULL,                       -- UUID made by the agency's system
  system_id BLOB NOT NULL,                -- the system that sent it
  kind TEXT NOT NULL,                     -- front_door, assessment, cin, section_47_enquiry, cp, cla and so on
  team TEXT NOT NULL,                     -- code of the agency's team
  allocated_person TEXT,                  -- shown, not required
  source_case_id TEXT NOT NULL,           -- the agency's own case
  case_reference TEXT NOT NULL,           -- what a request carries in Case-Reference
  opened_at TEXT NOT NULL,                -- UTC; opening time as the agency gave it
  staff_id TEXT NOT NULL,                 -- who recorded it there
  until_day TEXT,                         -- date; last day by the kind's term, none until closed
  ended_at TEXT,                          -- UTC; from when it gives nothing
  claim_upn TEXT,                         -- as claimed
  claim_date_of_birth TEXT NOT NULL,      -- date; as claimed
  claim_surname TEXT NOT NULL,            -- as claimed
  claim_forename TEXT NOT NULL,           -- as claimed
  family_agreed_by TEXT,                  -- who of the family agreed, where the kind needs it
  family_agreed_to TEXT,                  -- to what
  family_agreed_until TEXT,               -- date; until when
  family_withdrawn_on TEXT,               -- date; from when it is withdrawn
  school_not_told TEXT,                   -- category, where no school may learn of it
  at_once INTEGER NOT NULL,               -- 1 where a match counts at once, 0 once a day
  pupil_id BLOB,                          -- the child, once matched
  matched_at TEXT,                        -- UTC
  received_at TEXT NOT NULL,              -- UTC; of the newest claim under this id
  PRIMARY KEY (organisation_id, id)
) STRICT;
CREATE INDEX involvements_pupil ON involvements (pupil_id, organisation_id);
CREATE INDEX involvements_pending ON involvements (at_once, received_at) WHERE pupil_id IS NULL;

CREATE TABLE matching_days (
  id INTEGER NOT NULL PRIMARY KEY,          -- always 1
  last_day TEXT NOT NULL                  -- date of the last daily run; one gateway of several claims each day
) STRICT;
INSERT INTO matching_days (id, last_day) VALUES (1, '2000-01-01');
