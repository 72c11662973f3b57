"""Analyses: from queued to their end."""
