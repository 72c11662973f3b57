"""Rows as the application makes them: an upload through the door's service, a result through the worker's.

No test invents a row that no service could make. The pictures are drawn here; only the model's answer is made up.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from PIL import Image

from detection import storage
from detection.analysis import services as analysis_services
from detection.analysis import voxels
from detection.models import Analysis, Measurement, Scan, Study, User
from detection.models.analysis import State
from detection.models.measurement import Plane, Tool
from detection.models.scan import Kind
from detection.uploads import services as upload_services
from detection.uploads.handlers import StreamedFile
from detection.uploads.services import SmsRequest
from detection.viewer import services as viewer_services
from detection.viewer.drawings import Drawing
from ml.findings import Compartment, Findings, Mask, SliceFinding, Verdict
from ml.imaging import sandbox
from ml.imaging.limits import Limits
from ml.imaging.volume import Volume
from ml.measure import lesions, of_volume
from tests import phantoms

SIDE = 64
LOWEST, STEP = 0.10, 0.02
WORKER = "a-worker-of-the-tests"
MODEL = analysis_services.Model(
    "2026.1-test", {"classifier.weights.h5": "a" * 64}, {"nothing_below": 0.2, "tumour_from": 0.6}
)

_answers: dict[tuple[tuple[tuple[str, bytes], ...], bool], tuple[str, dict[Path, bytes]]] = {}
"""Of the sandbox, by the pictures and whether they are a series."""


def head(number: int = 0) -> np.ndarray:
    """One slice of a generated head: (SIDE, SIDE) uint8."""
    return phantoms.slice_picture(size=SIDE, z=LOWEST + STEP * number)[0]


def spot(number: int = 0) -> np.ndarray:
    """Where its tumour is: (SIDE, SIDE) bool."""
    return phantoms.slice_picture(size=SIDE, z=LOWEST + STEP * number)[1]


def streamed(name: str, content: bytes) -> StreamedFile:
    """A file as the door's upload handler hands it over."""
    file = StreamedFile(name, "image/png", None)
    file.append(content)
    file.finish(len(content))
    return file


def png(number: int = 0) -> bytes:
    target = io.BytesIO()
    Image.fromarray(head(number)).save(target, "PNG")
    return target.getvalue()


def study(
    owner: User, *, pictures: int = 1, as_series: bool = False, reference: str = "", sms: SmsRequest | None = None
) -> Study:
    """An upload of that many pictures, as the service keeps and records it."""
    files = [streamed(f"slice-{number:03}.png", png(number)) for number in range(pictures)]
    try:
        with known_pictures():
            return upload_services.receive(
                owner=owner, files=files, patient_reference=reference, sms=sms, as_series=as_series
            )
    finally:
        for file in files:
            file.close()


def known_pictures() -> AbstractContextManager[object]:
    """Takes the sandbox's word for pictures that it has seen: a process for each upload costs a second."""
    return mock.patch.object(sandbox, "ask", partial(_asked_once, sandbox.ask))


def _asked_once(
    ask: Callable[..., dict[str, Any]], request: dict[str, Any], limits: Limits, **more: Any
) -> dict[str, Any]:
    """The sandbox's answer, and the files that it wrote."""
    sent = tuple((file["name"], Path(file["path"]).read_bytes()) for file in request["files"])
    key, work = (sent, request["as_series"]), Path(request["work"])
    if key not in _answers:
        told = json.dumps(ask(request, limits, **more))
        written = {path.relative_to(work): path.read_bytes() for path in work.rglob("*") if path.is_file()}
        _answers[key] = told, written
    told, written = _answers[key]
    for name, content in written.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_bytes(content)
    return dict(json.loads(told))


def analysed(study: Study, *verdicts: Verdict, probability: float | None = None) -> list[Scan]:
    """End the waiting analyses of a study, one verdict for each of its scans in turn (the last for the rest)."""
    Analysis.objects.filter(scan__study=study, state=State.QUEUED).update(not_before=None)
    claimed = {analysis.scan_id: analysis for analysis in analysis_services.claim(worker=WORKER, limit=1000)}
    scans = list(study.scans.order_by("position"))
    for place, scan in enumerate(scans):
        verdict = verdicts[min(place, len(verdicts) - 1)]
        count = scan.files.count()
        volume = Volume(
            np.stack([head(number) for number in range(count)])[..., None],
            "series" if scan.kind == Kind.SERIES else "image",
            tuple(f"slice-{n:03}.png" for n in range(count)),
        )
        analysis_services.record(
            claimed[scan.pk], findings(volume, verdict, probability), volume=volume, model=MODEL, milliseconds=412
        )
    return list(study.scans.order_by("position").select_related("current_analysis"))


