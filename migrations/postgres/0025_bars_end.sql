-- Involvements: by what the rows are found whose time is over.

CREATE INDEX emergencies_claimed ON emergencies (claimed_at, id);
CREATE INDEX emergency_days_day ON emergency_days (day);
CREATE INDEX shields_ended ON shields (ended_at, id) WHERE ended_at IS NOT NULL;
CREATE INDEX withheld_decisions_ended ON withheld_decisions (ended_at, id) WHERE ended_at IS NOT NULL;
CREATE INDEX whereabouts_protections_lowered ON whereabouts_protections (lowered_at, id) WHERE lowered_at IS NOT NULL;
CREATE INDEX protecting_items_decided ON protecting_items (decided_at) WHERE decided_at IS NOT NULL;
CREATE INDEX protecting_items_created ON protecting_items (created_at) WHERE state IN ('open', 'calling_back');
CREATE INDEX conflicts_ended ON conflicts (ended_at) WHERE ended_at IS NOT NULL;

-- Resident concerns, which the authority of the child's school sees.
CREATE INDEX involvements_concerns ON involvements (opened_at) WHERE kind = 'resident_concern' AND pupil_id IS NOT NULL;

-- Providers: codes of the authorities whose children they serve, space separated; none: every child here.
ALTER TABLE organisations ADD COLUMN area TEXT NOT NULL DEFAULT '';
