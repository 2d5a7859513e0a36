-- Sets of access policies that have been in force, whole: an entry of the audit names the set that decided by its digest.
-- Nothing personal. Kept for good and never changed; some a year, about 60 KB each.

CREATE TABLE policy_sets (
  digest BLOB NOT NULL PRIMARY KEY,       -- SHA-256 over schema, legal bases and files, as entries have it
  schema_text TEXT NOT NULL,              -- schema.cedarschema
  legal_bases TEXT NOT NULL               -- legal_bases.toml
) STRICT;

CREATE TABLE policy_set_files (
  digest BLOB NOT NULL REFERENCES policy_sets (digest), -- of which set
  name TEXT NOT NULL,                     -- file name, such as guards.cedar
  body TEXT NOT NULL,                     -- its policies
  PRIMARY KEY (digest, name)
) STRICT;

-- Which set was in force from when. In force is the last that operators approved; before there is one, the set that is built
-- into the program that asks.
CREATE TABLE policy_sets_in_force (
  number INTEGER NOT NULL PRIMARY KEY,    -- from 1, in the order in which they came into force
  digest BLOB NOT NULL REFERENCES policy_sets (digest), -- which set
  since TEXT NOT NULL,                    -- UTC; from when
  change_id BLOB REFERENCES changes (id), -- the operators' change; none: it is built into a program
  program TEXT,                           -- version of that program
  replaces BLOB,                          -- digest of the set that the operators held it against
  cases_gained INTEGER,                   -- cases allowed by it and not by that one; none where that one could not be loaded
  cases_lost INTEGER                      -- cases allowed by that one and not by it; likewise
) STRICT;
