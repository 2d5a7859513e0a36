-- Handles by their child: the live ones first by the child, so that who holds one for a child is found by the same index that
-- holds them to one each, and the few retired ones by an index of their own. Two orders by chance are kept instead of three.

DROP INDEX handles_pupil;
DROP INDEX handles_child;
CREATE UNIQUE INDEX handles_child ON handles (pupil_id, system_id, organisation_id) WHERE retired_at IS NULL;
CREATE INDEX handles_retired ON handles (pupil_id) WHERE retired_at IS NOT NULL;
