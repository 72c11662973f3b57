"""Sign-in, sign-out, roles."""
