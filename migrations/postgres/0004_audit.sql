-- Audit: what was asked, answered and refused, in one order that cannot be changed unseen.

CREATE TABLE audit_head (
  id BIGINT NOT NULL PRIMARY KEY,         -- always 1; its lock orders every gateway on this database
  size BIGINT NOT NULL,                   -- entries in the log
  frontier BYTEA NOT NULL,                -- roots of the perfect subtrees, largest first, 32 bytes each (RFC 6962)
  root BYTEA NOT NULL                     -- Merkle tree hash of the whole log, RFC 6962 section 2.1
);
-- An empty log: its root is the SHA-256 of nothing.
INSERT INTO audit_head (id, size, frontier, root)
VALUES (1, 0, '\x', '\xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');

CREATE TABLE audit_entries (
  idx BIGINT NOT NULL PRIMARY KEY,        -- index in the log, from 0, without gaps
  event_id UUID NOT NULL UNIQUE,          -- UUIDv7 of the event
  recorded_at TIMESTAMPTZ NOT NULL,       -- UTC, the entry's own time
  organisation_id UUID,                   -- whose system called; null while that was not known
  class TEXT NOT NULL,                    -- access, disclosure, duty, admin, handshake_refused, limited
  entry BYTEA NOT NULL,                   -- the exact bytes that the leaf commits to
  leaf BYTEA NOT NULL                     -- RFC 6962 leaf hash of the bytes, 32 bytes
);
CREATE INDEX audit_entries_by_organisation ON audit_entries (organisation_id, idx);

CREATE TABLE audit_pending (
  event_id UUID NOT NULL PRIMARY KEY,     -- UUIDv7 of the event; committed with the change that it tells of
  organisation_id UUID,                   -- whose system called
  class TEXT NOT NULL,                    -- as in audit_entries
  entry BYTEA NOT NULL,                   -- the exact bytes
  created_at TIMESTAMPTZ NOT NULL         -- UTC, the entry's own time; the oldest gets its index first
);
