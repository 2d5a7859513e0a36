-- Involvements: what stands between a child and who asks, and what opens before a case does: emergencies, shields,
-- withheld decisions, protected whereabouts, and what waits for those who protect a child. Whole on one node; grows with
-- some thousand rows a year.

ALTER TABLE teams ADD COLUMN telephone TEXT NOT NULL DEFAULT ''; -- where the team is rung back, and nowhere else; empty: none is known
ALTER TABLE involvements ADD COLUMN accepted_at TEXT; -- UTC; when those who protect the child accepted the claim
ALTER TABLE involvements ADD COLUMN held_pupil_id BLOB; -- the child that it fits, where those who protect it must accept first

CREATE TABLE emergencies (
  id BLOB NOT NULL PRIMARY KEY,           -- one for each child of a claim
  claim_id BLOB NOT NULL,                 -- children of one household's incident are one claim
  organisation_id BLOB NOT NULL,          -- the authority that is acted for
  system_id BLOB NOT NULL,                -- the system through which it was claimed
  person TEXT NOT NULL,                   -- who claimed: issuer, tenant and subject
  teams TEXT NOT NULL,                    -- codes of that person's teams, space separated
  category TEXT NOT NULL,                 -- what kind of emergency
  reason TEXT NOT NULL,                   -- what has happened, in the claimant's words
  call_back TEXT NOT NULL,                -- the number that the claimant gave; shown, and never dialled by rule
  claim_upn TEXT,                         -- as claimed
  claim_date_of_birth TEXT,             -- date; as claimed
  claim_surname TEXT,                     -- as claimed, as compared
  claim_forename TEXT,                    -- as claimed, as compared
  named BLOB NOT NULL,                 -- SHA-256 of what names the child, by which it is known again within a week
  claimed_at TEXT NOT NULL,             -- UTC; school time
  opens_at TEXT NOT NULL,               -- UTC; from when it gives
  closes_at TEXT NOT NULL,              -- UTC; from when it gives nothing
  not_opened TEXT,                        -- why it gives nothing at all: a limit of the person's own
  looked_at TEXT,                       -- UTC; when its child was looked for
  pupil_id BLOB,                          -- the child, once found, or released by those who protect it
  held_pupil_id BLOB,                    -- the child, where those who protect it must release it first
  held_at TEXT,                         -- UTC; when they were asked
  accepted_at TEXT,                     -- UTC; when those who protect the child released it
  countersign_by TEXT NOT NULL,         -- date; the next working day
  countersigned_at TEXT,                -- UTC
  countersigned_by TEXT,                  -- the manager: issuer, tenant and subject
  told_at TEXT                          -- UTC; when it was told that nobody had countersigned
) STRICT;
CREATE INDEX emergencies_person ON emergencies (organisation_id, person, claimed_at);
CREATE INDEX emergencies_claim ON emergencies (claim_id);
CREATE INDEX emergencies_new ON emergencies (claimed_at, id) WHERE looked_at IS NULL;
CREATE INDEX emergencies_held ON emergencies (id) WHERE held_pupil_id IS NOT NULL AND held_at IS NULL;
CREATE INDEX emergencies_due ON emergencies (countersign_by) WHERE countersigned_at IS NULL;

CREATE TABLE emergency_renewals (
  emergency_id BLOB NOT NULL REFERENCES emergencies (id), -- of what
  number INTEGER NOT NULL,                  -- from 1
  reason TEXT NOT NULL,                   -- why thirty minutes more, in the claimant's words
  asked_at TEXT NOT NULL,               -- UTC; school time
  opens_at TEXT NOT NULL,               -- UTC; from when it gives
  closes_at TEXT NOT NULL,              -- UTC; from when it gives nothing
  waits INTEGER NOT NULL,                  -- 1 where the manager on call is asked first
  answered_at TEXT,                     -- UTC
  answered_by TEXT,                       -- the manager: issuer, tenant and subject
  allowed INTEGER,                         -- what the manager said
  told_at TEXT,                         -- UTC; when it was told that nobody had answered
  PRIMARY KEY (emergency_id, number)
) STRICT;
CREATE INDEX emergency_renewals_waiting ON emergency_renewals (asked_at) WHERE answered_at IS NULL;

CREATE TABLE emergency_days (
  organisation_id BLOB NOT NULL,          -- the authority
  person TEXT NOT NULL,                   -- who claimed
  day TEXT NOT NULL,                    -- date; school time
  claims INTEGER NOT NULL,                  -- how often on that day
  PRIMARY KEY (organisation_id, person, day)
) STRICT;

CREATE TABLE shields (
  id BLOB NOT NULL PRIMARY KEY,           -- made by the client
  organisation_id BLOB NOT NULL,          -- who set it
  system_id BLOB NOT NULL,                -- through which system
  person TEXT NOT NULL,                   -- who of them: issuer, tenant and subject
  pupil_id BLOB NOT NULL,                 -- the child
  category TEXT NOT NULL,                 -- refuge, adoption, witness, conflict or other
  sections TEXT NOT NULL,                 -- all or whereabouts
  reason TEXT NOT NULL,                   -- in their words
  conflict_decided_by TEXT,               -- the senior officer who decided that persons are in conflict
  digest BLOB NOT NULL,                -- SHA-256 of what was sent
  set_at TEXT NOT NULL,                 -- UTC; school time
  review_on TEXT NOT NULL,              -- date on which somebody looks at it again
  authority_id BLOB,                      -- of a school's: the authority that confirms it
  lapses_on TEXT,                       -- of a school's: the last day on which it stands unconfirmed
  confirmed_at TEXT,                    -- UTC
  confirmed_by TEXT,                      -- who of the authority
  ended_at TEXT,                        -- UTC
  ended_by TEXT,                          -- who ended it
  told_at TEXT                          -- UTC; when it was told that its review is due, or that it lapsed
) STRICT;
CREATE INDEX shields_pupil ON shields (pupil_id);
CREATE INDEX shields_due ON shields (review_on) WHERE ended_at IS NULL;

