"""The lesions of a scan object in words: place, sizes with their intervals, diameters, and why one is not known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from detection import words
from detection.models.analysis import Verdict
from detection.models.scan import Kind
from ml.size_rules import LESION_SHARE, measurable_from_mm

COMPARTMENTS = {
    "flair_abnormality": "The outline is the FLAIR abnormality: tumour and the swelling around it.",
    "contrast_enhancing_tumour": "The outline is the part of the tumour that takes up contrast.",
}
UNSURE = "The sequence was judged from the picture and is not certain: the outline may mean something else."
SHORT_COMPARTMENTS = {
    "flair_abnormality": "FLAIR abnormality",
    "contrast_enhancing_tumour": "contrast-enhancing tumour",
}
OPPOSITE = {"L": "R", "R": "L", "A": "P", "P": "A", "S": "I", "I": "S"}
SIDES = {"left": "Left", "right": "Right", "both sides / midline": "Both sides or midline"}

NOT_COMPUTABLE = "Not computable"
NO_SPACING = "no pixel spacing"
NO_DISTANCE = "no even slice distance"
NO_PLACE = "the file does not say where its slices lie"
PLACES = (
    "Centroids: millimetres towards the patient's left (L) or right (R), back (P) or front (A), head (S) or feet (I), "
    "from the zero point of the file's own coordinates."
)
IN_DOUBT = "In doubt: this scan is uncertain, so what is outlined may be nothing, and more may be there."
SMALL_PART = "interval not known for so small a part"
OLDER_RUN = "this run did not measure it"


@dataclass(frozen=True)
class Cell:
    """One thing about a lesion: its heading, a text, and a second line.

    Attributes:
        where: the second line's beginning, which names a slice; empty where it names none.
        slice_number: that slice, from 1: on a page `where` leads to it.
        more: the rest of the second line.
    """

    head: str
    text: str
    more: str = ""
    where: str = ""
    slice_number: int | None = None

    @property
    def second(self) -> str:
        """The whole second line."""
        return f"{self.where}{self.more}"


@dataclass(frozen=True)
class LesionRow:
    """One lesion in words.

    Attributes:
        number: from 1, the largest first.
        slice_number: the slice to look at, from 1.
        small: whether pages show it below the others, folded (see `is_small`).
        in_doubt: whether the scan is uncertain, and with it whether there is a lesion at all.
    """

    number: int
    cells: tuple[Cell, ...]
    slice_number: int
    small: bool
    in_doubt: bool


def lesion_rows(found: dict[str, Any]) -> tuple[LesionRow, ...]:
    """One row for each lesion of a scan object, all with the same headings."""
    rows = []
    for number, lesion in enumerate(found["lesions"], 1):
        series = found["kind"] == Kind.SERIES
        cells = [_place(found, lesion)]
        if series:
            cells.append(Cell("Volume", *_volume(found, lesion)))
        cells.append(_diameters(found, lesion))
        if series:
            cells.append(Cell("Measurable?", *_measurable(found, lesion)))
        cells.append(Cell("Extent", *_extent(lesion)))
        cells.append(_slices(lesion) if series else Cell("Area", *_area(lesion)))
        small = is_small(found, lesion)
        rows.append(LesionRow(number, tuple(cells), _largest(lesion) + 1, small, in_doubt(found)))
    return tuple(rows)


def in_doubt(found: dict[str, Any]) -> bool:
    """Whether what is outlined may be nothing: the scan it lies on is uncertain."""
    return found["verdict"] == Verdict.UNCERTAIN and bool(found["lesions"])


def is_small(found: dict[str, Any], lesion: dict[str, Any]) -> bool:
    """Whether a lesion is under a tenth of everything outlined, and not measurable by RANO. The largest never is.

    The tenth is that from which a lesion has an interval. Small ones are kept and taken out like all others; pages
    only show them last.
    """
    outlined = sum(each["area_px"] for each in found["lesions"])
    part = lesion["area_px"] < LESION_SHARE * outlined and lesion["area_px"] < found["lesions"][0]["area_px"]
    return part and not lesion.get("measurable")


def small_ones(found: dict[str, Any]) -> str:
    """How many small lesions there are and how much they are together; empty where there is none."""
    small = [lesion for lesion in found["lesions"] if is_small(found, lesion)]
    if not small:
        return ""
    volumes = [lesion.get("volume_ml") for lesion in small]
    if None in volumes:
        size = words.pixels(sum(lesion["area_px"] for lesion in small))
    else:
        size = words.millilitres(sum(volumes))
    return f"{words.count(len(small), 'smaller lesion')}, {f'together {size}' if len(small) > 1 else size}"


def together(found: dict[str, Any]) -> str:
    """The size of a series' whole outline: its volume, or its pixels and why it has none; empty without a lesion."""
    if found["kind"] != Kind.SERIES or not found["lesions"]:
        return ""
    total, interval = found.get("tumour_volume_ml"), found.get("tumour_volume_ml_interval")
    if total is None:
        pixels = words.pixels(sum(lesion["area_px"] for lesion in found["lesions"]))
        if in_pixels := found.get("outline_px_interval"):
            pixels += f", {in_pixels[0]:,.0f} to {in_pixels[1]:,.0f}"
        why = NO_DISTANCE if found.get("spacing_mm") else NO_SPACING
        return f"All together: {pixels}. Volume: not computable, {why}."
    return f"All together: {millilitres(total)}{f', {between(interval)}' if interval else ''}."


