"""The door: what arrives from a browser becomes a Study with its Scans, or a sentence."""
