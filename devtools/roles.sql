-- Run once by a superuser with psql. Two roles: dee_owner owns the database and runs migrations; dee_app, which the
-- application uses, owns nothing and so can switch off no trigger. Repeating it changes nothing.
SELECT 'CREATE ROLE dee_owner LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'dee_owner') \gexec
SELECT 'CREATE ROLE dee_app LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'dee_app') \gexec
\if :{?owner_password}
ALTER ROLE dee_owner PASSWORD :'owner_password';
ALTER ROLE dee_app PASSWORD :'app_password';
\endif
SELECT 'CREATE DATABASE dee OWNER dee_owner' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'dee') \gexec
\connect dee
SET ROLE dee_owner;
\ir grants.sql
