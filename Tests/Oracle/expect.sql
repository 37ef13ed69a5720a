-- What the catalogue must hold after each scan: worked out from the independent listing and from what happened to each entry,
-- never from the catalogue. Only ids are taken from there, when a row is first met, to see that they stay.

CREATE SCHEMA oracle;

-- The tree as it is and the library's rules admit it, with the names of the first two directories above each entry and
-- itself, as text; written anew before each comparison.
CREATE TABLE oracle.listing (
  library text, path bytea, kind text, size bigint, mtime_ns bigint, ctime_ns bigint, inode bigint, mode integer,
  files bigint, bytes numeric, category bytea, course bytea);

-- What is there and is not admitted; of a directory only itself.
CREATE TABLE oracle.barred (library text, path bytea, is_directory boolean);

-- What must be an error.
CREATE TABLE oracle.error (library text, path bytea, error_type text);

-- How many errors of a type each library's last scan had, and whether there were ever more than have rows: then some of
-- those that are open have none.
CREATE TABLE oracle.error_total (
  library text, error_type text, total bigint, is_crowded boolean, PRIMARY KEY (library, error_type));

-- The rules of each library: its layout, and how many entries they pass over in silence.
CREATE TABLE oracle.ruled (library text, layout text, ignored bigint);

-- Of libraries without rules, by Tests/Oracle/ledger.py: every row that there ever was, and in which rounds it was made and
-- changed; what the last scan has done to which; and how many of each.
CREATE TABLE oracle.row (
  library text, key bigint, path bytea, is_directory boolean, kind text, size bigint, mtime_ns bigint, ctime_ns bigint, inode bigint,
  mode integer, files bigint, bytes numeric, is_live boolean, first_round integer, changed_round integer);
CREATE TABLE oracle.deed (library text, change text, kind text, key bigint, path bytea, origin bytea);
CREATE TABLE oracle.counter (
  library text, added bigint, updated bigint, moved bigint, unchanged bigint, removed bigint, directories_moved bigint);

-- The id of each of those rows.
CREATE TABLE oracle.row_id (library text, is_directory boolean, key bigint, id bigint, PRIMARY KEY (library, is_directory, key));

-- How many files each library had after its last scan.
CREATE TABLE oracle.held (library text PRIMARY KEY, files bigint);

-- Which entry is which in each round, by Tests/Oracle/model.py: `serial` follows an entry wherever it goes. `place` is its
-- directory's serial and its name.
CREATE TABLE oracle.identity (round integer, library text, serial bigint, path bytea, place text, kind text);

-- The last live row of each entry, and in which round; with what tells an entry that was moved.
CREATE TABLE oracle.holder (
  library text, serial bigint, id bigint, is_directory boolean, path bytea, place text, round integer, inode bigint,
  size bigint, mtime_ns bigint, PRIMARY KEY (library, serial));
CREATE INDEX ON oracle.holder (library, id, is_directory);

-- What `rollcall changes SCAN --json` says of some of those scans.
CREATE TABLE oracle.told (library text, changes jsonb);
