"""The folder of everything that an installation writes, for its own account alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

OURS = ("brainscan.sqlite3", "secret-key.txt", "pseudonym-key.txt", "incoming", "scans")
"""Any of these says that a folder is an installation's home and nothing else's."""


def others_may_read(home: Path) -> bool:
    """Whether other accounts of the machine may look into it: SQLite makes its files readable for everybody."""
    return bool(home.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def prepare(home: Path) -> None:
    """Make the folder, for the own account alone; one that an older version made is narrowed.

    A folder that holds other things as well (`/srv`, say) is left as it is; `checks.home_is_private` warns of it.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    is_home = not any(home.iterdir()) or any((home / name).exists() for name in OURS)
    if is_home and others_may_read(home) and home.stat().st_uid == os.geteuid():
        home.chmod(0o700)
