-- Summaries: what outsiders were given of a school's half terms, and what each follower of children was last told.
-- Half terms hold enrolments and their sessions by group, which is personal: they are kept for six school years after
-- their own, as the marks are that they were counted from, and end when the school's next half term is published.
-- Followed children hold digests and no figure; a child that may no longer be followed ends after 400 days.

CREATE TABLE published_half_terms (
  school_id UUID NOT NULL,                -- the school
  school_year BIGINT NOT NULL,            -- start year of 1 August to 31 July
  place BIGINT NOT NULL,                  -- of the half term in its year, from 1
  from_day DATE NOT NULL,                 -- date; first day
  to_day DATE NOT NULL,                   -- date; last day
  published DATE NOT NULL,                -- date; Sunday of the week as at whose publication it was counted
  pupils BYTEA NOT NULL,                   -- enrolments of the year's groups with their sessions, as encoded by summaries
  cells TEXT NOT NULL,                    -- what is given, group by group, JSON
  PRIMARY KEY (school_id, school_year, place)
);

CREATE TABLE change_feeds (
  id UUID NOT NULL PRIMARY KEY,           -- UUIDv7
  system_id UUID NOT NULL,                -- the system that follows
  organisation_id UUID NOT NULL,          -- the organisation it acts for
  role TEXT NOT NULL,                     -- the role it acts in
  purpose TEXT NOT NULL,                  -- its purpose
  next_place BIGINT NOT NULL,             -- next place to give to a change
  UNIQUE (system_id, organisation_id, role, purpose)
);

CREATE TABLE change_feed_children (
  feed_id UUID NOT NULL,                  -- the feed
  pupil_id UUID NOT NULL,                 -- the child
  digest BYTEA NOT NULL,                   -- SHA-256 of what the follower could read as at the publication, 32 bytes
  basis BYTEA NOT NULL,                    -- SHA-256 of the policy set and sections that it was made under, 32 bytes
  published DATE NOT NULL,                -- date; Sunday of that publication's week
  place BIGINT NOT NULL,                  -- place of its last change in the feed
  gone BOOLEAN NOT NULL,                  -- true where the follower may read it no more
  PRIMARY KEY (feed_id, pupil_id)
);
CREATE UNIQUE INDEX change_feed_children_place ON change_feed_children (feed_id, place);
