"""The suite on the CockroachDB engine: `make test-cockroach` (docs/decisions/0004-cockroach-stand-in.md)."""
