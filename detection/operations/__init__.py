"""Health, serving, first accounts: what keeps an installation running."""
