-- Involvements: agencies' claims to be working with a child, and what became of each. Whole on one node.

CREATE TABLE involvements (
  organisation_id UUID NOT NULL,          -- the agency
  id UUID NOT NULL,                       -- UUID made by the agency's system
  system_id UUID NOT NULL,                -- the system that sent it
  kind TEXT NOT NULL,                     -- front_door, assessment, cin, section_47_enquiry, cp, cla and so on
  team TEXT NOT NULL,                     -- code of the agency's team
  allocated_person TEXT,                  -- shown, not required
  source_case_id TEXT NOT NULL,           -- the agency's own case
  case_reference TEXT NOT NULL,           -- what a request carries in Case-Reference
  opened_at TIMESTAMPTZ NOT NULL,                -- UTC; opening time as the agency gave it
  staff_id TEXT NOT NULL,                 -- who recorded it there
  until_day DATE,                         -- date; last day by the kind's term, none until closed
  ended_at TIMESTAMPTZ,                          -- UTC; from when it gives nothing
  claim_upn TEXT,                         -- as claimed
  claim_date_of_birth DATE NOT NULL,      -- date; as claimed
  claim_surname TEXT NOT NULL,            -- as claimed
  claim_forename TEXT NOT NULL,           -- as claimed
  family_agreed_by TEXT,                  -- who of the family agreed, where the kind needs it
  family_agreed_to TEXT,                  -- to what
  family_agreed_until DATE,               -- date; until when
  family_withdrawn_on DATE,               -- date; from when it is withdrawn
  school_not_told TEXT,                   -- category, where no school may learn of it
  at_once BOOLEAN NOT NULL,               -- 1 where a match counts at once, 0 once a day
  pupil_id UUID,                          -- the child, once matched
  matched_at TIMESTAMPTZ,                        -- UTC
  received_at TIMESTAMPTZ NOT NULL,              -- UTC; of the newest claim under this id
  PRIMARY KEY (organisation_id, id)
);
CREATE INDEX involvements_pupil ON involvements (pupil_id, organisation_id);
CREATE INDEX involvements_pending ON involvements (at_once, received_at) WHERE pupil_id IS NULL;

CREATE TABLE matching_days (
  id BIGINT NOT NULL PRIMARY KEY,          -- always 1
  last_day DATE NOT NULL                  -- date of the last daily run; one gateway of several claims each day
);
INSERT INTO matching_days (id, last_day) VALUES (1, '2000-01-01');
