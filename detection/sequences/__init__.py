"""A doctor's word on which MR sequence a scan is, and the analysis that follows from it."""
