"""Pixels without a user: readers, networks, findings. Never imports Django."""
