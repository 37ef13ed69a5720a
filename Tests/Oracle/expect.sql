-- What the catalogue must hold after each scan: worked out from the independent listing and from what was expected
-- before, never from the catalogue. Only `id` is taken from there, when a path is first met, to see that it stays.

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

-- The rules of each library: whether nothing that is gone can be their doing, and how many entries they pass over in
-- silence.
CREATE TABLE oracle.ruled (library text, is_open boolean, layout text, ignored bigint);

-- Every path that a scan ever saw; a name may have been both a file's and a directory's.
CREATE TABLE oracle.expected (
  library text, path bytea, is_directory boolean, kind text, size bigint, mtime_ns bigint, ctime_ns bigint, inode bigint,
  mode integer, files bigint, bytes numeric, category bytea, course bytea, is_live boolean, is_excluded boolean, id bigint,
  first_scan bigint, changed_scan bigint, PRIMARY KEY (library, path, is_directory));

-- Which entry is which in each round, by Tests/Oracle/model.py: `serial` follows an entry wherever it goes. `place` is its
-- directory's serial and its name.
CREATE TABLE oracle.identity (round integer, library text, serial bigint, path bytea, place text, kind text);

-- The last live row of each entry, and in which round; with what tells an entry that was moved.
CREATE TABLE oracle.holder (
  library text, serial bigint, id bigint, is_directory boolean, path bytea, place text, round integer, inode bigint,
  size bigint, mtime_ns bigint, PRIMARY KEY (library, serial));
CREATE INDEX ON oracle.holder (library, id, is_directory);

-- What the last scan of each library must have done to each file; where nobody but the product can know whether what
-- went was excluded, `is_excluded` is NULL.
CREATE TABLE oracle.change (library text, path bytea, change text, is_excluded boolean, kind text);

-- What `rollcall changes SCAN --json` says of some of those scans.
CREATE TABLE oracle.told (library text, changes jsonb);
