"""The worker: claim rows, call ml, record."""
