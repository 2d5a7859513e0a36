-- System lanes: how much the systems of an organisation have read today without a proved person, and whether that has
-- been stopped. One row an organisation and lane; counted in the transaction that makes the reads' entries durable.
CREATE TABLE system_lanes (
  organisation_id BLOB NOT NULL,          -- the organisation
  lane TEXT NOT NULL,                     -- cases, or area: an authority's duty of attendance
  day TEXT NOT NULL,                    -- date; the day, by the log's own time, on which these were read
  reads INTEGER NOT NULL,                 -- children read on that day
  forgiven INTEGER NOT NULL DEFAULT 0,    -- of those, what was read before somebody let it go on
  stopped_at TEXT,                     -- UTC; since when nothing is given
  PRIMARY KEY (organisation_id, lane)
) STRICT;
