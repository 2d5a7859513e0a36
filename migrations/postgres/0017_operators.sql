-- Operators and what they change; who acts for whom; cover; marks on persons.

-- Operators, each with a public key. At least two stand, since none widens anything alone. Grows by a handful in years.
CREATE TABLE operators (
  name TEXT NOT NULL PRIMARY KEY,         -- as shown, and as changes name who signed them
  public_key BYTEA NOT NULL UNIQUE,       -- Ed25519, 32 bytes
  added_at TIMESTAMPTZ NOT NULL,          -- UTC
  ended_at TIMESTAMPTZ                    -- UTC; signs nothing from then on
);

-- Every change of the directory, with the exact bytes that were signed. Kept; some hundred a year.
CREATE TABLE changes (
  id UUID NOT NULL PRIMARY KEY,           -- UUIDv7, made by who proposed it; used once
  document BYTEA NOT NULL,                -- the change, canonical JSON: the bytes that were signed
  signature BYTEA NOT NULL,               -- Ed25519 over them
  proposed_by TEXT NOT NULL REFERENCES operators (name), -- who signed it
  proposed_at TIMESTAMPTZ NOT NULL,       -- UTC; when it was taken in
  widens BOOLEAN NOT NULL,                -- whether it widens who may act, and so waits for a second operator
  state TEXT NOT NULL,                    -- waiting, effective or refused
  decision BYTEA,                         -- the second operator's decision, canonical JSON
  decision_signature BYTEA,               -- Ed25519 over it
  decided_by TEXT REFERENCES operators (name), -- who signed it: never who proposed
  decided_at TIMESTAMPTZ                  -- UTC
);
CREATE INDEX changes_waiting ON changes (state, id);

-- Numbers that a school had before.
CREATE TABLE organisation_numbers (
  organisation_id UUID NOT NULL REFERENCES organisations (id), -- the school
  urn TEXT,                               -- six digits that it had
  laestab TEXT,                           -- seven digits that it had
  until DATE NOT NULL                     -- last day on which it had them
);
CREATE INDEX organisation_numbers_of ON organisation_numbers (organisation_id);
ALTER TABLE organisations ADD COLUMN predecessor_id UUID; -- the school that this one took over from
ALTER TABLE systems ADD COLUMN suspended BOOLEAN NOT NULL DEFAULT FALSE; -- let in nowhere while it is
ALTER TABLE teams ADD COLUMN ended BOOLEAN NOT NULL DEFAULT FALSE; -- takes no new case

-- An organisation acts for another: a trust for a school that it runs, a children's trust for an authority.
CREATE TABLE acts_for (
  id UUID NOT NULL PRIMARY KEY,           -- UUIDv7
  organisation_id UUID NOT NULL REFERENCES organisations (id), -- who acts
  for_id UUID NOT NULL REFERENCES organisations (id), -- for whom
  roles TEXT NOT NULL,                    -- in which roles, space separated
  valid_from DATE NOT NULL,               -- first day
  valid_until DATE NOT NULL               -- last day
);
ALTER TABLE mandates ADD COLUMN sections TEXT NOT NULL DEFAULT ''; -- sections that it gives, space separated; none unless named

-- Which team covers which, and when.
CREATE TABLE covers (
  id UUID NOT NULL PRIMARY KEY,           -- UUIDv7
  team_id UUID NOT NULL REFERENCES teams (id), -- who covers
  covered_id UUID NOT NULL REFERENCES teams (id), -- whom; may be another organisation's
  kind TEXT NOT NULL,                     -- duty, out_of_hours, reviewing or management
  hours TEXT NOT NULL,                    -- when, London time: always, or days and hours such as mon-fri 17:00-09:00
  valid_from DATE NOT NULL,               -- first day
  valid_until DATE NOT NULL               -- last day
);

-- What a person may do beyond the role acted in.
CREATE TABLE person_marks (
  id UUID NOT NULL PRIMARY KEY,           -- UUIDv7
  organisation_id UUID NOT NULL REFERENCES organisations (id), -- whose staff it is
  issuer TEXT NOT NULL,                   -- the identity provider that names the person
  tenant TEXT NOT NULL,                   -- its tenant; empty where it has none
  subject TEXT NOT NULL,                  -- the person, as the provider names them
  mark TEXT NOT NULL,                     -- manager, senior_officer, data_matcher, protected_returns_officer, education_safeguarding_lead
  team_id UUID REFERENCES teams (id),     -- of which team a manager is one
  valid_from DATE NOT NULL,               -- first day
  valid_until DATE NOT NULL               -- last day
);
