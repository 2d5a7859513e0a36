-- Marks mapped from a claim, and authorisations that are an officer's own.

ALTER TABLE identity_providers ADD COLUMN mark_claim TEXT; -- name of the claim that marks on persons are mapped from

CREATE TABLE identity_provider_marks (
  provider_id BLOB NOT NULL REFERENCES identity_providers (id), -- the provider
  claim_value TEXT NOT NULL,              -- value of the mark claim
  mark TEXT NOT NULL,                     -- a mark that it stands for
  team_id BLOB REFERENCES teams (id)      -- of a manager: the team
) STRICT;
CREATE INDEX identity_provider_marks_of ON identity_provider_marks (provider_id);

-- Who the officer is at the authority's identity provider; without, the authorisation is the system's where nobody is proved.
ALTER TABLE officer_authorisations ADD COLUMN issuer TEXT; -- the identity provider that names the officer
ALTER TABLE officer_authorisations ADD COLUMN tenant TEXT; -- its tenant; empty where it has none
ALTER TABLE officer_authorisations ADD COLUMN subject TEXT; -- the officer, as the provider names them

-- A certificate that its system registered itself is taken back by its name only, and not by a file that does not have it.
ALTER TABLE credentials ADD COLUMN by_system INTEGER NOT NULL DEFAULT 0; -- whether its system registered it itself
