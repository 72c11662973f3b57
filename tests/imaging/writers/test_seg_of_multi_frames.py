"""DICOM Segmentation of an enhanced multi-frame original: its frames are referred to, its slices measured."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from io import BytesIO

import numpy as np
import pytest
from highdicom.seg import segread
from pydicom import Dataset

from ml.imaging.writers.common import NotExportable
from ml.imaging.writers.dicom import to_bytes
from ml.imaging.writers.dicom_seg import segmentation
from ml.imaging.writers.source import SourceSeries
from tests.imaging.writers.geometry import PROVENANCE, SLICE_MM, enhanced, mr_series, place, scan_of, wedge
from tests.imaging.writers.standard import validate

PLANE = "double oblique, head first"


def shared(dataset: Dataset) -> Dataset:
    return dataset.SharedFunctionalGroupsSequence[0]


def as_written(dataset: Dataset, frames: list[int]) -> tuple[Dataset, list[int]]:
    return dataset, frames


def with_a_wrong_distance(dataset: Dataset, frames: list[int]) -> tuple[Dataset, list[int]]:
    shared(dataset).PixelMeasuresSequence[0].SpacingBetweenSlices = 1
    return dataset, frames


def without_a_distance(dataset: Dataset, frames: list[int]) -> tuple[Dataset, list[int]]:
    del shared(dataset).PixelMeasuresSequence[0].SpacingBetweenSlices
    return dataset, frames


def frame_by_frame(dataset: Dataset, frames: list[int]) -> tuple[Dataset, list[int]]:
    """Measures and directions stand in every frame's own groups."""
    common = shared(dataset)
    for group in dataset.PerFrameFunctionalGroupsSequence:
        group.PixelMeasuresSequence = deepcopy(common.PixelMeasuresSequence)
        group.PlaneOrientationSequence = deepcopy(common.PlaneOrientationSequence)
        group.PixelMeasuresSequence[0].SpacingBetweenSlices = 1
    dataset.SharedFunctionalGroupsSequence = [Dataset()]
    return dataset, frames


def among_others(dataset: Dataset, frames: list[int]) -> tuple[Dataset, list[int]]:
    """The slices are the second echo: each place is there twice."""
    groups = list(dataset.PerFrameFunctionalGroupsSequence)
    dataset.PerFrameFunctionalGroupsSequence = [deepcopy(group) for group in groups for _ in range(2)]
    dataset.NumberOfFrames = 2 * len(groups)
    return dataset, [2 * frame + 1 for frame in frames]


Original = Callable[[Dataset, list[int]], tuple[Dataset, list[int]]]
ORIGINALS = [as_written, with_a_wrong_distance, without_a_distance, frame_by_frame, among_others]


@pytest.mark.parametrize("original", ORIGINALS)
def test_it_lies_on_the_outline_and_states_the_measured_distance(original: Original):
    dataset, frames = original(*enhanced(PLANE))
    before = dataset.to_json()
    read = read_back(dataset, frames)
    common = shared(read)
    (measures,) = common.PixelMeasuresSequence
    assert (float(measures.SpacingBetweenSlices), float(measures.SliceThickness)) == (SLICE_MM, 3)
    steps = [float(value) for value in measures.PixelSpacing]
    along = np.array(common.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    slice_of = {frame + 1: index for index, frame in enumerate(frames)}
    found = []
    for pixels, group in zip(read.pixel_array, read.PerFrameFunctionalGroupsSequence, strict=True):
        origin = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
        (image,) = group.DerivationImageSequence[0].SourceImageSequence
        index = slice_of[image.ReferencedFrameNumber]
        assert np.allclose(origin, place(PLANE, np.array([[index, 0, 0]]))[0], atol=1e-4)
        assert image.ReferencedSOPInstanceUID == dataset.SOPInstanceUID
        for row, column in np.argwhere(pixels):
            assert wedge()[index, row, column]
            found.append(origin + along[:3] * column * steps[1] + along[3:] * row * steps[0])
    truth = place(PLANE, np.argwhere(wedge()))
    distances = np.linalg.norm(np.array(found)[:, None] - truth[None], axis=2)
    assert len(found) == len(truth)
    assert distances.min(axis=0).max() < 1e-3
    assert dataset.to_json() == before, "the original stays as it came"


def test_where_a_slice_is_missing_no_distance_is_told():
    dataset, frames = enhanced(PLANE)
    masks = np.delete(wedge(), 1, axis=0)
    frames = [*frames[:1], *frames[2:]]
    read = read_back(dataset, frames, masks)
    assert "SpacingBetweenSlices" not in shared(read).PixelMeasuresSequence[0]
    del shared(dataset).PixelMeasuresSequence[0].SliceThickness
    with pytest.raises(NotExportable, match="how thick the slices are"):
        read_back(dataset, frames, masks)


def test_the_distance_stands_for_a_thickness_that_is_not_stated():
    dataset, frames = enhanced(PLANE)
    del shared(dataset).PixelMeasuresSequence[0].SliceThickness
    assert float(shared(read_back(dataset, frames)).PixelMeasuresSequence[0].SliceThickness) == SLICE_MM


def test_a_file_with_one_frame_has_a_thickness_and_no_distance():
    dataset, frames = enhanced(PLANE)
    dataset.NumberOfFrames = 1
    dataset.PerFrameFunctionalGroupsSequence = [dataset.PerFrameFunctionalGroupsSequence[frames[4]]]
    (measures,) = shared(read_back(dataset, [0], wedge()[4:5])).PixelMeasuresSequence
    assert float(measures.SliceThickness) == 3
    assert "SpacingBetweenSlices" not in measures


def test_nor_has_a_lone_slice_of_a_single_frame_file():
    source, masks = SourceSeries(mr_series(PLANE)[4:5]), wedge()[4:5]
    segments = segmentation(source, masks, scan_of(masks), PROVENANCE)
    assert "SpacingBetweenSlices" not in shared(segments).PixelMeasuresSequence[0]


def read_back(dataset: Dataset, frames: list[int], masks: np.ndarray | None = None) -> Dataset:
    masks = wedge() if masks is None else masks
    written = to_bytes(segmentation(SourceSeries([dataset] * len(masks), frames), masks, scan_of(masks), PROVENANCE))
    assert validate(written) == []
    return segread(BytesIO(written))
