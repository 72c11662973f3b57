"""From hostile files to a Volume: limits, errors, the sandbox and the readers."""
