-- Summaries: what outsiders were given of a school's half terms, and what each follower of children was last told.
-- Half terms hold enrolments and their sessions by group, which is personal: they are kept for six school years after
-- their own, as the marks are that they were counted from, and end when the school's next half term is published.
-- Followed children hold digests and no figure; a child that may no longer be followed ends after 400 days.

CREATE TABLE published_half_terms (
  school_id BLOB NOT NULL,                -- the school
  school_year INTEGER NOT NULL,           -- start year of 1 August to 31 July
  place INTEGER NOT NULL,                 -- of the half term in its year, from 1
  from_day TEXT NOT NULL,                 -- date; first day
  to_day TEXT NOT NULL,                   -- date; last day
  published TEXT NOT NULL,                -- date; Sunday of the week as at whose publication it was counted
  pupils BLOB NOT NULL,                   -- enrolments of the year's groups with their sessions, as encoded by summaries
  cells TEXT NOT NULL,                    -- what is given, group by group, JSON
  PRIMARY KEY (school_id, school_year, place)
) STRICT;

CREATE TABLE change_feeds (
  id BLOB NOT NULL PRIMARY KEY,           -- UUIDv7
  system_id BLOB NOT NULL,                -- the system that follows
  organisation_id BLOB NOT NULL,          -- the organisation it acts for
  role TEXT NOT NULL,                     -- the role it acts in
  purpose TEXT NOT NULL,                  -- its purpose
  next_place INTEGER NOT NULL,            -- next place to give to a change
  UNIQUE (system_id, organisation_id, role, purpose)
) STRICT;

CREATE TABLE change_feed_children (
  feed_id BLOB NOT NULL,                  -- the feed
  pupil_id BLOB NOT NULL,                 -- the child
  digest BLOB NOT NULL,                   -- SHA-256 of what the follower could read as at the publication, 32 bytes
  basis BLOB NOT NULL,                    -- SHA-256 of the policy set and sections that it was made under, 32 bytes
  published TEXT NOT NULL,                -- date; Sunday of that publication's week
  place INTEGER NOT NULL,                 -- place of its last change in the feed
  gone INTEGER NOT NULL,                  -- 1 where the follower may read it no more
  PRIMARY KEY (feed_id, pupil_id)
) STRICT;
CREATE UNIQUE INDEX change_feed_children_place ON change_feed_children (feed_id, place);
