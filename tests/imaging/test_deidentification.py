"""What is stored names nobody: whatever the format, wherever the name stood, while pixels stay byte for byte."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
    generate_uid,
)

from ml.imaging import intake, readers
from ml.imaging.deidentify.pseudonym import pseudonym
from ml.imaging.deidentify.words import harmless
from ml.imaging.errors import UploadRefused
from tests import phantoms, phantoms_dicom

KEY = b"an installation's own key, 32 bytes or more"
NAMES = phantoms_dicom.NAMES


@pytest.fixture
def clean(tmp_path):
    """Takes one file through the door's sandbox and returns its clean copy."""

    def through(path: Path) -> intake.CleanFile:
        work = tmp_path / f"work-{len(list(tmp_path.iterdir()))}"
        work.mkdir()
        return intake.take_in([intake.Sent(path, path.name)], work=work, key=KEY).scans[0].files[0]

    return through


def a_slice(**tags: Any) -> Dataset:
    return phantoms_dicom.with_names(
        phantoms_dicom.series(phantoms.volume(slices=1, size=64)[0].astype(np.uint16), **tags)[0]
    )


def named_in(path: Path) -> list[str]:
    kept = path.read_bytes()
    return [name for name in NAMES if name.encode() in kept]


class TestDicom:
    @pytest.mark.parametrize(
        "syntax",
        [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, RLELossless],
    )  # fmt: skip
    def test_names_go_and_pixels_stay_in_every_encoding(self, clean, syntax, tmp_path):
        dataset = a_slice()
        if syntax == RLELossless:
            dataset.compress(RLELossless)
        path = tmp_path / "in.dcm"
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.file_meta.TransferSyntaxUID = syntax
        if syntax == ExplicitVRBigEndian:
            dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
        pydicom.dcmwrite(path, dataset, enforce_file_format=True)
        kept = clean(path).path
        assert named_in(kept) == []
        before, after = pydicom.dcmread(path), pydicom.dcmread(kept)
        assert after.file_meta.TransferSyntaxUID == syntax
        assert after.PixelData == before.PixelData
        assert np.array_equal(after.pixel_array, before.pixel_array)

    def test_a_file_without_meta_information_is_taken_too(self, clean, tmp_path):
        path = tmp_path / "old"
        dataset = a_slice()
        del dataset.file_meta
        dataset.save_as(path, implicit_vr=True, little_endian=True)
        kept = clean(path).path
        assert named_in(kept) == []
        assert pydicom.dcmread(kept).file_meta.TransferSyntaxUID == ImplicitVRLittleEndian

    def test_what_results_need_stays(self, clean, tmp_path):
        dataset = a_slice(SeriesDescription="t2_tirm_tra_dark-fluid Zabrinska", FrameOfReferenceUID=generate_uid())
        kept = pydicom.dcmread(clean(phantoms_dicom.write(tmp_path / "in.dcm", dataset)).path)
        for keyword in (
            "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "StudyDate", "StudyTime",
            "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns", "Modality",
        ):  # fmt: skip
            assert kept[keyword].value == dataset[keyword].value, keyword
        assert kept.ReferencedImageSequence[0].ReferencedSOPInstanceUID
        assert kept.SeriesDescription == "t2 tirm tra dark fluid"
        assert kept.StudyDescription == "MRI brain"

    def test_it_says_what_was_done(self, clean, tmp_path):
        kept = pydicom.dcmread(clean(phantoms_dicom.write(tmp_path / "in.dcm", a_slice())).path)
        assert kept.PatientIdentityRemoved == "YES"
        codes = [item.CodeValue for item in kept.DeidentificationMethodCodeSequence]
        assert codes == ["113100", "113105", "113106", "113110"]
        assert kept.PatientName == kept.PatientID == pseudonym("MRN-4711", "St Elsewhere", KEY)
        assert not kept.PatientBirthDate
        assert not kept.PatientSex

    @pytest.mark.parametrize(
        ("stated", "stays"), [("+0100", True), ("-0330", True), ("+1 Zabrinska", False), ("+9999", False)]
    )
    def test_the_zone_of_the_times_stays_where_it_is_one(self, clean, tmp_path, stated, stays):
        dataset = a_slice(TimezoneOffsetFromUTC=stated)
        kept = pydicom.dcmread(clean(phantoms_dicom.write(tmp_path / "in.dcm", dataset)).path)
        assert kept.get("TimezoneOffsetFromUTC") == (stated if stays else "")

    def test_birth_dates_and_ages_go_but_other_dates_stay(self, clean, tmp_path):
        dataset = a_slice(AcquisitionDate="20240131", ContentDate="20240131")
        dataset.PatientBirthTime = "031500"
        kept = pydicom.dcmread(clean(phantoms_dicom.write(tmp_path / "in.dcm", dataset)).path)
        assert kept.AcquisitionDate == kept.ContentDate == kept.StudyDate == "20240131"
        assert not {"PatientBirthTime", "PatientAge", "PatientWeight"} & {each.keyword for each in kept}

    @pytest.mark.parametrize("depth", [1, 2, 3, 10])
    def test_names_in_sequences_within_sequences_go(self, clean, tmp_path, depth):
        item = Dataset()
        item.PatientName, item.TextValue, item.PatientID = "Zabrinska^Wilhelmina", "Ward 7B", "MRN-4711"
        item.add_new(0x00291010, "LO", "Zabrinska")
        for _ in range(depth):
            outer = Dataset()
            outer.PurposeOfReferenceCodeSequence = Sequence([item])
            item = outer
        dataset = a_slice()
        dataset.ReferencedImageSequence = Sequence([item])
        assert named_in(clean(phantoms_dicom.write(tmp_path / "in.dcm", dataset)).path) == []

    def test_sequences_nested_without_end_are_refused(self, clean, tmp_path):
        item = Dataset()
        for _ in range(60):
            outer = Dataset()
            outer.PurposeOfReferenceCodeSequence = Sequence([item])
            item = outer
        dataset = a_slice()
        dataset.ReferencedImageSequence = Sequence([item])
        with pytest.raises(UploadRefused):
            clean(phantoms_dicom.write(tmp_path / "in.dcm", dataset))

    @pytest.mark.parametrize(
        ("tag", "vr"),
        [
            (0x00280010, "UT"),  # Rows as a text
            (0x00180050, "LO"),  # SliceThickness as a text
            (0x00200032, "UT"),  # ImagePositionPatient as a text
            (0x00080018, "LO"),  # SOPInstanceUID as a text
            (0x00080020, "LT"),  # StudyDate as a text
        ],
    )
    def test_a_name_under_a_number_s_tag_goes(self, tag, vr, tmp_path):
        from ml.imaging.deidentify import dicom

        dataset = a_slice()
        whole = "Zabrinska^Wilhelmina"
        dataset[tag] = pydicom.DataElement(tag, vr, whole)
        dicom.deidentify(dataset, "", may_show_text=False)
        assert "Zabrinska" not in str(dataset)

    def test_a_polyglot_s_other_half_is_gone(self, clean, tmp_path):
        path = phantoms_dicom.write(tmp_path / "in.dcm", a_slice())
        whole = path.read_bytes()
        path.write_bytes(b"  Zabrinska; rm -rf" + whole[19:])  # a preamble that is no known program's
        kept = clean(path).path.read_bytes()
        assert kept[:128] == bytes(128)
        assert b"Zabrinska" not in kept

    def test_the_same_file_becomes_the_same_file(self, clean, tmp_path):
        path = phantoms_dicom.write(tmp_path / "in.dcm", a_slice())
        assert clean(path).path.read_bytes() == clean(path).path.read_bytes()

    def test_contrast_is_remembered_without_its_words(self, clean, tmp_path):
        dataset = a_slice(SeriesDescription="T1 SE", RepetitionTime=500, EchoTime=12)
        dataset.ContrastBolusAgent = "7 ml given by Dr Quackenbush"
        kept = clean(phantoms_dicom.write(tmp_path / "in.dcm", dataset)).path
        assert named_in(kept) == []
        assert readers.read([kept]).sequence == "T1c"

    @pytest.mark.parametrize(
        "tags", [{"BurnedInAnnotation": "YES"}, {"ConversionType": "WSD"}, {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}]
    )
    def test_burnt_in_text_is_warned_of(self, clean, tmp_path, tags):
        kept = clean(phantoms_dicom.write(tmp_path / "in.dcm", a_slice(**tags))).path
        assert any("could name the patient" in note for note in readers.read([kept]).notes)
        written = pydicom.dcmread(kept)
        assert written.PatientIdentityRemoved == "NO"
        assert written.get("BurnedInAnnotation") == tags.get("BurnedInAnnotation")
        assert "113101" not in [item.CodeValue for item in written.DeidentificationMethodCodeSequence]  # clean pixels

    @pytest.mark.parametrize(
        "charset", [b"hex       ", b"rot13     ", b"undefined ", b"punycode  ", b"no such set"[:10]]
    )
    def test_a_broken_character_set_neither_stops_nor_leaks(self, clean, charset, tmp_path):
        """Names of Python's codecs that decode no text make pydicom raise what it likes."""
        dataset = a_slice(SpecificCharacterSet="ISO_IR 100", ContrastBolusAgent="Gadovist Zäbrinska")
        dataset.PatientName = "Zäbrinska^Wilhelmina"
        path = phantoms_dicom.write(tmp_path / "in.dcm", dataset)
        path.write_bytes(path.read_bytes().replace(b"ISO_IR 100", charset))
        kept = clean(path).path
        assert named_in(kept) == []
        assert b"brinska" not in kept.read_bytes()
        assert pydicom.dcmread(kept).ContrastBolusAgent in ("Gadovist", "Contrast agent")

    def test_a_code_goes_as_a_whole_or_not_at_all(self, clean, tmp_path):
        local, public = Dataset(), Dataset()
        local.CodeValue, local.CodingSchemeDesignator, local.CodeMeaning = "KOPF7", "99HOSPITAL", "Zabrinska's head"
        public.CodeValue, public.CodingSchemeDesignator, public.CodeMeaning = "12738006", "SCT", "Brain"
        dataset = a_slice()
        dataset.ProcedureCodeSequence = Sequence([local])
        dataset.AnatomicRegionSequence = Sequence([local, public])
        kept = pydicom.dcmread(clean(phantoms_dicom.write(tmp_path / "in.dcm", dataset)).path)
        assert not kept.get("ProcedureCodeSequence")
        assert [item.CodeValue for item in kept.AnatomicRegionSequence] == ["12738006"]

    def test_every_readable_file_of_pydicom_keeps_its_pixels(self, clean):
        compared = 0
        for path in sorted((Path(pydicom.__file__).parent / "data" / "test_files").glob("MR*.dcm")):
            if path.stat().st_size > 2**20 or "truncated" in path.name:
                continue
            before, after = pydicom.dcmread(path), pydicom.dcmread(clean(path).path)
            assert after.PixelData == before.PixelData, path.name
            assert after.SOPInstanceUID == before.SOPInstanceUID
            assert str(before.PatientName) not in str(after)
            compared += 1
        assert compared >= 8


