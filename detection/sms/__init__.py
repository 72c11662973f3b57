"""Text messages: compose, send, record."""