def note(found: dict[str, Any]) -> str:
    """Whether they are in doubt, what the outlines mean, and how many there are."""
    parts = [IN_DOUBT if in_doubt(found) else "", COMPARTMENTS.get(found.get("compartment") or "", "")]
    if found.get("compartment_sure") is False:
        parts.append(UNSURE)
    if found["kind"] == Kind.SERIES and found["lesions"]:
        touched = sum(1 for each in found["slices"] if each["area_px"])
        parts.append(f"{words.count(len(found['lesions']), 'lesion')} on {touched} of {len(found['slices'])} slices.")
    return " ".join(part for part in parts if part)


def foot(found: dict[str, Any]) -> tuple[str, ...]:
    """Sentences under the table: what an interval means, how diameters are measured, what a centroid's letters say."""
    if not found["lesions"]:
        return ()
    sentences = []
    level = found.get("interval_level")
    if level is not None:
        held = f"Intervals held the true size in {words.percent(level)} of scans where a doctor had drawn the outline"
        of_lesions = found.get("lesion_interval_level")
        single = f", those of single lesions in {words.percent(of_lesions)}" if of_lesions is not None else ""
        sentences.append(f"{held}{single if len(found['lesions']) > 1 else ''}.")
    elif found.get("tumour_volume_ml_interval") or found.get("outline_px_interval"):
        sentences.append("How often such intervals hold the true size is not known.")
    if any(lesion.get("diameters_px") for lesion in found["lesions"]):
        sentences.append(
            "Diameters: the longest on an axial slice and the longest at right angles to it there (RANO 2.0)."
        )
    if any(lesion.get("measurable") is not None for lesion in found["lesions"]):
        least = measurable_from_mm((found.get("spacing_mm") or {}).get("between_slices") or 0.0)
        usual = measurable_from_mm(0.0)
        thick = "" if least == usual else ", twice the distance of slices, because that is over 5 mm"
        told = words.stated_millimetres(round(least, 1))
        sentences.append(words.unbroken(f"Measurable: both at least {told} on two slices or more{thick}."))
    if "centroid_lps_mm" in found["lesions"][0]:
        why = NO_PLACE if found.get("spacing_mm") else NO_SPACING
        known = found["lesions"][0]["centroid_lps_mm"] is not None
        sentences.append(PLACES if known else f"Centroids in millimetres: not computable, {why}.")
    return tuple(sentences)


def millilitres(volume: float | None) -> str:
    """`28.4 ml`, or that it is not known."""
    return NOT_COMPUTABLE if volume is None else words.millilitres(volume)


def between(interval: Any) -> str:
    """`24.9 to 32.0 ml`."""
    low, high = interval
    return f"{words.volume(low)} to {words.millilitres(high)}"


def in_patient(place: Sequence[float]) -> str:
    """A place in mm LPS as `L 23.1, P 14.0, S 33.2 mm`: letters say which way, so that no convention has to be known."""
    sides = zip(("LR", "PA", "SI"), place, strict=True)
    return ", ".join(f"{pair[value < 0]}{words.NBSP}{abs(value):.1f}" for pair, value in sides) + f"{words.NBSP}mm"


def telling_slice(found: dict[str, Any]) -> int | None:
    """Where nothing is outlined: the series' slice that scored highest, from 0, if it scored more than nothing.

    None for one picture, and where every slice lies below the threshold under which it holds nothing: which of them is
    highest then says little, and a reader is better served by the middle.
    """
    shares = [each["tumour_probability"] or 0.0 for each in found["slices"]]
    limits = found.get("slice_thresholds") or found.get("thresholds") or {}
    if found["lesions"] or len(shares) < 2 or max(shares) < limits.get("nothing_below", 0.0) or len(set(shares)) == 1:
        return None
    return shares.index(max(shares))


def edge_letters(orientation: dict[str, str]) -> tuple[str, str, str, str]:
    """The letters at the left, right, upper and lower edge of a slice."""
    right, below = orientation["columns"], orientation["rows"]
    return OPPOSITE[right], right, OPPOSITE[below], below


def _largest(lesion: dict[str, Any]) -> int:
    return int(lesion.get("largest_slice", lesion["slices"][0]))


def _place(found: dict[str, Any], lesion: dict[str, Any]) -> Cell:
    """The patient's side where it is known, else the half of the picture; and the centroid."""
    side = lesion.get("side")
    text, why = (SIDES[side], "") if side in SIDES else _half(found, lesion)
    return Cell("Side and place", text, "; ".join(part for part in (why, _centroid(found, lesion)) if part))


