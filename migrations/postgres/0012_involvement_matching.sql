-- Involvements: what finding and matching go by.

-- A search by the caller's own case reference.
CREATE INDEX involvements_reference ON involvements (organisation_id, case_reference);
