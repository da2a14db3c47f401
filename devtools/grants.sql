-- Run by the owner role in each database, before the first migration: what the application may do with tables that
-- migrations will make. A migration takes away what a table forbids (the log refuses UPDATE, DELETE and TRUNCATE).
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO dee_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO dee_app;
