-- Identity: what proves callers beside their certificates. Reference tables, but for persons, what was used once, and
-- tokens taken back, which end by themselves.

CREATE TABLE system_keys (
  id UUID NOT NULL PRIMARY KEY,           -- UUIDv7
  system_id UUID NOT NULL REFERENCES systems (id), -- whose key it is; at most two live at a time
  kid TEXT NOT NULL,                      -- key identifier, as in the header of its assertions
  jwk TEXT NOT NULL,                      -- public key as JSON Web Key, RFC 7517
  valid_from TIMESTAMPTZ NOT NULL,        -- UTC
  valid_until TIMESTAMPTZ NOT NULL,       -- UTC
  revoked_at TIMESTAMPTZ,                 -- UTC; refused from then on
  UNIQUE (system_id, kid)
);

CREATE TABLE identity_providers (
  id UUID NOT NULL PRIMARY KEY,           -- UUIDv7
  organisation_id UUID NOT NULL REFERENCES organisations (id), -- whose people it proves
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
  mfa_evidence_on DATE,                   -- where only attested: day of the evidence, which counts for a year
  suspended BOOLEAN NOT NULL,             -- while it proves nobody
  UNIQUE (organisation_id, issuer, tenant)
);

CREATE TABLE identity_provider_clients (
  provider_id UUID NOT NULL REFERENCES identity_providers (id), -- the provider
  system_id UUID NOT NULL REFERENCES systems (id), -- the system that is a client there
  client_id TEXT NOT NULL,                -- its client identifier there: aud of ID tokens
  PRIMARY KEY (provider_id, system_id)
);

CREATE TABLE identity_provider_roles (
  provider_id UUID NOT NULL REFERENCES identity_providers (id), -- the provider
  claim_value TEXT NOT NULL,              -- value of the role claim
  role TEXT NOT NULL,                     -- a role that it stands for
  PRIMARY KEY (provider_id, claim_value, role)
);

CREATE TABLE identity_provider_teams (
  provider_id UUID NOT NULL REFERENCES identity_providers (id), -- the provider
  claim_value TEXT NOT NULL,              -- value of the group claim
  team_id UUID NOT NULL REFERENCES teams (id), -- a team that it stands for
  PRIMARY KEY (provider_id, claim_value, team_id)
);

CREATE TABLE persons (
  id UUID NOT NULL PRIMARY KEY,           -- UUIDv7; made at the first exchange of a token
  organisation_id UUID NOT NULL REFERENCES organisations (id), -- whose person it is
  issuer TEXT NOT NULL,                   -- of the provider that proves it
  tenant TEXT NOT NULL,                   -- of the provider; empty where it has one only
  subject TEXT NOT NULL,                  -- sub of the provider's tokens
  display_name TEXT NOT NULL,             -- as the provider's last token said; empty where it says none
  teams TEXT NOT NULL,                    -- codes of the teams mapped from the last token, space separated
  created_at TIMESTAMPTZ NOT NULL,        -- UTC
  suspended_at TIMESTAMPTZ,               -- UTC; refused from then on
  UNIQUE (issuer, tenant, subject)
);

CREATE TABLE replays (
  digest BYTEA NOT NULL PRIMARY KEY,      -- SHA-256 of what may be used once: who made it and its identifier
  expires_at TIMESTAMPTZ NOT NULL         -- UTC; it would be refused from then on anyway
);
CREATE INDEX replays_expired ON replays (expires_at);

CREATE TABLE revoked_tokens (
  token_id TEXT NOT NULL PRIMARY KEY,     -- jti of an access token of ours
  expires_at TIMESTAMPTZ NOT NULL         -- UTC; its own end
);
CREATE INDEX revoked_tokens_expired ON revoked_tokens (expires_at);

-- Grows with every token taken back; running gateways poll it with the version.
ALTER TABLE directory_version ADD COLUMN revocations BIGINT NOT NULL DEFAULT 0; -- counts tokens taken back
