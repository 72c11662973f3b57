"""Pictures that can be one volume are found, in order; series lie on each other only where every number says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydicom.uid import generate_uid

from ml.imaging import grouping, readers
from ml.imaging.grouping import Fusion, Geometry, fusion
from ml.imaging.headers.dicom import instance_of
from ml.imaging.limits import DEFAULT
from tests import phantoms, phantoms_dicom

HEAD = phantoms.volume(slices=4, size=64)[0]


def groups(datasets):
    return grouping.split([instance_of(each, DEFAULT) for each in datasets], of)


def of(instance):
    return instance, instance.frames[0]


def sizes(datasets):
    return [len(group.items) for group in groups(datasets)]


class TestSplitting:
    def test_one_series_is_one_group_in_order_of_position(self):
        datasets = phantoms_dicom.series(HEAD)
        (group,) = groups([datasets[n] for n in (3, 0, 2, 1)])
        assert [each.instance for each in group.items] == [each.SOPInstanceUID for each in datasets]
        assert group.split == ""

    def test_series_stand_in_the_order_of_their_numbers(self):
        datasets = [each for number in (9, 2) for each in phantoms_dicom.series(HEAD, SeriesNumber=number)]
        assert [group.items[0].series_number for group in groups(datasets)] == [2, 9]

    @pytest.mark.parametrize(
        ("tags", "why"),
        [
            ({"EchoTime": 100}, "kind"),
            ({"ImageType": ["DERIVED", "PRIMARY", "P"]}, "kind"),
            ({"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}, "kind"),
            ({"PixelSpacing": [1.5, 1.5]}, "spacing"),
            ({"PixelSpacing": [1.5, 1.5], "EchoTime": 100}, "kind"),
            ({"TemporalPositionIdentifier": 2}, "time"),
            ({"AcquisitionNumber": 2}, "time"),
        ],
    )
    def test_a_series_that_mixes_is_split(self, tags, why):
        uid = generate_uid()
        first = phantoms_dicom.series(HEAD, SeriesInstanceUID=uid, TemporalPositionIdentifier=1, AcquisitionNumber=1)
        other = {"TemporalPositionIdentifier": 1, "AcquisitionNumber": 1, **tags}
        second = phantoms_dicom.series(HEAD, SeriesInstanceUID=uid, **other)
        found = groups([*first, *second])
        assert sorted(len(group.items) for group in found) == [4, 4]
        assert {group.split for group in found} == {why}

    @pytest.mark.parametrize(
        ("tag", "values"),
        [
            ("ImageOrientationPatient", ([1, 0, 0, 0, 1, 0.0049999], [1, 0, 0, 0, 1, 0.0050001])),
            ("PixelSpacing", ([0.8994999, 0.8], [0.8995001, 0.8])),
            ("EchoTime", (90, 90.001)),
        ],
    )
    def test_a_last_digit_that_jitters_does_not_split(self, tag, values, tmp_path):
        datasets = phantoms_dicom.series(HEAD, FrameOfReferenceUID="1.2.3")
        for number, dataset in enumerate(datasets):
            setattr(dataset, tag, values[number % 2])
        (group,) = groups(datasets)
        assert (len(group.items), group.split) == (4, "")
        assert grouping.geometry(group, of) is not None
        phantoms_dicom.write_series(tmp_path, datasets)
        read = readers.read([tmp_path])
        assert len(read) == 4
        assert read.spacing.between_slices == pytest.approx(5.0)

    def test_where_only_some_say_their_echo_they_are_two_kinds(self):
        datasets = phantoms_dicom.series(HEAD, EchoTime=90)
        datasets[0].EchoTime = None
        assert sorted(sizes(datasets)) == [1, 3]

    def test_slices_twice_at_one_place_stay_together_where_nothing_tells_them_apart(self):
        uid = generate_uid()
        twice = [
            *phantoms_dicom.series(HEAD, SeriesInstanceUID=uid),
            *phantoms_dicom.series(HEAD, SeriesInstanceUID=uid),
        ]
        assert sizes(twice) == [8]

    def test_a_time_series_is_set_aside_and_two_echoes_are_not(self):
        (group, *_) = groups(phantoms_dicom.series(HEAD))
        many = replace(group, split="time")
        assert grouping.why_aside(many, of, volumes=40) == grouping.OTHER_SEQUENCE
        assert grouping.why_aside(many, of, volumes=2) is None

    @pytest.mark.parametrize("words", ["Survey", "3Plane Loc SCOUT", "localizer_head"])
    def test_a_planning_picture_is_known_by_its_words(self, words):
        (group,) = groups(phantoms_dicom.series(HEAD, SeriesDescription=words))
        assert grouping.why_aside(group, of) == grouping.LOCALISER


class TestGeometry:
    def geometry(self, **tags):
        (group,) = groups(phantoms_dicom.series(HEAD, FrameOfReferenceUID="1.2.3", **tags))
        return grouping.geometry(group, of)

    def test_it_survives_json(self):
        import json

        place = self.geometry()
        assert place is not None
        assert Geometry.from_json(json.loads(json.dumps(place.to_json()))) == place
        assert (place.rows, place.columns, place.slices, place.spacing) == (64, 64, 4, (0.9, 0.8))

    def test_uneven_slices_lie_nowhere(self):
        datasets = phantoms_dicom.series(phantoms.volume(slices=6, size=64)[0])
        del datasets[2]
        (group,) = groups(datasets)
        assert grouping.geometry(group, of) is None

    def test_a_multi_frame_file_lies_where_its_frames_lie(self):
        (group,) = groups([phantoms_dicom.multiframe(HEAD)])
        place = grouping.geometry(group, of)
        assert place is not None
        assert (place.slices, place.first[2], place.last[2]) == (4, 0.0, 15.0)

    @pytest.mark.parametrize(
        "change",
        [{"frame": "9"}, {"slices": 5}, {"rows": 65}, {"spacing": (0.9, 0.85)}, {"first": (-50.0, -50.0, -48.9)},
         {"directions": ((0.999, 0.04, 0.0), (0.0, 1.0, 0.0))}],
    )  # fmt: skip
    def test_another_place_is_another_place(self, change):
        place = self.geometry()
        assert place.lies_on(place)
        assert not replace(place, **change).lies_on(place)

    def test_flair_is_joined_by_what_lies_on_it(self):
        place, elsewhere = self.geometry(), replace(self.geometry(), frame="9")
        series = [("T1", elsewhere), ("T2", place), ("FLAIR", place), ("T1c", place), ("T1", place)]
        assert fusion(series) == Fusion(pre=4, flair=2, post=3)
        assert fusion(series[:4]) == Fusion(pre=None, flair=2, post=3)
        assert fusion(series[:3]) is None
        assert fusion([("FLAIR", None), ("T1", None)]) is None


def test_the_reader_takes_the_largest_part_of_a_mixed_series_and_says_so(tmp_path):
    uid = generate_uid()
    datasets = [
        *phantoms_dicom.series(HEAD, SeriesInstanceUID=uid),
        *phantoms_dicom.series(HEAD[:2], SeriesInstanceUID=uid, EchoTime=100),
    ]
    phantoms_dicom.write_series(tmp_path, datasets)
    volume = readers.read([tmp_path])
    assert np.array_equal(volume.voxels[..., 0], HEAD)
    assert any("mixes 2 kinds" in note for note in volume.notes)
