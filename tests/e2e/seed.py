"""Fills a home before `serve` starts: one finished scan of every verdict, a failed one, and a series.

    DJANGO_SETTINGS_MODULE=brainscan.settings BRAINSCAN_HOME=... python -m tests.e2e.seed

Prints the scans' ids as JSON, by name. The pictures are generated; the answers are made up, so that every page
can be looked at whatever the real model says of a generated head.
"""

from __future__ import annotations

import json
import sys

import django


def main() -> None:
    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from detection.accounts.services import make_account, make_first_accounts
    from detection.analysis import services
    from detection.models import User
    from detection.models.delivery import Recipient
    from detection.models.user import Role
    from detection.uploads.services import SmsRequest
    from ml.findings import Verdict
    from tests import cast, rows

    call_command("migrate", verbosity=0)
    config = settings.CONFIG
    make_first_accounts(
        config.home,
        admin_password=config.admin_password.get_secret_value(),
        doctor_password=config.doctor_password.get_secret_value(),
    )
    make_account("rita", role=Role.REVIEWER, password=cast.PASSWORD)
    make_account("newcomer", role=Role.DOCTOR, password=cast.PASSWORD)
    doctor = User.objects.get(username="doctor")
    rows.SIDE = 256
    made = {
        verdict.value: rows.done(doctor, verdict, reference=f"PX-{place}F3K-21")[0]
        for place, verdict in enumerate(Verdict)
    }
    rows.LOWEST, rows.STEP = -0.10, 0.04
    series = rows.study(
        doctor,
        pictures=12,
        as_series=True,
        reference="PX-SERIES-04",
        sms=SmsRequest("+447700900123", Recipient.PATIENT, consent=True),
    )
    made["series"] = rows.analysed(series, Verdict.TUMOUR)[0]
    rows.LOWEST, rows.STEP = 0.15, 0.02
    several = rows.study(doctor, pictures=3, reference="PX-THREE-09")
    made["several"] = rows.analysed(several, Verdict.NO_TUMOUR, Verdict.TUMOUR, Verdict.REFUSED)[0]
    rows.study(doctor, reference="PX-FAILED-01")
    (claimed,) = services.claim(worker=rows.WORKER, limit=1)
    services.fail(claimed, "The analysis ran out of memory. Try again, or tell your administrator.")
    made["failed"] = claimed.scan
    json.dump({name: {"scan": str(scan.pk), "study": str(scan.study_id)} for name, scan in made.items()}, sys.stdout)


if __name__ == "__main__":
    main()