CREATE TABLE withheld_decisions (
  id BLOB NOT NULL PRIMARY KEY,           -- made by the client
  organisation_id BLOB NOT NULL,          -- whose decision
  system_id BLOB NOT NULL,                -- through which system
  person TEXT NOT NULL,                   -- who decided: issuer, tenant and subject
  pupil_id BLOB NOT NULL,                 -- the child
  ground TEXT NOT NULL,                   -- why telling would do more harm than not telling
  digest BLOB NOT NULL,                -- SHA-256 of what was sent
  decided_at TEXT NOT NULL,             -- UTC; school time
  review_on TEXT NOT NULL,              -- date on which somebody looks at it again
  ended_at TEXT,                        -- UTC
  ended_by TEXT,                          -- who ended it
  told_at TEXT                          -- UTC; when it was told that its review is due
) STRICT;
CREATE INDEX withheld_decisions_pupil ON withheld_decisions (pupil_id);
CREATE INDEX withheld_decisions_due ON withheld_decisions (review_on) WHERE ended_at IS NULL;

CREATE TABLE whereabouts_protections (
  id BLOB NOT NULL PRIMARY KEY,           -- UUIDv7
  pupil_id BLOB NOT NULL,                 -- the child
  organisation_id BLOB NOT NULL,          -- who raised it
  person TEXT NOT NULL,                   -- who of them: issuer, tenant and subject
  reason TEXT NOT NULL,                   -- in their words
  raised_at TEXT NOT NULL,              -- UTC; school time
  team_id BLOB,                           -- the team that is asked to protect; none: a file raised the flag
  authority_id BLOB NOT NULL,             -- whose education safeguarding lead protects until the team has accepted
  accepted_at TEXT,                     -- UTC
  accepted_by TEXT,                       -- who of the team
  lower_asked_at TEXT,                  -- UTC; when the first of two persons asked to lower it
  lower_asked_by TEXT,                    -- the first
  lower_reason TEXT,                      -- why, in their words
  lowered_at TEXT,                      -- UTC
  lowered_by TEXT                         -- the second
) STRICT;
CREATE UNIQUE INDEX whereabouts_protections_pupil ON whereabouts_protections (pupil_id) WHERE lowered_at IS NULL;

-- What stands between whom and a child: what the rules read, written with what it follows from.
CREATE TABLE bars (
  pupil_id BLOB NOT NULL,                 -- the child
  source_id BLOB NOT NULL,                -- the shield, decision or protection that it follows from
  place INTEGER NOT NULL,                   -- from 1
  sort TEXT NOT NULL,                     -- shield, whereabouts, conflict, withheld; sees and protects, which are no bars
  whom_kind TEXT NOT NULL,                -- organisation, team, person or lead
  whom TEXT NOT NULL,                     -- identifier of the organisation or team; or issuer, tenant and subject
  begins_at TEXT NOT NULL,              -- UTC; school time
  ends_at TEXT,                         -- UTC; school time
  PRIMARY KEY (pupil_id, source_id, place)
) STRICT;
CREATE INDEX bars_source ON bars (source_id);

CREATE TABLE protecting_items (
  id BLOB NOT NULL PRIMARY KEY,           -- UUIDv7
  kind TEXT NOT NULL,                     -- claim, emergency or protection
  subject_id BLOB NOT NULL,               -- the claim, emergency or protection
  subject_organisation_id BLOB NOT NULL,  -- whose
  pupil_id BLOB NOT NULL,                 -- the child
  team_id BLOB,                           -- the team that is asked; none: the education safeguarding lead
  organisation_id BLOB NOT NULL,          -- whose team or lead
  asker_team TEXT NOT NULL,               -- code of the team that asks
  urgent INTEGER NOT NULL,                 -- 1 for an enquiry under section 47 and an emergency
  call_back TEXT,                         -- the number that an emergency's claimant gave; never the one to ring
  created_at TEXT NOT NULL,             -- UTC
  state TEXT NOT NULL,                    -- open, calling_back, accepted or declined
  decided_at TEXT,                      -- UTC
  decided_by TEXT,                        -- who: issuer, tenant and subject
  escalated_at TEXT                   -- UTC; when it was told to the senior officer
) STRICT;
CREATE INDEX protecting_items_team ON protecting_items (organisation_id, state, created_at);
CREATE INDEX protecting_items_subject ON protecting_items (subject_id, subject_organisation_id);
CREATE INDEX protecting_items_urgent ON protecting_items (created_at) WHERE urgent AND escalated_at IS NULL;

-- Who was answered about a child before its flag was raised.
CREATE INDEX handles_pupil ON handles (pupil_id);
