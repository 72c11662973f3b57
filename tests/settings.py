"""The settings that tests run under: Brainscan's own, in a home of their own, away from the developer's environment.

pytest-django imports this before any conftest.py, so this is where the environment is made.
`BRAINSCAN_TEST_DATABASE_URL` (set by `make test-cockroach`) runs the suite on another database.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

OURS = ("BRAINSCAN_", "AUTH0_", "TWILIO_")
TEST_DATABASE_URL = os.environ.get("BRAINSCAN_TEST_DATABASE_URL", "")

for name in [name for name in os.environ if name.startswith(OURS) or name in ("DATABASE_URL", "PORT")]:
    del os.environ[name]
if TEST_DATABASE_URL:
    os.environ["DATABASE_URL"] = TEST_DATABASE_URL

_home = Path(tempfile.mkdtemp(prefix="brainscan-tests-"))
_maker = os.getpid()


@atexit.register
def _remove_home() -> None:
    # A forked child of the run inherits this; only the run itself tidies up.
    if os.getpid() == _maker:
        shutil.rmtree(_home, ignore_errors=True)


os.environ["BRAINSCAN_HOME"] = str(_home)
os.environ["BRAINSCAN_SECRET_KEY"] = "only-for-tests-" + "0" * 40
# TensorFlow prints pages on import, and two runs share two cores.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "2")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

from brainscan.settings import *  # noqa: E402, F403  the environment has to be made first
from brainscan.settings import STORAGES  # noqa: E402

# A test account's password is not a secret: PBKDF2's 0.3 s an account would be most of the suite.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Pages name plain files: tests need no collectstatic.
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
