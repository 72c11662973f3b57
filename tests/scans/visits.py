"""Series whose distances and sides are known, answered with outlines of a known size: through the worker's service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from detection.analysis import services as analysis_services
from detection.models import Analysis, Scan, Study, User
from detection.models.analysis import State
from ml.findings import Compartment, Verdict
from ml.imaging.volume import Orientation, Placement, Spacing, Volume
from tests import rows

AXIAL = Orientation("S", "P", "L")
SPACING = Spacing(5.0, 2.0, 2.0)


def ball(*, slices: int, first: int, last: int, row: int, column: int, radius: float) -> np.ndarray:
    """A disc on some of the slices, placed as if they had 64 pixels a side: (slices, SIDE, SIDE) bool."""
    rows_, columns = np.mgrid[: rows.SIDE, : rows.SIDE] * (64 / rows.SIDE)
    mask = np.zeros((slices, rows.SIDE, rows.SIDE), bool)
    mask[first : last + 1] = (rows_ - row) ** 2 + (columns - column) ** 2 <= radius**2
    return mask


def large(slices: int = 6) -> np.ndarray:
    """Three slices, 13 pixels across, in the left half of the picture."""
    return ball(slices=slices, first=1, last=3, row=30, column=22, radius=6.4)


def small(slices: int = 6) -> np.ndarray:
    """One slice, 3 pixels across, in the right half."""
    return ball(slices=slices, first=5, last=5, row=34, column=42, radius=1.4)


def answered(
    study: Study,
    mask: np.ndarray,
    *,
    spacing: Spacing | None = SPACING,
    orientation: Orientation | None = AXIAL,
    compartment: Compartment = Compartment.FLAIR_ABNORMALITY,
    version: str = rows.MODEL.version,
    interval: tuple[float, float] | None = None,
    level: float | None = None,
    thresholds: tuple[float, float] | None = (0.3, 0.7),
    sure: bool | None = None,
    placement: Placement | None = None,
    single: tuple[float, float, float] | None = None,
) -> Scan:
    """End the study's one waiting analysis: a tumour, outlined as the mask says.

    `interval` and `level` are the whole outline's; `single` low and high of the largest lesion, and how often such held.
    """
    Analysis.objects.filter(scan__study=study, state=State.QUEUED).update(not_before=None)
    (claimed,) = analysis_services.claim(worker=rows.WORKER, limit=1)
    names = tuple(f"slice-{number:03}.png" for number in range(len(mask)))
    volume = Volume(
        np.stack([rows.head(number) for number in range(len(mask))])[..., None],
        "series",
        names,
        spacing=spacing,
        orientation=orientation,
        placement=placement,
    )
    found = replace(
        rows.findings_of(volume, mask),
        verdict=Verdict.TUMOUR,
        tumour_probability=0.93,
        compartment=compartment if mask.any() else None,
        tumour_volume_ml_interval=interval,
        interval_level=level,
        lesion_interval_level=None if single is None else single[2],
        thresholds=thresholds,
        compartment_sure=sure,
    )
    if single is not None:
        first, *others = found.lesions
        found = replace(found, lesions=(replace(first, volume_ml_interval=single[:2]), *others))
    model = analysis_services.Model(version, rows.MODEL.files, rows.MODEL.thresholds)
    analysis_services.record(claimed, found, volume=volume, model=model, milliseconds=412)
    return Scan.objects.with_result().get(study=study)


def visit(owner: User, mask: np.ndarray, *, reference: str = "PX-1", first_picture: int = 0, **answer: object) -> Scan:
    """A series uploaded and answered. Another `first_picture` makes it other files than the last visit's."""
    lowest = rows.LOWEST
    rows.LOWEST = lowest + first_picture * rows.STEP / 7
    try:
        study = rows.study(owner, pictures=len(mask), as_series=True, reference=reference)
        return answered(study, mask, **answer)  # type: ignore[arg-type]
    finally:
        rows.LOWEST = lowest


def masks(*parts: np.ndarray) -> np.ndarray:
    """Several outlines in one."""
    return np.logical_or.reduce(parts)


__all__: Sequence[str] = ("AXIAL", "SPACING", "answered", "ball", "large", "masks", "small", "visit")
