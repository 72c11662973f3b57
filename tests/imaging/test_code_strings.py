"""Code strings at the door: terms stay, a name in capitals goes, whatever attribute holds it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence

from ml.imaging import readers
from ml.imaging.deidentify import dicom
from ml.imaging.deidentify.code_strings import is_term
from ml.imaging.errors import UploadRefused
from ml.imaging.headers.dicom import instance_of, load
from ml.imaging.limits import DEFAULT
from tests import phantoms, phantoms_dicom

NAME = "ZABRINSKA WILMA"
FRIENDLY = Path(__file__).resolve().parents[3] / "shared" / "data" / "dicom"
PYDICOM = Path(pydicom.__file__).parent / "data" / "test_files"


def a_slice(**tags: Any) -> Dataset:
    return phantoms_dicom.series(phantoms.volume(slices=1, size=64)[0].astype(np.uint16), **tags)[0]


def cleaned(dataset: Dataset, folder: Path) -> Dataset:
    """Through the file, as at the door, where nothing is parsed yet."""
    path = phantoms_dicom.write(folder / "in.dcm", dataset)
    found = load(path, DEFAULT)
    dicom.deidentify(found, "", may_show_text=False)
    dicom.write(found, folder / "out.dcm", received_sha256="0" * 64)
    return pydicom.dcmread(folder / "out.dcm")


@pytest.mark.parametrize(
    "keyword",
    ["BodyPartExamined", "ScanOptions", "ContentLabel", "StudyStatusID", "ViewPosition", "InPlanePhaseEncodingDirection",
     "QualityControlImage", "PatientOrientation", "Modality"],
)  # fmt: skip
def test_a_name_in_capitals_goes_from_every_attribute(keyword: str, tmp_path: Path):
    kept = cleaned(a_slice(**{keyword: NAME}), tmp_path)
    assert b"ZABRINSKA" not in (tmp_path / "out.dcm").read_bytes()
    assert not kept.get(keyword)


@pytest.mark.parametrize(
    "name", ["MUELLER", "ANNA", "EVA", "LI WEI", "MAX", "19570321", "21 03 57", "MRN 4711", "W7 SCHMIDT"]
)
def test_names_dates_and_numbers_are_no_terms(name: str):  # fmt: skip
    assert not is_term(name)


@pytest.mark.parametrize(
    "term",
    ["ORIGINAL", "M_FFE", "PHASE MAP", "T2_STAR MAP", "DIS2D", "FM3_2", "SAT_GEMS", "ISO_10918_1", "YBR_PARTIAL_420", "00",
     "HEAD", "BRAIN", "CSPINE", "PROJECTION IMAGE", "B1000", "ECHO2", "CSAPARALLEL", "3D_TEMPORAL", "IEC_FIRST_LEVEL", ""],
)  # fmt: skip
def test_terms_of_the_standard_and_of_scanners_are(term: str):
    assert is_term(term)


def test_among_several_values_the_terms_keep_their_places(tmp_path: Path):
    kept = cleaned(a_slice(ImageType=["ORIGINAL", "PRIMARY", "ZABRINSKA", "ND", "NORM"]), tmp_path)
    assert list(kept.ImageType) == ["ORIGINAL", "PRIMARY", "", "ND", "NORM"]
    assert readers.read([tmp_path / "out.dcm"]).rows == 64


def test_it_goes_within_sequences_and_under_another_kind_of_tag(tmp_path: Path):
    dataset, item = a_slice(), Dataset()
    item.ReferencedSOPInstanceUID, item.FrameType = "1.2.3", ["DERIVED", NAME]
    dataset.ReferencedImageSequence = Sequence([item])
    dataset[0x00180050] = pydicom.DataElement(0x00180050, "CS", NAME)  # SliceThickness
    kept = cleaned(dataset, tmp_path)
    assert b"ZABRINSKA" not in (tmp_path / "out.dcm").read_bytes()
    assert list(kept.ReferencedImageSequence[0].FrameType) == ["DERIVED", ""]


def test_the_ends_of_axes_stay_where_they_belong(tmp_path: Path):
    kept = cleaned(a_slice(PatientOrientation=["ALF", "PRH"], BodyPartExamined="ALF"), tmp_path)
    assert list(kept.PatientOrientation) == ["ALF", "PRH"]
    assert not kept.BodyPartExamined


def test_files_of_many_scanners_lose_no_term(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Cleaned with the rule they are, byte for byte, what they are without it."""
    compared = 0
    for path in sorted({*FRIENDLY.rglob("*"), *PYDICOM.glob("*.dcm")}):
        if not path.is_file():
            continue
        with_rule, without = tmp_path / "with", tmp_path / "without"
        try:
            written(path, with_rule)
        except (UploadRefused, pydicom.errors.InvalidDicomError):
            continue
        with monkeypatch.context() as patch:
            patch.setattr(dicom, "is_term", lambda value, **_: True)
            patch.setattr(dicom, "_remembered", {})
            patch.setattr(dicom, "_seen_once", set())
            written(path, without)
        assert with_rule.read_bytes() == without.read_bytes(), path.name
        compared += 1
    assert compared >= 30


def written(path: Path, target: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = load(path, DEFAULT)
        instance_of(dataset, DEFAULT)  # what is no scan stops here
        again = load(path, DEFAULT)
        dicom.deidentify(again, "", may_show_text=False)
        dicom.write(again, target, received_sha256="0" * 64)
