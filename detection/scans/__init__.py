"""List, result page, status, pictures."""
