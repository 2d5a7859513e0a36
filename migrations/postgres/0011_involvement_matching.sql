-- Involvements: what finding and matching go by, and how often a case may be renewed or tried.
-- Of a person these tables hold what an agency sent of its own case. Terms go a year after the last day of the case, counts
-- after 28 days. The rows of a caseload stand aside until it counts; what an abandoned one left goes with the agency's next
-- caseload, or with the daily run.

-- A search by the caller's own case reference.
CREATE INDEX involvements_reference ON involvements (organisation_id, case_reference);

-- Where a claim waits: 1 a new section 47 enquiry, 2 another new claim that counts at once, 3 one that was looked at
-- before, 4 once a day, 5 more claims of one source case in a day than are looked at; none where it does not wait.
ALTER TABLE involvements ADD COLUMN queue BIGINT;
-- UTC; when it was first found to fit a child whose whereabouts are protected. Told to nobody outside.
ALTER TABLE involvements ADD COLUMN held_at TIMESTAMPTZ;
-- The manager who renewed it, as the agency says.
ALTER TABLE involvements ADD COLUMN renewed_by TEXT;
-- SHA-256 of what was sent and the last day granted, so that a caseload touches only what changed.
ALTER TABLE involvements ADD COLUMN claim_digest BYTEA;
UPDATE involvements SET queue = CASE WHEN at_once THEN 3 ELSE 4 END WHERE pupil_id IS NULL AND ended_at IS NULL;
DROP INDEX involvements_pending;
CREATE INDEX involvements_queue ON involvements (queue, organisation_id, received_at, id) WHERE queue IS NOT NULL;

-- The gateway that runs the day's matching, so that another takes over when it stops; last_day is the last day done.
ALTER TABLE matching_days ADD COLUMN holder UUID;
-- UTC; until when nobody else takes it.
ALTER TABLE matching_days ADD COLUMN lease_until TIMESTAMPTZ;

CREATE TABLE involvement_terms (
  organisation_id UUID NOT NULL,          -- the agency
  source_case_id TEXT NOT NULL,           -- the agency's own case
  kind TEXT NOT NULL,                     -- kind of involvement that has a term
  first_opened DATE NOT NULL,             -- date; when it was first opened
  last_opened DATE NOT NULL,              -- date; the latest opening that was granted
  renewals BIGINT NOT NULL,                 -- how often it was renewed
  last_day DATE NOT NULL,                 -- date; the last on which it counts
  PRIMARY KEY (organisation_id, source_case_id, kind)
);

CREATE TABLE involvement_tries (
  organisation_id UUID NOT NULL,          -- the agency
  source_case_id TEXT NOT NULL,           -- the agency's own case
  tried_on DATE NOT NULL,                 -- date; school time
  claims BIGINT NOT NULL,                   -- claims that were new on that day, or had other details than before
  PRIMARY KEY (organisation_id, source_case_id, tried_on)
);

CREATE TABLE involvements_staged (
  organisation_id UUID NOT NULL,          -- the agency
  upload_id UUID NOT NULL,                -- one caseload, or one claim sent alone
  id UUID NOT NULL,                       -- as in involvements, and so are those below
  system_id UUID NOT NULL,                -- the system that sent it
  kind TEXT NOT NULL,                     -- kind of involvement
  team TEXT NOT NULL,                     -- code of the agency's team
  allocated_person TEXT,                  -- shown, not required
  source_case_id TEXT NOT NULL,           -- the agency's own case
  case_reference TEXT NOT NULL,           -- what a request carries in Case-Reference
  opened_at TIMESTAMPTZ NOT NULL,                -- UTC; opening time as the agency gave it
  staff_id TEXT NOT NULL,                 -- who recorded it there
  renewed_by TEXT,                        -- the manager who renewed it, as the agency says
  until_day DATE,                         -- date; the last day granted, none until closed
  claim_upn TEXT,                         -- as claimed
  claim_date_of_birth DATE NOT NULL,      -- date; as claimed
  claim_surname TEXT NOT NULL,            -- as claimed
  claim_forename TEXT NOT NULL,           -- as claimed
  family_agreed_by TEXT,                  -- who of the family agreed, where the kind needs it
  family_agreed_to TEXT,                  -- to what
  family_agreed_until DATE,               -- date; until when
  family_withdrawn_on DATE,               -- date; from when it is withdrawn
  school_not_told TEXT,                   -- category, where no school may learn of it
  at_once BOOLEAN NOT NULL,                 -- whether a match counts at once
  queue BIGINT,                             -- where it is to wait
  claim_digest BYTEA NOT NULL,            -- SHA-256 of what was sent and the last day granted
  is_new BOOLEAN NOT NULL,                  -- whether it counts as a try of its source case
  first_opened DATE,                      -- date; what its term becomes, none where its kind has none
  last_opened DATE,                       -- date; the same
  renewals BIGINT,                          -- the same
  last_day DATE,                          -- date; the same
  staged_at TIMESTAMPTZ NOT NULL,                -- UTC; when it was put aside
  PRIMARY KEY (organisation_id, upload_id, id)
);
