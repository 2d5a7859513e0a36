-- Involvements: bars by when they were set. When a claim came to count, and when those who protect the child accepted it,
-- are school time from here on, like the bars themselves.

ALTER TABLE bars ADD COLUMN whom_organisation_id UUID; -- of a person: the organisation as whose they were named
ALTER TABLE involvements ADD COLUMN moved_at TIMESTAMPTZ; -- UTC; school time; when another team took it over, until it was asked whether that one may
CREATE INDEX involvements_moved ON involvements (moved_at) WHERE moved_at IS NOT NULL;
-- What a claim fitted before it was sent with other details it fits no more.
UPDATE involvements SET held_pupil_id = NULL WHERE held_at IS NULL;

ALTER TABLE protecting_items ADD COLUMN asker_organisation_id UUID; -- whose team asks: not the authority's, where another acts for it
UPDATE protecting_items SET asker_organisation_id = subject_organisation_id;
CREATE INDEX protecting_items_open ON protecting_items (organisation_id, id) WHERE state IN ('open', 'calling_back');

ALTER TABLE emergencies ADD COLUMN own_organisation_id UUID; -- whose person claimed, and whose the teams are
UPDATE emergencies SET own_organisation_id = organisation_id;
-- A person's limits are theirs, whichever authority they act for.
DROP INDEX emergencies_person;
CREATE INDEX emergencies_person ON emergencies (person, claimed_at);
ALTER TABLE emergency_days RENAME TO emergency_days_of_each;
CREATE TABLE emergency_days (
  person TEXT NOT NULL,                   -- who claimed
  day DATE NOT NULL,                    -- date; school time
  claims BIGINT NOT NULL,                  -- how often on that day
  PRIMARY KEY (person, day)
);
INSERT INTO emergency_days (person, day, claims)
  SELECT person, day, SUM(claims) FROM emergency_days_of_each GROUP BY person, day;
DROP TABLE emergency_days_of_each;
