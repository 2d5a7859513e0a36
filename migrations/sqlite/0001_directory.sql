-- Directory: who takes part. Reference tables: small, read whole into memory, changed rarely.

CREATE TABLE directory_version (
  id INTEGER NOT NULL PRIMARY KEY,        -- always 1
  version INTEGER NOT NULL                -- grows with every change; running gateways poll it
) STRICT;
INSERT INTO directory_version (id, version) VALUES (1, 0);

CREATE TABLE organisations (
  id BLOB NOT NULL PRIMARY KEY,           -- UUIDv7; a school's is also its school_id
  code TEXT NOT NULL UNIQUE,              -- short name, as in certificates: urn:schoolgate:org:<code>:system:<code>
  kind TEXT NOT NULL,                     -- school, trust, local_authority, health_provider, partner, vendor
  name TEXT NOT NULL,                     -- as published
  standing TEXT NOT NULL,                 -- live or suspended
  urn TEXT,                               -- schools: current unique reference number
  laestab TEXT,                           -- schools: current LA and establishment number, seven digits
  la_code TEXT,                           -- authorities: three digits
  phase TEXT,                             -- schools: nursery, primary, secondary, all_through, special, alternative
  returns_to BLOB,                        -- schools: the authority that receives returns, SI 2024/208 reg 3(1)
  attendance_lead_name TEXT,              -- schools: attendance lead, shown as school_contact
  attendance_lead_telephone TEXT,         -- schools: attendance lead's number
  dsl_name TEXT,                          -- schools: designated safeguarding lead, shown as school_contact
  dsl_telephone TEXT                      -- schools: designated safeguarding lead's number
) STRICT;

CREATE TABLE systems (
  id BLOB NOT NULL PRIMARY KEY,           -- UUIDv7
  organisation_id BLOB NOT NULL REFERENCES organisations (id), -- whose system it is
  code TEXT NOT NULL,                     -- short name, as in certificates
  client_id TEXT NOT NULL UNIQUE,         -- OAuth client identifier
  roles TEXT NOT NULL,                    -- roles it may carry, space separated
  scopes TEXT NOT NULL,                   -- what it may call, space separated: registers involvements summaries audit
  sections_without_person TEXT NOT NULL,  -- sections given in the system lane, space separated
  requests_per_minute INTEGER NOT NULL,   -- its limit
  UNIQUE (organisation_id, code)
) STRICT;

CREATE TABLE credentials (
  id BLOB NOT NULL PRIMARY KEY,           -- UUIDv7
  system_id BLOB NOT NULL REFERENCES systems (id), -- whose certificate it is; at most two live at a time
  thumbprint BLOB NOT NULL UNIQUE,        -- SHA-256 of the certificate, DER
  key_digest BLOB NOT NULL,               -- SHA-256 of the certificate's public key, SubjectPublicKeyInfo, DER
  valid_from TEXT NOT NULL,               -- UTC
  valid_until TEXT NOT NULL,              -- UTC
  revoked_at TEXT                         -- UTC; refused from then on
) STRICT;

CREATE TABLE teams (
  id BLOB NOT NULL PRIMARY KEY,           -- UUIDv7
  organisation_id BLOB NOT NULL REFERENCES organisations (id), -- whose team it is
  code TEXT NOT NULL,                     -- short name, as in involvement feeds
  name TEXT NOT NULL,                     -- as shown
  UNIQUE (organisation_id, code)
) STRICT;

CREATE TABLE sharing_agreements (
  id BLOB NOT NULL PRIMARY KEY,           -- UUIDv7
  organisation_id BLOB NOT NULL REFERENCES organisations (id), -- the organisation that receives under it
  purposes TEXT NOT NULL,                 -- purposes it covers, space separated
  exceptions TEXT NOT NULL,               -- of health, sessions, suspension, search_by_name: given without a person
  valid_from TEXT NOT NULL,               -- first day
  valid_until TEXT NOT NULL,              -- last day
  suspended INTEGER NOT NULL,             -- 1 while suspended
  version TEXT NOT NULL,                  -- of the document
  document_digest TEXT NOT NULL           -- SHA-256 of the signed document, hex
) STRICT;

CREATE TABLE officer_authorisations (
  id BLOB NOT NULL PRIMARY KEY,           -- UUIDv7
  organisation_id BLOB NOT NULL REFERENCES organisations (id), -- the authority
  system_id BLOB NOT NULL REFERENCES systems (id), -- the system through which the officer acts
  officer TEXT NOT NULL,                  -- name of the officer authorised in writing, SI 2024/208 reg 12
  document TEXT NOT NULL,                 -- reference of the written authorisation
  valid_from TEXT NOT NULL,               -- first day
  valid_until TEXT NOT NULL               -- last day
) STRICT;
