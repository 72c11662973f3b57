"""The tests: a folder for each feature, a file for each behaviour."""
