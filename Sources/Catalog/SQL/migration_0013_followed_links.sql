-- The name is a symbolic link's, which the library's rules follow to the directory. Whoever opens it resolves the
-- link again.
ALTER TABLE directories ADD COLUMN followed boolean NOT NULL DEFAULT false;
