"""The Image Library of a structured report (PS3.16 TID 1600): which originals it is about, and what they share.

What all images share stands once, with their group, and the entries name the images: each one's place, three numbers of
five nested items, would take longer than all the rest of a report on 400 slices. highdicom's library repeats everything
for every image, takes for given what originals may lack, and is copied with the tree: this one is made of plain datasets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from ml.imaging.writers.common import NotExportable
from ml.imaging.writers.dicom import coded
from ml.imaging.writers.source import Plane, SourceSeries

_SOURCE = Code("260753009", "SCT", "Source")
_PIXELS = Code("{pixels}", "UCUM", "Pixels")
_UNITY = Code("{-1:1}", "UCUM", "{-1:1}")
_MILLIMETRE = codes.UCUM.Millimeter
_MODALITIES = {"MR": codes.cid29.MagneticResonance, "CT": codes.cid29.ComputedTomography}
_AXES = ("X", "Y", "Z")


def image_library(source: SourceSeries) -> Dataset:
    """The library of all originals, in slice order, as a content item.

    Args:
        source: the instances; where they do not say where they lie, the library does not say either.
    """
    try:
        planes = source.planes()
    except NotExportable:
        planes = None
    images = [_image(dataset) for dataset in source.instances]
    group = _container(codes.DCM.ImageLibraryGroup, [*_shared(source, planes), *images])
    return _container(codes.DCM.ImageLibrary, [group])


def _shared(source: SourceSeries, planes: Sequence[Plane] | None) -> Iterator[Dataset]:
    """TID 1602 and TID 1604 of all images together; nothing that is not the same in all or not known."""
    modality = _MODALITIES.get(str(source.first.get("Modality") or ""))
    if modality is not None:
        yield _code(codes.DCM.Modality, modality)
    yield _code(codes.DCM.TargetRegion, codes.SCT.Brain)
    if planes is not None:
        frame = _item("UIDREF", codes.DCM.FrameOfReferenceUID)
        frame.UID = source.first.FrameOfReferenceUID
        yield frame
    _, rows, columns = source.shape
    yield _number(codes.DCM.PixelDataRows, rows, _PIXELS)
    yield _number(codes.DCM.PixelDataColumns, columns, _PIXELS)
    if planes is None or not source.is_parallel(planes):
        return
    first = planes[0]
    yield _number(codes.DCM.HorizontalPixelSpacing, first.column_mm, _MILLIMETRE)
    yield _number(codes.DCM.VerticalPixelSpacing, first.row_mm, _MILLIMETRE)
    thickness, *others = set(source.thicknesses())
    if thickness is not None and not others:
        yield _number(codes.DCM.SliceThickness, thickness, _MILLIMETRE)
    between = source.distance(planes)
    if between is not None:
        yield _number(codes.DCM.SpacingBetweenSlices, between, _MILLIMETRE)
    for way, vector in (("Row", first.along_row), ("Column", first.along_column)):
        for axis, part in zip(_AXES, vector, strict=True):
            yield _number(getattr(codes.DCM, f"ImageOrientationPatient{way}{axis}"), float(part), _UNITY)


def _image(dataset: Dataset) -> Dataset:
    image = _item("IMAGE", _SOURCE, relationship="CONTAINS")
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    image.ReferencedSOPSequence = [reference]
    return image


def _container(name: Code, content: Iterable[Dataset]) -> Dataset:
    item = _item("CONTAINER", name, relationship="CONTAINS")
    item.ContinuityOfContent = "CONTINUOUS"
    item.ContentSequence = list(content)
    return item


def _code(name: Code, value: Code) -> Dataset:
    item = _item("CODE", name)
    item.ConceptCodeSequence = [coded(value.value, value.scheme_designator, value.meaning)]
    return item


def _number(name: Code, value: float, unit: Code) -> Dataset:
    """A number with at most the 16 characters of a decimal string (PS3.5 6.2)."""
    item, measured = _item("NUM", name), Dataset()
    measured.NumericValue = str(round(value, 6))
    measured.MeasurementUnitsCodeSequence = [coded(unit.value, unit.scheme_designator, unit.meaning)]
    item.MeasuredValueSequence = [measured]
    return item


def _item(kind: str, name: Code, *, relationship: str = "HAS ACQ CONTEXT") -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = relationship, kind
    item.ConceptNameCodeSequence = [coded(name.value, name.scheme_designator, name.meaning)]
    return item
