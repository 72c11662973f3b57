"""Tags that every feature's templates use."""
