"""What a doctor reads: the list of scans, a scan's result, a study, and their pictures."""
