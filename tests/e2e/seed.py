"""Fills a home before `serve` starts: one finished scan of every verdict, a failed one, and a series.

    DJANGO_SETTINGS_MODULE=brainscan.settings BRAINSCAN_HOME=... python -m tests.e2e.seed

Prints the scans' ids as JSON, by name. The pictures are generated; the answers are made up, so that every page
can be looked at whatever the real model says of a generated head.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from detection.models import Scan, User


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
    from ml.imaging.volume import Spacing
    from tests import cast, rows
    from tests.scans import visits

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
    # The same patient twice, the distances known: two lesions, then one of them larger.
    rows.LOWEST, rows.STEP = -0.10, 0.04
    small = visits.ball(slices=12, first=3, last=4, row=38, column=40, radius=1.6)
    spacing = Spacing(6.0, 0.94, 0.94)
    for name, first_picture, radius in (("earlier", 1, 6.0), ("two", 2, 7.5)):
        mask = visits.masks(small, visits.ball(slices=12, first=5, last=8, row=26, column=23, radius=radius))
        volume = float(mask.sum()) * (spacing.voxel_ml or 0.0)
        made[name] = visits.visit(
            doctor, mask, reference="PX-TWO-12", first_picture=first_picture,
            spacing=spacing, interval=(0.87 * volume, 1.16 * volume), level=0.9,
        )  # fmt: skip
    # One that pages fold away as small, on a slice of the large one.
    dot = visits.ball(slices=12, first=6, last=6, row=38, column=42, radius=1.2)
    made["small"] = visits.visit(
        doctor, visits.masks(mask, dot) & ~small, reference="PX-SMALL-13", first_picture=3, spacing=spacing
    )
    rows.LOWEST, rows.STEP = 0.15, 0.02
    rows.study(doctor, reference="PX-FAILED-01")
    (claimed,) = services.claim(worker=rows.WORKER, limit=1)
    services.fail(claimed, "The analysis ran out of memory. Try again, or tell your administrator.")
    made["failed"] = claimed.scan
    made["older"] = older(doctor)
    made |= volumes(doctor)
    json.dump({name: {"scan": str(scan.pk), "study": str(scan.study_id)} for name, scan in made.items()}, sys.stdout)


def older(doctor: User) -> Scan:
    """A scan that was analysed before the worker wrote voxels."""
    from django.core.files.storage import default_storage

    from detection import storage
    from ml.findings import Verdict
    from tests import rows

    scan = rows.done(doctor, Verdict.NO_TUMOUR, reference="PX-OLDER-05")[0]
    assert scan.current_analysis_id is not None
    for name in ("volume.json", "voxels.gz", "mask.gz"):
        default_storage.delete(storage.derived_key(scan.current_analysis_id, name))
    return scan


def volumes(doctor: User) -> dict[str, Scan]:
    """What the viewer is tried on: a volume of 150 slices, one with a hole in its geometry, and a corner in each
    orientation."""
    import numpy as np
    from scipy import ndimage

    from ml.imaging.volume import Orientation, Spacing, Volume
    from tests import phantoms, rows
    from tests.viewer import corners

    pixels, tumour = phantoms.volume(slices=12, size=128)
    grown = [150 / 12, 2, 2]
    head = ndimage.zoom(pixels.astype(np.float32), grown, order=1) * 12
    head += np.random.default_rng(4).normal(0, 20, head.shape).astype(np.float32)
    voxels = np.clip(head, 0, 4095).astype(np.uint16)[..., None]
    mask = ndimage.zoom(tumour.astype(np.float32), grown, order=1) > 0.5
    names = tuple(f"volume.nii[{number}]" for number in range(150))
    whole = Volume(
        voxels,
        "series",
        names,
        spacing=Spacing(1.2, 0.9, 0.9),
        orientation=Orientation("S", "P", "L"),
        sequence="FLAIR",
        window=(400.5, 2000.5),
    )
    flat = Volume(
        voxels[:12], "series", names[:12], spacing=Spacing(None, 0.9, 0.9), orientation=Orientation("S", "P", "L")
    )
    made = {
        "volume": rows.recorded(doctor, whole, mask, reference="PX-VOLUME-01"),
        "uneven": rows.recorded(doctor, flat, mask[:12], reference="PX-UNEVEN-02"),
    }
    heat = np.zeros(flat.voxels.shape[:3], np.uint8)
    heat[:, 80:120, 140:180] = np.linspace(51, 255, 40)
    rows.explained(made["uneven"], flat, heat)
    for name in corners.STORED:
        volume = corners.read(name)
        empty = np.zeros(volume.voxels.shape[:3], bool)
        made[f"corner {name}"] = rows.recorded(doctor, volume, empty, reference=f"PX-CORNER-{name.upper()}")
        if name == "RAS":
            bright = (volume.voxels[..., 0] > 500).astype(np.uint8) * np.uint8(255)
            rows.explained(made[f"corner {name}"], volume, bright)
    return made


if __name__ == "__main__":
    main()
