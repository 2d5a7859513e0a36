-- Recordings keep the minutes late with the code: an amendment may change nothing else. Kept as the recording is.

ALTER TABLE recordings ADD COLUMN
  minutes_late BIGINT;                    -- minutes late as recorded; none where the source gave none
