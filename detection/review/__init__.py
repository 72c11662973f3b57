"""What a doctor decides about a result."""
