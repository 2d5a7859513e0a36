-- Audit: what was asked, answered and refused, in one order that cannot be changed unseen.

CREATE TABLE audit_head (
  id INTEGER NOT NULL PRIMARY KEY,        -- always 1; its lock orders every gateway on this database
  size INTEGER NOT NULL,                  -- entries in the log
  frontier BLOB NOT NULL,                 -- roots of the perfect subtrees, largest first, 32 bytes each (RFC 6962)
  root BLOB NOT NULL                      -- Merkle tree hash of the whole log, RFC 6962 section 2.1
) STRICT;
-- An empty log: its root is the SHA-256 of nothing.
INSERT INTO audit_head (id, size, frontier, root)
VALUES (1, 0, x'', x'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');

CREATE TABLE audit_entries (
  idx INTEGER NOT NULL PRIMARY KEY,       -- index in the log, from 0, without gaps
  event_id BLOB NOT NULL UNIQUE,          -- UUIDv7 of the event
  recorded_at TEXT NOT NULL,              -- UTC, the entry's own time
  organisation_id BLOB,                   -- whose system called; null while that was not known
  class TEXT NOT NULL,                    -- access, disclosure, duty, admin, handshake_refused, limited
  entry BLOB NOT NULL,                    -- the exact bytes that the leaf commits to
  leaf BLOB NOT NULL                      -- RFC 6962 leaf hash of the bytes, 32 bytes
) STRICT;
CREATE INDEX audit_entries_by_organisation ON audit_entries (organisation_id, idx);

CREATE TABLE audit_pending (
  event_id BLOB NOT NULL PRIMARY KEY,     -- UUIDv7 of the event; committed with the change that it tells of
  organisation_id BLOB,                   -- whose system called
  class TEXT NOT NULL,                    -- as in audit_entries
  entry BLOB NOT NULL,                    -- the exact bytes
  created_at TEXT NOT NULL                -- UTC, the entry's own time; the oldest gets its index first
) STRICT;
