-- The other school of a dual registration, as each school recorded it. Kept as long as the enrolment that it stands with.

ALTER TABLE enrolments ADD COLUMN other_school_urn TEXT; -- six digits (SI 2024/208 reg 8(4)); two schools that name each other see D met