def _half(found: dict[str, Any], lesion: dict[str, Any]) -> tuple[str, str]:
    centroid, columns = lesion.get("centroid_px"), found.get("columns")
    if not centroid or not columns:
        return "Not known", ""
    orientation = found.get("orientation")
    if orientation and orientation["columns"] not in ("L", "R"):
        # Left and right run through the slices of a sagittal series: its pictures have no left or right half.
        return "Side not known", "slices from the side do not show where the middle of the head is"
    share = (centroid[2] + 0.5) / columns
    if abs(share - 0.5) < 0.04:
        return "Near the middle", "of the picture; the patient's side is not known"
    return f"{'Right' if share > 0.5 else 'Left'} half", "of the picture; the patient's side is not known"


def _centroid(found: dict[str, Any], lesion: dict[str, Any]) -> str:
    centroid = lesion.get("centroid_px")
    if not centroid:
        return ""
    place = lesion.get("centroid_lps_mm")
    if place:
        return f"centroid {in_patient(place)}"
    on = f"slice {centroid[0] + 1:.0f}, " if found["kind"] == Kind.SERIES else ""
    return f"centroid: {on}row {centroid[1] + 1:.0f}, column {centroid[2] + 1:.0f}"


def _volume(found: dict[str, Any], lesion: dict[str, Any]) -> tuple[str, str]:
    volume, interval = lesion.get("volume_ml"), lesion.get("volume_ml_interval")
    if volume is None:
        return NOT_COMPUTABLE, NO_DISTANCE if found.get("spacing_mm") else NO_SPACING
    if interval is None:
        small = found.get("lesion_interval_level") is not None
        return millilitres(volume), SMALL_PART if small else "interval not known"
    return millilitres(volume), between(interval)


def _diameters(found: dict[str, Any], lesion: dict[str, Any]) -> Cell:
    pixels, millimetres = lesion.get("diameters_px"), lesion.get("diameters_mm")
    number = lesion["diameter_slice"] + 1 if pixels and found["kind"] == Kind.SERIES else None
    where = "" if number is None else f"on slice {number}"
    if millimetres:
        return Cell("Diameters", words.millimetres(*millimetres[:2]), where=where, slice_number=number)
    why = _no_diameters(found, lesion)
    if not pixels:
        return Cell("Diameters", NOT_COMPUTABLE, why)
    text = f"{pixels[0]:.0f} × {pixels[1]:.0f}{words.NBSP}pixels"
    return Cell("Diameters", text, f"{', ' if where else ''}in mm not computable: {why}", where, number)


def _measurable(found: dict[str, Any], lesion: dict[str, Any]) -> tuple[str, str]:
    measurable = lesion.get("measurable")
    between_slices = (found.get("spacing_mm") or {}).get("between_slices")
    if measurable is None and not lesion.get("diameters_mm"):
        return NOT_COMPUTABLE, _no_diameters(found, lesion)
    if measurable is None or between_slices is None:
        return NOT_COMPUTABLE, "one slice only" if len(found["slices"]) == 1 else NO_DISTANCE
    if measurable:
        return "Yes", ""
    least = measurable_from_mm(between_slices)
    small = round(min(lesion["diameters_mm"]), 1) < least
    told = words.stated_millimetres(round(least, 1))
    return "No", f"a diameter under {told}" if small else f"{told} both ways on one slice only"


def _no_diameters(found: dict[str, Any], lesion: dict[str, Any]) -> str:
    if "diameters_px" not in lesion:
        return OLDER_RUN
    orientation = found.get("orientation")
    if orientation and orientation["slices"] not in "SI":
        return "slices are not axial"
    if not found.get("spacing_mm"):
        return NO_SPACING
    return "not known to be axial"


def _extent(lesion: dict[str, Any]) -> tuple[str, str]:
    millimetres, pixels = lesion.get("extent_mm"), lesion.get("extent_px")
    if millimetres and None not in millimetres:
        return words.millimetres(*millimetres[::-1]), "across, down, through"
    if millimetres:
        return words.millimetres(millimetres[2], millimetres[1]), "across, down"
    if not pixels:
        return "Not known", ""
    in_pixels = f"{pixels[2]} × {pixels[1]}{words.NBSP}pixels"
    if pixels[0] > 1:
        return f"{in_pixels}, {pixels[0]} slices", f"in mm not computable: {NO_SPACING}"
    return in_pixels, f"across, down; in mm not computable: {NO_SPACING}"


def _slices(lesion: dict[str, Any]) -> Cell:
    first, last = lesion["slices"]
    area, pixels = _area(lesion)
    area = area if lesion.get("area_mm2") is None else f"{area}, {pixels}"
    if first == last:
        return Cell("Slices", f"{first + 1}", area)
    number = _largest(lesion) + 1
    return Cell("Slices", f"{first + 1} to {last + 1}", f": {area}", f"largest on {number}", number)


def _area(lesion: dict[str, Any]) -> tuple[str, str]:
    pixels = words.pixels(lesion.get("largest_area_px", lesion["area_px"]))
    interval, mm2 = lesion.get("area_px_interval"), lesion.get("area_mm2")
    if interval and lesion["slices"][0] == lesion["slices"][1]:
        pixels += f", {interval[0]:,} to {interval[1]:,}"
    if mm2 is None:
        return pixels, f"in mm² not computable: {NO_SPACING}"
    return words.square_millimetres(mm2), pixels