class TestPseudonym:
    def test_it_depends_on_number_issuer_and_key(self):
        made = {pseudonym(*each) for each in (("1", "", KEY), ("2", "", KEY), ("1", "A", KEY), ("1", "", KEY[::-1]))}
        assert len(made) == 4
        assert pseudonym(" 1 ", "", KEY) == pseudonym("1", "", KEY)

    def test_no_number_no_pseudonym(self):
        assert pseudonym("  ", "A", KEY) == ""

    def test_a_short_key_is_refused(self):
        with pytest.raises(ValueError, match="32 bytes"):
            pseudonym("1", "", b"short")

    def test_the_key_is_in_neither_arguments_nor_environment(self, tmp_path, monkeypatch):
        import subprocess

        from ml.imaging import sandbox

        seen: dict[str, Any] = {}
        start = subprocess.Popen

        def spy(command, **options):
            seen.update(command=command, env=options["env"])
            return start(command, **options)

        monkeypatch.setattr(sandbox.subprocess, "Popen", spy)
        path = phantoms_dicom.write(tmp_path / "in.dcm", a_slice())
        (tmp_path / "work").mkdir()
        intake.take_in([intake.Sent(path, path.name)], work=tmp_path / "work", key=KEY)
        assert KEY.decode() not in repr(seen)
        assert not {name for name in seen["env"] if "KEY" in name or "BRAINSCAN" in name}


