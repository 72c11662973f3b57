#!/usr/bin/env python
"""Django's command line for Brainscan."""

import os
import sys


def main() -> None:
    """Run one administrative command; a wrong configuration ends in one sentence."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "brainscan.settings")
    from brainscan.config import ConfigurationError, load

    try:
        load()
    except ConfigurationError as error:
        sys.exit(f"Brainscan did not start: {error}")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
