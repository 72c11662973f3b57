"""Broken files by the thousand: every reader and the de-identifier answer with a Volume, facts or a sentence, and nothing else."""
