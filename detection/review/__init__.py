"""A doctor's acts on a result: release."""