class TestWords:
    @pytest.mark.parametrize(
        ("text", "kept"),
        [
            ("sT2W/FLAIR SENSE", "sT2W FLAIR SENSE"),
            ("t1_mprage_sag_p2_iso 1.0", "t1 mprage sag iso"),
            ("Zabrinska 21.03.57 T1 +C ax", "T1 +C ax"),
            ("*tse2d1_17", "tse2d1"),
            ("Schädel nativ", "nativ"),
            ("call 0170 555 1234", ""),
            ("Gadovist Zabrinska", "Gadovist"),
        ],
    )
    def test_only_harmless_words_stay(self, text, kept):
        assert harmless(text) == kept

    def test_makers_stay_only_where_a_machine_is_named(self):
        assert harmless("Mr Philips brain") == "Mr brain"
        assert harmless("Philips Medical Systems", machine=True) == "Philips Medical Systems"


class TestNifti:
    def planted(self, path: Path, version: int = 1) -> Path:
        import nibabel

        voxels = np.ascontiguousarray(phantoms.volume(slices=4, size=64)[0].transpose(2, 1, 0)).astype(np.int16)
        kind = nibabel.Nifti1Image if version == 1 else nibabel.Nifti2Image
        image = kind(voxels, np.diag([0.9, 0.9, 5.0, 1.0]))
        image.header["descrip"], image.header["aux_file"] = "Zabrinska 19570321", "Wilhelmina.nii"
        image.header["intent_name"] = "Ward 7B"
        image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"MRN-4711 Dr Quackenbush"))
        nibabel.save(image, path)
        return path

    @pytest.mark.parametrize("version", [1, 2])
    @pytest.mark.parametrize("name", ["Zabrinska.nii", "Zabrinska.nii.gz"])
    def test_texts_and_extensions_go_and_geometry_and_voxels_stay(self, clean, tmp_path, name, version):
        import nibabel

        path = self.planted(tmp_path / name, version)
        with path.open("ab") as file:
            file.write(b"" if name.endswith("gz") else b"Zabrinska at the end")
        kept = tmp_path / ("kept.nii.gz" if name.endswith("gz") else "kept.nii")
        kept.write_bytes(clean(path).path.read_bytes())
        before, after = nibabel.load(path), nibabel.load(kept)
        assert np.array_equal(np.asarray(before.dataobj), np.asarray(after.dataobj))
        assert np.array_equal(before.affine, after.affine)
        assert not after.header.extensions
        content = kept.read_bytes()
        assert b"Zabrinska" not in content
        import gzip

        plain = gzip.decompress(content) if name.endswith("gz") else content
        assert not [each for each in NAMES if each.encode() in plain]

    def test_a_clean_file_stays_as_it_is(self, clean, tmp_path):
        path = tmp_path / "head.nii"
        shape = (64, 64, 4)
        header = bytearray(352)
        struct.pack_into("<i", header, 0, 348)
        struct.pack_into("<8h", header, 40, 3, *shape, 1, 1, 1, 1)
        struct.pack_into("<2h", header, 70, 4, 16)
        struct.pack_into("<8f", header, 76, 1, 1, 1, 1, 0, 0, 0, 0)
        struct.pack_into("<f", header, 108, 352.0)
        header[344:348] = b"n+1\0"
        path.write_bytes(bytes(header) + bytes(range(256)) * 128)
        assert clean(path).path.read_bytes() == path.read_bytes()
