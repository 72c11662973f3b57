"""Inside Django, on the database of the server that is measured: fill it, and count the list page's queries."""

from __future__ import annotations

import sys

import django

django.setup()

from django.conf import settings  # noqa: E402  Django has to be set up first
from django.db import connection, transaction  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.utils import timezone  # noqa: E402

from detection.models import Analysis, Scan, Study, User  # noqa: E402


def fill(wanted: int) -> int:
    """Copies of a real, ended analysis until the doctor has that many scans; their pictures are the original's."""
    doctor = User.objects.get(username="doctor")
    pattern = Analysis.objects.exclude(finished_at=None).latest("queued_at")
    missing = wanted - Scan.objects.filter(owner=doctor).count()
    studies = [Study(owner=doctor, patient_reference=f"bench-{number:05}") for number in range(missing)]
    scans = [Scan(study=study, owner=doctor, kind="image") for study in studies]
    same = {
        name: getattr(pattern, name)
        for name in (
            "state",
            "verdict",
            "tumour_probability",
            "reason",
            "findings",
            "model_version",
            "weights",
            "milliseconds",
        )
    }
    analyses = [Analysis(scan=scan, progress=1.0, finished_at=timezone.now(), **same) for scan in scans]
    with transaction.atomic():
        Study.objects.bulk_create(studies, batch_size=500)
        Scan.objects.bulk_create(scans, batch_size=500)
        Analysis.objects.bulk_create(analyses, batch_size=500)
        for scan, analysis in zip(scans, analyses, strict=True):
            scan.current_analysis = analysis
        Scan.objects.bulk_update(scans, ["current_analysis"], batch_size=500)
    return Scan.objects.filter(owner=doctor).count()


def queries() -> int:
    """Queries of the list's first page, once its caches are warm."""
    settings.ALLOWED_HOSTS = ["testserver"]
    browser = Client()
    browser.force_login(User.objects.get(username="doctor"), backend="django.contrib.auth.backends.ModelBackend")
    browser.get("/scans/")
    with CaptureQueriesContext(
        connection,
    ) as counted:
        answer = browser.get("/scans/")
    if answer.status_code != 200:
        sys.exit(f"the list was answered {answer.status_code}")
    return len(counted)


if __name__ == "__main__":
    print(queries() if sys.argv[1] == "queries" else fill(int(sys.argv[2])))
