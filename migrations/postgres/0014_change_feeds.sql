-- Change feeds: what each system was told of its children, so that it is told again only when that has changed.
-- A row of a child holds its handle and a digest of what could be read, under a key that is not in the database. It goes
-- four weeks after the child was told to be gone; all of a feed goes four weeks after its reader last came.

CREATE TABLE change_feeds (
  system_id UUID NOT NULL,                -- the system that reads it
  organisation_id UUID NOT NULL,          -- the organisation it acts for
  role TEXT NOT NULL,                     -- the role that it acts in
  purpose TEXT NOT NULL,                  -- why it asks
  id UUID NOT NULL,                       -- random; cursors are bound to it
  turn BIGINT NOT NULL,                   -- grows with each request that looked at children, and with the floor
  next_place BIGINT NOT NULL,             -- next place to give, from 1
  floor BIGINT NOT NULL,                  -- a reader that has not come so far has missed who is gone, and begins anew
  made_at TIMESTAMPTZ NOT NULL,           -- school time; when it began
  begun_at TIMESTAMPTZ NOT NULL,          -- school time; when the look at all children under way, or the last one, began
  passed_at TIMESTAMPTZ,                  -- school time; when the last one began that came to its end
  pass_after UUID,                        -- the child that the look under way has come to; none where none is
  PRIMARY KEY (system_id, organisation_id, role, purpose)
);
CREATE UNIQUE INDEX change_feeds_id ON change_feeds (id);

CREATE TABLE changes_told (
  feed_id UUID NOT NULL,                  -- the feed
  pupil_id UUID NOT NULL,                 -- the child
  handle TEXT NOT NULL,                   -- under which it was told, hexadecimal
  digest BYTEA NOT NULL,                  -- HMAC of everything that could be read of it; empty once it is gone
  publication DATE NOT NULL,              -- Sunday that ended the last publication for which it was looked at
  place BIGINT NOT NULL,                  -- where it stands in the feed: its newest place only
  gone_at TIMESTAMPTZ,                    -- school time; since when it is told to be gone
  PRIMARY KEY (feed_id, pupil_id)
);
CREATE UNIQUE INDEX changes_told_place ON changes_told (feed_id, place);
CREATE INDEX changes_told_gone ON changes_told (gone_at) WHERE gone_at IS NOT NULL;
-- An agency's children, a page at a time. The condition keeps it from the search by reference, which has its own.
CREATE INDEX involvements_children ON involvements (organisation_id, pupil_id) WHERE matched_at IS NOT NULL;
