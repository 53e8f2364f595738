-- Runs once, as the superuser, when the volume of PostgreSQL is created: the API's own role owns its schemas and is no superuser.
\getenv password POSTGRESQL_PASSWORD
create extension btree_gist schema public;
create extension pg_trgm schema public;
create role clinic login password :'password' nosuperuser nocreatedb nocreaterole;
alter schema public owner to clinic;
create schema pgboss authorization clinic;
