"""A scan beside an earlier one of the same patient: how much the outlined volume changed. Asks no database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from django.utils import timezone

from detection.lesions import SHORT_COMPARTMENTS, between, millilitres
from detection.models import Analysis, Scan
from detection.models.analysis import State, Verdict
from detection.models.scan import Kind
from detection.scans import words
from ml.change import SmallestChange, smallest_change
from ml.findings import Compartment

Basis = Literal["pseudonym", "reference"]
BASES: dict[Basis, str] = {
    "pseudonym": "The files of both carry the same patient number.",
    "reference": "Both were uploaded by one person under one reference. Check that it is the same patient.",
}

DIFFERENT = "Not compared: one outline is the {}, the other the {}. These are two different things."
NO_VOLUME = "Not compared: no volume is known of {}, because its file does not state all distances."
NO_OUTLINE = "Not compared: nothing is outlined on {}, so there is no volume of the same thing."
NO_ANSWER = "Not compared: {} has no answer."
UNEQUAL_VERSIONS = "The two were analysed by different versions of the model ({}, then {})."
DOUBTFUL = (
    "What one of the outlines means is not certain. Correct the sequence of that scan before you trust the change."
)
OTHER_DISTANCE = "Their slices lie {} and {} apart. That alone can change a volume by more than the range above."
OTHER_SERIES = "The two were not read from the same kinds of series. That alone can change an outline."
SDC_UNKNOWN = "The smallest detectable change is not known for this version of the model and this kind of outline."


@dataclass(frozen=True)
class Visit:
    """One of the two scans: when, and how large.

    Attributes:
        taken_on: day of the examination; where the files do not say, the day of the upload.
        dated_by: which of the two it is.
        interval: low and high of `volume_ml`, or None where not known.
    """

    scan: Scan
    taken_on: date
    dated_by: Literal["examination", "upload"]
    volume_ml: float | None
    interval: tuple[float, float] | None

    @property
    def day(self) -> str:
        """`24 Nov 2025, examined`."""
        return _day(self.taken_on, self.dated_by)

    @property
    def volume(self) -> str:
        """`28.4 ml`."""
        return millilitres(self.volume_ml)

    @property
    def volume_interval(self) -> str:
        """`24.9 to 32.0 ml`, or that it is not known."""
        return between(self.interval) if self.interval else "interval not known"


@dataclass(frozen=True)
class Comparison:
    """What changed, or why that is not said.

    Attributes:
        refused: a sentence where the two cannot be compared; then there is no change.
        change_ml, change_percent: of the later against the earlier volume; whole percent.
        smallest: what measuring again would give, or None where not known.
        notes: sentences that limit what the numbers mean.
    """

    basis: Basis
    earlier: Visit
    later: Visit
    compartment: str | None
    refused: str | None
    change_ml: float | None
    change_percent: float | None
    smallest: SmallestChange | None
    notes: tuple[str, ...]
    unequal_versions: bool = False

    @property
    def detectable(self) -> bool | None:
        """Whether the change is more than measuring again would give; None where that is not known."""
        if self.smallest is None or self.change_percent is None:
            return None
        return self.smallest.exceeded_by(self.change_percent)

    @property
    def older_run(self) -> Scan | None:
        """The scan to analyse again where two versions of the model stand against each other."""
        runs = [(visit.scan.current_analysis, visit.scan) for visit in (self.earlier, self.later)]
        ended = [(run.finished_at, scan) for run, scan in runs if run is not None and run.finished_at is not None]
        if not self.unequal_versions or len(ended) < 2:
            return None
        return min(ended, key=lambda each: each[0])[1]

    @property
    def change(self) -> str:
        """`+3.2 ml, +12%`."""
        if self.change_ml is None or self.change_percent is None:
            return ""
        return f"{_signed(self.change_ml, words.volume)}{words.NBSP}ml, {_signed(self.change_percent, _whole)}%"

    @property
    def sentence(self) -> str:
        """What the change means, in one sentence."""
        if self.refused or self.change_percent is None:
            return self.refused or ""
        if self.smallest is None:
            return SDC_UNKNOWN
        shrinks, grows = (_signed(edge, _tenths) for edge in (self.smallest.shrinks_below, self.smallest.grows_above))
        edges = f"between {shrinks}% and {grows}%; a real repeat differs more"
        if self.detectable:
            word = "larger" if self.change_percent > 0 else "smaller"
            return f"The outline is {word} by more than simulated repeats of one scan gave ({edges})."
        return f"No change that can be told from simulated repeats of one scan ({edges})."

    def to_json(self) -> dict[str, Any]:
        """For `comparison.json`."""
        smallest = self.smallest
        return {
            "same_patient_by": self.basis,
            "compartment": self.compartment,
            "earlier": _visit_json(self.earlier),
            "later": _visit_json(self.later),
            "refused": self.refused,
            "change_ml": _rounded(self.change_ml),
            "change_percent": _rounded(self.change_percent),
            "smallest_detectable_change_percent": None
            if smallest is None
            else [_rounded(smallest.shrinks_below), _rounded(smallest.grows_above)],
            "smallest_detectable_change_method": None if smallest is None else smallest.method,
            "detectable": self.detectable,
            "sentence": self.sentence,
            "notes": list(self.notes),
        }


def taken_on(scan: Scan) -> tuple[date, Literal["examination", "upload"]]:
    """The day that a scan stands for, and where it comes from."""
    if scan.study.acquired_on is not None:
        return scan.study.acquired_on, "examination"
    return timezone.localdate(scan.created_at), "upload"


def choices(earlier: Sequence[tuple[Scan, Basis]], chosen: Scan) -> list[tuple[str, str, bool]]:
    """Id, words and whether it is the chosen one, for each earlier scan."""
    listed = []
    for scan, _ in earlier:
        sequence = scan.get_sequence_by_doctor_display() or scan.get_sequence_display()
        parts = [_day(*taken_on(scan)), *([sequence] if sequence else []), f"scan {scan.position + 1} of its upload"]
        listed.append((str(scan.pk), ", ".join(parts), scan.pk == chosen.pk))
    return listed


def compare(earlier: Scan, later: Scan, basis: Basis) -> Comparison:
    """Compare two scans of a patient, both with study and current analysis, findings loaded."""
    visits = _visit(earlier), _visit(later)
    found = [_findings(scan) for scan in (earlier, later)]
    refused = _refusal(found)
    versions = [scan.current_analysis.model_version if scan.current_analysis else "" for scan in (earlier, later)]
    notes = [BASES[basis]]
    if "upload" in (visits[0].dated_by, visits[1].dated_by):
        notes.append("Where the day of the examination is not known, the day of the upload stands for it.")
    if any(each is not None and each.get("compartment_sure") is False for each in found):
        notes.append(DOUBTFUL)
    notes += _unlike(earlier, later, found)
    change_ml = change_percent = smallest = None
    unequal = refused is None and versions[0] != versions[1]
    if unequal:
        refused = UNEQUAL_VERSIONS.format(*(version or "unknown" for version in versions))
    compartment = found[1]["compartment"] if found[1] else None
    before, after = visits[0].volume_ml, visits[1].volume_ml
    if refused is None and before is not None and after is not None:
        change_ml = after - before
        change_percent = float(round(100.0 * change_ml / before))  # no outline is finer, and what is shown decides
        smallest = smallest_change(versions[1], Compartment(str(compartment)))
        if smallest is not None:
            notes.append(f"Smallest detectable change: {words.count(smallest.patients, 'patient')}. {smallest.method}")
    return Comparison(basis, *visits, compartment, refused, change_ml, change_percent, smallest, tuple(notes), unequal)


def _unlike(earlier: Scan, later: Scan, found: Sequence[dict[str, Any] | None]) -> list[str]:
    """What of the two acquisitions alone moves a volume."""
    notes = []
    apart = [((each or {}).get("spacing_mm") or {}).get("between_slices") for each in found]
    distances = [float(distance) for distance in apart if distance is not None]
    if len(distances) == len(apart) and max(distances) > 1.1 * min(distances):
        notes.append(OTHER_DISTANCE.format(*map(words.stated_millimetres, distances)))
    if [part is None for part in earlier.part_ids] != [part is None for part in later.part_ids]:
        notes.append(OTHER_SERIES)
    return notes


def _visit(scan: Scan) -> Visit:
    found = _findings(scan) or {}
    interval = found.get("tumour_volume_ml_interval")
    day, dated_by = taken_on(scan)
    return Visit(scan, day, dated_by, found.get("tumour_volume_ml"), (interval[0], interval[1]) if interval else None)


def _findings(scan: Scan) -> dict[str, Any] | None:
    analysis = scan.current_analysis
    return analysis.findings if analysis is not None and analysis.state == State.DONE else None


def _refusal(found: Sequence[dict[str, Any] | None]) -> str | None:
    """The sentence for two scans, the earlier first, that cannot be compared."""
    names = ("the earlier scan", "this scan")
    for name, each in zip(names, found, strict=True):
        if each is None or each["verdict"] == Verdict.REFUSED:
            return NO_ANSWER.format(name)
    compartments = [each["compartment"] for each in found if each is not None]
    for name, compartment in zip(names, compartments, strict=True):
        if compartment is None:
            return NO_OUTLINE.format(name)
    if compartments[0] != compartments[1]:
        return DIFFERENT.format(*(SHORT_COMPARTMENTS.get(name, name) for name in compartments))
    for name, each in zip(names, found, strict=True):
        if each is None or not each["tumour_volume_ml"]:
            return NO_VOLUME.format(name)
    return None


def is_comparable(scan: Scan, analysis: Analysis) -> bool:
    """Whether a scan is of a kind that has a volume at all: a finished series that still holds."""
    return scan.kind == Kind.SERIES and analysis.state == State.DONE and not scan.is_superseded


def _visit_json(visit: Visit) -> dict[str, Any]:
    return {
        "scan": str(visit.scan.pk),
        "date": visit.taken_on.isoformat(),
        "dated_by": visit.dated_by,
        "volume_ml": visit.volume_ml,
        "volume_ml_interval": visit.interval,
    }


def _day(day: date, dated_by: str) -> str:
    return f"{day.day} {day:%b %Y}, {'examined' if dated_by == 'examination' else 'uploaded'}"


def _whole(value: float) -> str:
    """A share in percent that is told without decimals."""
    return f"{value:,.0f}"


def _tenths(value: float) -> str:
    """A share in percent that is told to the tenth."""
    return f"{value:,.1f}"


def _signed(value: float, told: Callable[[float], str]) -> str:
    text = told(abs(value))
    return f"{'−' if value < 0 else '+'}{text}" if float(text.replace(",", "")) else text


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
