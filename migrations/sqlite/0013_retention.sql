-- Retention: by what it is found what has had its time. Entries of the registers are kept for six years beginning with the
-- day on which each was made (SI 2024/208 reg 7(a)), what agencies claimed for a year after it ended.

CREATE INDEX amendments_age ON amendments (school_id, amended_on);
CREATE INDEX recordings_age ON recordings (school_id, recorded_at);
CREATE INDEX enrolments_left ON enrolments (school_id, last_day) WHERE last_day IS NOT NULL;
CREATE INDEX marks_years ON marks (school_id, school_year);
CREATE INDEX imports_age ON imports (received_at);
CREATE INDEX published_half_terms_age ON published_half_terms (school_year);
CREATE INDEX involvements_ended ON involvements (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX involvements_past ON involvements (until_day) WHERE until_day IS NOT NULL;
CREATE INDEX involvements_lapsed ON involvements (pupil_id, received_at) WHERE pupil_id IS NULL AND queue IS NULL;
CREATE INDEX involvement_terms_age ON involvement_terms (last_day);
CREATE INDEX involvement_tries_age ON involvement_tries (tried_on);
