"""The door: from a request to a Study with its Scans."""
