-- Notifications: a feed for each organisation. Whole on one node; grows with changes of the directory, some hundred a year.

-- What an organisation is told. Numbered without gaps in the order of commits, so that no reader of the feed misses one.
CREATE TABLE notification_feeds (
  organisation_id UUID NOT NULL PRIMARY KEY REFERENCES organisations (id), -- whose feed it is
  last BIGINT NOT NULL                    -- number of the last notice in it
);
CREATE TABLE notifications (
  organisation_id UUID NOT NULL REFERENCES organisations (id), -- who is told
  number BIGINT NOT NULL,                 -- place in its feed, from 1
  kind TEXT NOT NULL,                     -- what it is about
  subject TEXT NOT NULL,                  -- what it is told of; told once where the kind is told once
  at TIMESTAMPTZ NOT NULL,                -- UTC
  body TEXT NOT NULL,                     -- JSON; no name, UPN, date of birth or mark
  PRIMARY KEY (organisation_id, number)
);
CREATE UNIQUE INDEX notifications_once ON notifications (organisation_id, kind, subject);
