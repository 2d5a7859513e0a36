-- Identity: what proves callers beside their certificates. Reference tables, but for persons, what was used once, and
-- tokens taken back, which end by themselves.

CREATE TABLE system_keys (
  id BLOB NOT NULL PRIMARY KEY,           -- UUIDv7
  system_id BLOB NOT NULL REFERENCES systems (id), -- whose key it is; at most two live at a time
  kid TEXT NOT NULL,                      -- key identifier, as in the header of its assertions
  jwk TEXT NOT NULL,                      -- public key as JSON Web Key, RFC 7517
  valid_from TEXT NOT NULL,        -- UTC
  valid_until TEXT NOT NULL,       -- UTC
  revoked_at TEXT,                 -- UTC; refused from then on
  UNIQUE (system_id, kid)
) STRICT;

CREATE TABLE identity_providers (
  id BLOB NOT NULL PRIMARY KEY,           -- UUIDv7
  organisation_id BLOB NOT NULL REFERENCES organisations (id), -- whose people it proves
  issuer TEXT NOT NULL,                   -- iss of its tokens
  tenant TEXT NOT NULL,                   -- value of its tenant claim; empty where it has one tenant only
  tenant_claim TEXT NOT NULL,             -- name of that claim
  algorithms TEXT NOT NULL,               -- of ES256 ES384 PS256 RS256 EdDSA, space separated
  keys_url TEXT,                          -- where its keys are; none: its discovery document says
  role_claim TEXT NOT NULL,               -- name of the claim that roles are mapped from
  group_claim TEXT,                       -- name of the claim that teams are mapped from
  mfa_claim TEXT,                         -- name of the claim that shows a second factor; none: only attested
  mfa_values TEXT NOT NULL,               -- values of it that count, space separated
  mfa_evidence TEXT,                      -- where only attested: reference of the written evidence
  mfa_evidence_on TEXT,                   -- where only attested: day of the evidence, which counts for a year
  suspended INTEGER NOT NULL,             -- 1 while it proves nobody
  UNIQUE (organisation_id, issuer, tenant)
) STRICT;

CREATE TABLE identity_provider_clients (
  provider_id BLOB NOT NULL REFERENCES identity_providers (id), -- the provider
  system_id BLOB NOT NULL REFERENCES systems (id), -- the system that is a client there
  client_id TEXT NOT NULL,                -- its client identifier there: aud of ID tokens
  PRIMARY KEY (provider_id, system_id)
) STRICT;

CREATE TABLE identity_provider_roles (
  provider_id BLOB NOT NULL REFERENCES identity_providers (id), -- the provider
  claim_value TEXT NOT NULL,              -- value of the role claim
  role TEXT NOT NULL,                     -- a role that it stands for
  PRIMARY KEY (provider_id, claim_value, role)
) STRICT;

CREATE TABLE identity_provider_teams (
  provider_id BLOB NOT NULL REFERENCES identity_providers (id), -- the provider
  claim_value TEXT NOT NULL,              -- value of the group claim
  team_id BLOB NOT NULL REFERENCES teams (id), -- a team that it stands for
  PRIMARY KEY (provider_id, claim_value, team_id)
) STRICT;

CREATE TABLE persons (
  id BLOB NOT NULL PRIMARY KEY,           -- UUIDv7; made at the first exchange of a token
  organisation_id BLOB NOT NULL REFERENCES organisations (id), -- whose person it is
  issuer TEXT NOT NULL,                   -- of the provider that proves it
  tenant TEXT NOT NULL,                   -- of the provider; empty where it has one only
  subject TEXT NOT NULL,                  -- sub of the provider's tokens
  display_name TEXT NOT NULL,             -- as the provider's last token said; empty where it says none
  teams TEXT NOT NULL,                    -- codes of the teams mapped from the last token, space separated
  created_at TEXT NOT NULL,        -- UTC
  suspended_at TEXT,               -- UTC; refused from then on
  UNIQUE (issuer, tenant, subject)
) STRICT;

CREATE TABLE replays (
  digest BLOB NOT NULL PRIMARY KEY,      -- SHA-256 of what may be used once: who made it and its identifier
  expires_at TEXT NOT NULL         -- UTC; it would be refused from then on anyway
) STRICT;
CREATE INDEX replays_expired ON replays (expires_at);

CREATE TABLE revoked_tokens (
  token_id TEXT NOT NULL PRIMARY KEY,     -- jti of an access token of ours
  expires_at TEXT NOT NULL         -- UTC; its own end
) STRICT;
CREATE INDEX revoked_tokens_expired ON revoked_tokens (expires_at);

-- Grows with every token taken back; running gateways poll it with the version.
ALTER TABLE directory_version ADD COLUMN revocations INTEGER NOT NULL DEFAULT 0; -- counts tokens taken back
