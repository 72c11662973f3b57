"""Text messages: composed without findings, sent at least once, retried where that can help."""