def findings(volume: Volume, verdict: Verdict, probability: float | None = None) -> Findings:
    """What a model could have answered: the spot outlined on every slice where the verdict is tumour."""
    if verdict is Verdict.REFUSED:
        return Findings.refused(volume, "This is not an MRI of a brain.")
    share = (
        probability
        if probability is not None
        else {Verdict.TUMOUR: 0.93, Verdict.NO_TUMOUR: 0.04, Verdict.UNCERTAIN: 0.41}[verdict]
    )
    outlined = verdict is Verdict.TUMOUR
    masks = [Mask(spot(number)) if outlined else Mask.empty(SIDE, SIDE) for number in range(len(volume))]
    measured = lesions(np.stack([mask.pixels for mask in masks]), volume.spacing)
    return Findings(
        kind=volume.kind,
        verdict=verdict,
        reason="The probability lies between the two thresholds." if verdict is Verdict.UNCERTAIN else None,
        tumour_probability=share,
        compartment=Compartment.FLAIR_ABNORMALITY if outlined else None,
        tumour_volume_ml=None,
        lesions=measured.lesions,
        slices=tuple(
            SliceFinding(index, source, share, verdict, mask)
            for index, (source, mask) in enumerate(zip(volume.sources, masks, strict=True))
        ),
    )


def done(owner: User, *verdicts: Verdict, **upload: object) -> Sequence[Scan]:
    """Uploaded and analysed: the scans, each with its result."""
    made = study(owner, pictures=len(verdicts) or 1, **upload)  # type: ignore[arg-type]
    return analysed(made, *(verdicts or (Verdict.TUMOUR,)))


def recorded(owner: User, volume: Volume, mask: np.ndarray, *, reference: str = "") -> Scan:
    """An upload whose file turned out to hold that volume, with the mask (slices, rows, columns) outlined."""
    made = study(owner, as_series=volume.kind == "series", reference=reference)
    claimed = next(each for each in analysis_services.claim(worker=WORKER, limit=1000) if each.scan.study_id == made.pk)
    found = findings_of(volume, mask)
    analysis_services.record(claimed, found, volume=volume, model=MODEL, milliseconds=900)
    return made.scans.get()


def findings_of(volume: Volume, mask: np.ndarray) -> Findings:
    """What a model could have answered with that mask (slices, rows, columns)."""
    measured = of_volume(mask, volume)
    return Findings(
        kind=volume.kind,
        verdict=Verdict.TUMOUR if mask.any() else Verdict.NO_TUMOUR,
        reason=None,
        tumour_probability=0.93 if mask.any() else 0.04,
        compartment=Compartment.FLAIR_ABNORMALITY if mask.any() else None,
        tumour_volume_ml=measured.volume_ml,
        lesions=measured.lesions,
        slices=tuple(
            SliceFinding(
                index,
                source,
                0.9 if mask[index].any() else 0.05,
                Verdict.TUMOUR if mask[index].any() else Verdict.NO_TUMOUR,
                Mask(mask[index]),
                area_mm2=None if measured.area_mm2 is None else measured.area_mm2[index],
            )
            for index, source in enumerate(volume.sources)
        ),
    )


def explained(scan: Scan, volume: Volume, heat: np.ndarray) -> None:
    """Give a recorded scan a heat map, uint8 (slices, rows, columns), as a model that explains itself would."""
    assert scan.current_analysis_id is not None
    for name, content in voxels.render(volume, findings_of(volume, np.zeros(heat.shape, bool)), heat):
        if name != "mask.gz":
            storage.write_derived(scan.current_analysis_id, name, content)


def ruler(scan: Scan, points: list[list[float]]) -> Measurement:
    """A length that the scan's owner measured on its first slice."""
    drawing = Drawing(Tool.RULER, Plane.ACQUIRED, 0, points, None)
    return viewer_services.draw(drawing, scan=scan, author=scan.owner)
