-- Summaries: what outsiders were given of a school's half terms.
-- Half terms hold enrolments and their sessions by group, which is personal: they are kept for six school years after
-- their own, as the marks are that they were counted from, and end when the school's next half term is published.

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
