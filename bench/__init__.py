"""`make bench`: speed and memory, measured on this machine, printed and written to docs/performance.md."""
