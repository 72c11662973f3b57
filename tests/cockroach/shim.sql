-- What django-cockroachdb asks of a server that PostgreSQL lacks. Laid in template1, so that every database has it;
-- the server looks into public before pg_catalog (search_path), so that version() is this one.

-- The engine chooses its SQL by the version: with this one it emits no setting that only CockroachDB has.
CREATE FUNCTION public.version() RETURNS text LANGUAGE sql IMMUTABLE AS
    $$SELECT 'CockroachDB STAND-IN v25.4.0 (' || pg_catalog.version() || ')'$$;

-- CockroachDB's are 64 bits, unordered between nodes and never start at 1. `integer` has 32 bits here, so these are
-- smaller; they keep the rest: a first value that nobody guesses, and gaps.
CREATE SEQUENCE public.unique_rowid_sequence START 1000003 INCREMENT 7;
CREATE FUNCTION public.unique_rowid() RETURNS integer LANGUAGE sql VOLATILE AS
    $$SELECT pg_catalog.nextval('public.unique_rowid_sequence')::integer$$;

-- Telemetry, which Brainscan switches off: a call would be a fault, so it answers as CockroachDB would not.
CREATE SCHEMA crdb_internal;
CREATE FUNCTION crdb_internal.increment_feature_counter(feature text) RETURNS boolean LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION 'telemetry is meant to be off, and % was counted', feature; END$$;
