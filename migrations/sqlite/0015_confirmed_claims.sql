-- Involvements: a claim that its agency keeps sending is not given up. Kept as the involvement is.

-- UTC; when the claim was last sent, changed or not. Unmatched it lapses 28 days after.
ALTER TABLE involvements ADD COLUMN confirmed_at TEXT;
UPDATE involvements SET confirmed_at = received_at;

-- UTC; the end that stood when it was put aside: one that ended in between stays ended.
ALTER TABLE involvements_staged ADD COLUMN ended_at TEXT;

-- Counts go after 28 days. What was tried stands here as a digest, so that no name and no number does.
DROP TABLE involvement_tries;
CREATE TABLE involvement_tries (
  organisation_id BLOB NOT NULL,          -- the agency
  tried BLOB NOT NULL,                    -- SHA-256 of a source case, a name, a UPN, or that it was an enquiry
  tried_on TEXT NOT NULL,                 -- date; school time
  claims INTEGER NOT NULL,                   -- claims of it that were new on that day, or had other details than before
  PRIMARY KEY (organisation_id, tried, tried_on)
) STRICT;

-- Whoever acts under a mandate finds its own uploads by the system that sent them.
CREATE INDEX imports_sent ON imports (system_id, id);
