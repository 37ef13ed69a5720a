-- Answers no row, and fails with 25006 where the database takes no writes: in a read-only session, on a replica.
SELECT FROM schema_migrations WHERE false FOR UPDATE
