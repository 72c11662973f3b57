"""The report: what it says for each verdict, what it never says, and a PDF that prints and reads aloud."""

from __future__ import annotations

import builtins
import io
import re
import zlib
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.utils.html import strip_tags
from PIL import Image

from detection import provenance, words
from detection.models import Analysis, Scan
from detection.reports import drawn, pdf
from detection.reports.render import Report, report
from ml.findings import Verdict
from ml.imaging import readers
from ml.imaging.errors import UploadRefused
from tests import cast, hostile, rows
from tests.exchange import scans
from tests.imaging.writers.geometry import SHAPE

pytestmark = pytest.mark.django_db

BANNER = "Research use only. Assists a clinician, does not diagnose."


def of(scan: Scan) -> Report:
    assert scan.current_analysis is not None
    return report(scan, scan.current_analysis, provenance.originals(scan))


def text(scan: Scan) -> str:
    """What a reader reads, without markup and styles."""
    html = re.sub(r"<style>.*?</style>", "", of(scan).html, flags=re.DOTALL)
    return " ".join(strip_tags(html).split())


def with_findings(scan: Scan, **changed: Any) -> Scan:
    """The same scan with keys of its scan object changed, as other versions of the worker write them."""
    analysis = Analysis.objects.get(scan=scan)
    Analysis.objects.filter(pk=analysis.pk).update(findings={**(analysis.findings or {}), **changed})
    return Scan.objects.with_result().get(pk=scan.pk)


def made(scan: Scan) -> bytes:
    wanted = of(scan)
    black = np.zeros((40, 34), np.uint8)
    pictures = {each.name: drawn.key_picture(black, np.zeros((40, 34), np.uint16)) for each in wanted.pictures}
    return pdf.to_pdf(wanted.html, pictures, fonts={name: Path(path) for name, path in wanted.fonts.items()})


def inside(content: bytes) -> bytes:
    """A PDF with its streams unpacked."""
    parts = [content]
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL):
        try:
            parts.append(zlib.decompressobj().decompress(stream))  # its checksum may end in what the pattern cut off
        except zlib.error:
            parts.append(stream)
    return b"\n".join(parts)


def page_count(content: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", inside(content)))


class TestWords:
    @pytest.mark.parametrize(
        ("verdict", "sentences"),
        [
            (Verdict.TUMOUR, ["Suspicious for tumour, probability 93%: of 100 such scans, 93 had a tumour."]),
            (
                Verdict.NO_TUMOUR,
                [
                    "Nothing above threshold: this does not exclude a tumour.",
                    "of 100 such scans, 4 had a tumour all the same",
                ],
            ),
            (Verdict.UNCERTAIN, ["Read this scan as if no AI had been used.", "between the two thresholds"]),
        ],
    )
    def test_verdict_and_what_the_probability_means(self, verdict: Verdict, sentences: list[str]):
        (scan,) = rows.done(cast.alice(), verdict)
        for sentence in [*sentences, "“Such scans” are scans with a known answer"]:
            assert sentence in text(scan)

    def test_it_heads_its_parts_and_words_its_answer_as_the_page_does(self, tmp_path: Path):
        alice = cast.alice()
        scan = scans.of_dicom(alice, tmp_path)
        page = unescape(cast.signed_in(alice).get(f"/scans/{scan.pk}/").content.decode())
        heads = re.findall(r"<h2[^>]*>([^<]+)</h2>", of(scan).html)
        shared = [head for head in heads if head in re.findall(r"<h2[^>]*>([^<]+)</h2>", page)]
        assert shared == ["Lesions", "Warnings", "What it cannot see", "Where this came from"]
        verdict, *rest = (head for head in heads if head not in shared)
        assert rest == ["Key pictures"]
        sentence = " ".join(strip_tags(page[page.index("<h1") : page.index("</h1>")]).split())
        assert verdict == sentence
        lines = re.findall(r"<li>([^<]+)</li>", of(scan).html)
        assert len(lines) > 4
        assert [line for line in lines if unescape(line) not in page] == []

    def test_an_uncertain_scans_lesions_are_in_doubt(self, tmp_path: Path):
        scan = with_findings(scans.of_dicom(cast.alice(), tmp_path), verdict=Verdict.UNCERTAIN.value)
        assert "In doubt: this scan is uncertain, so what is outlined may be nothing" in text(scan)
        assert "lesion 1 (in doubt), " in text(scan)

    def test_banner_identity_model_and_hashes(self):
        (scan,) = rows.done(cast.alice(), Verdict.TUMOUR)
        said = text(scan)
        analysis = scan.current_analysis
        assert analysis is not None
        for value in (str(scan.pk), str(analysis.pk), analysis.model_version, *analysis.weights.values()):
            assert value in said
        assert provenance.received(scan.files.get()) in said
        assert BANNER in of(scan).html

    def test_a_picture_has_no_millimetres_and_says_why(self):
        (scan,) = rows.done(cast.alice(), Verdict.TUMOUR)
        said = text(scan)
        assert "not computable, no pixel spacing" in said
        assert not re.search(r"\d (mm|ml|mm²)\b", said)
        assert "Sides not known. No R or L is shown." in said

    def test_a_series_has_volumes_and_sides(self, tmp_path: Path):
        said = text(scans.of_dicom(cast.alice(), tmp_path))
        assert re.search(r"1\.3 ml", said)
        assert "2 lesions on 5 of 9 slices" in said
        assert "The letters say which side of the patient an edge is." in said

    def test_a_key_picture_tells_the_size_of_the_lesion_that_it_names(self, tmp_path: Path):
        scan = scans.of_dicom(cast.alice(), tmp_path)
        assert scan.current_analysis is not None
        found = scan.current_analysis.findings
        assert found is not None
        first, *_ = found["lesions"]
        assert " ".join(f"lesion 1, {words.square_millimetres(first['area_mm2'])}".split()) in text(scan)
        assert "outlined in all" not in text(scan)
        slices = [{**each, "area_px": each["area_px"] + 5, "area_mm2": 987.0} for each in found["slices"]]
        assert re.search(
            r"Slice \d of 9: lesion 1, .*; 987 mm² outlined in all", text(with_findings(scan, slices=slices))
        )

    @pytest.mark.parametrize(("pre", "said"), [(True, "fused from three series"), (False, "fused from two series")])
    def test_it_says_from_how_many_series_a_scan_was_fused(self, pre: bool, said: str, tmp_path: Path):
        scan = scans.fused(cast.alice(), tmp_path)
        if not pre:
            Scan.objects.filter(pk=scan.pk).update(fused_pre=None)
        assert said in text(Scan.objects.with_result().get(pk=scan.pk))

    def test_an_interval_is_told_where_there_is_one(self, tmp_path: Path):
        scan = scans.of_dicom(cast.alice(), tmp_path)
        assert scan.current_analysis is not None
        found = scan.current_analysis.findings
        assert found is not None
        first = {**found["lesions"][0], "volume_ml_interval": [0.9, 1.7]}
        assert "0.90 to 1.7 ml" in text(with_findings(scan, lesions=[first, *found["lesions"][1:]]))

    def test_no_name_of_a_file_is_in_it(self, tmp_path: Path):
        assert "DOE" not in of(scans.of_dicom(cast.alice(), tmp_path)).html

    def test_a_hostile_reference_is_text_and_not_markup(self):
        (scan,) = rows.analysed(rows.study(cast.alice(), reference='<img src="file:///etc/passwd">'), Verdict.TUMOUR)
        assert "<img src=&quot;file" not in of(scan).html.replace("&lt;", "<").split("<style>")[0]
        assert "&lt;img src=" in of(scan).html
        assert made(scan).startswith(b"%PDF-")


class TestPictures:
    def test_each_large_lesion_is_shown_on_its_largest_slice(self, tmp_path: Path):
        scan = scans.of_dicom(cast.alice(), tmp_path)
        assert [picture.index for picture in of(scan).pictures] == [4]
        assert scan.current_analysis is not None
        found = scan.current_analysis.findings
        assert found is not None
        first, second = found["lesions"]
        both = with_findings(scan, lesions=[first, {**second, "area_px": first["area_px"]}])
        assert [picture.index for picture in of(both).pictures] == [4, 7]

    def test_without_a_lesion_the_likeliest_slice_is_shown(self, tmp_path: Path):
        scan = scans.of_dicom(cast.alice(), tmp_path, masks=np.zeros(SHAPE, bool), verdict=Verdict.NO_TUMOUR)
        assert scan.current_analysis is not None
        found = scan.current_analysis.findings
        assert found is not None
        found["slices"][6]["tumour_probability"] = 0.2
        (picture,) = of(with_findings(scan, slices=found["slices"])).pictures
        assert picture.index == 6

    @pytest.mark.parametrize("grey", [0, 90, 255], ids=["dark tissue", "grey tissue", "bright tissue"])
    def test_the_line_is_told_apart_without_colour(self, grey: int):
        labels = np.zeros((100, 100), np.uint16)
        labels[30:60, 30:70] = 1
        picture = drawn.key_picture(np.full((100, 100), grey, np.uint8), labels)
        with Image.open(io.BytesIO(picture)) as image:
            assert image.mode == "L"
            column = np.asarray(image)[:, image.width * 4 // 10].astype(int)
        assert abs(np.diff(column)).max() > 200

    def test_what_is_in_doubt_has_a_broken_line(self):
        labels = np.zeros((100, 100), np.uint16)
        labels[30:60, 30:70] = 1
        white = []
        for in_doubt in (False, True):
            picture = drawn.key_picture(np.zeros((100, 100), np.uint8), labels, in_doubt=in_doubt)
            with Image.open(io.BytesIO(picture)) as image:
                row = np.asarray(image)[30 * image.height // 100 - 4 : 30 * image.height // 100 + 4].max(axis=0)
            white.append(float((row[32 * len(row) // 100 : 68 * len(row) // 100] > 200).mean()))
        assert white[0] == 1.0
        assert 0.4 < white[1] < 0.75


class TestPdf:
    def test_it_is_tagged_titled_and_in_a_language(self, tmp_path: Path):
        content = inside(made(scans.of_dicom(cast.alice(), tmp_path)))
        assert b"/StructTreeRoot" in content
        assert re.search(rb"/Marked\s*true", content)
        assert re.search(rb"/Lang\s*\(en-GB\)", content)
        assert b"pdfuaid" in content
        assert b"/Figure" in content
        assert b"/Alt" in content
        assert re.search(rb"/S\s*/TH", content)

    @pytest.mark.parametrize("verdict", [Verdict.TUMOUR, Verdict.NO_TUMOUR, Verdict.UNCERTAIN])
    def test_one_or_two_pages(self, verdict: Verdict):
        (scan,) = rows.done(cast.alice(), verdict)
        assert page_count(made(scan)) in (1, 2)

    def test_one_page_where_nothing_is_outlined(self):
        (scan,) = rows.done(cast.alice(), Verdict.NO_TUMOUR)
        assert page_count(made(scan)) == 1

    def test_two_pages_for_the_fullest_too(self, tmp_path: Path):
        scan = scans.of_dicom(cast.alice(), tmp_path)
        assert scan.current_analysis is not None
        found = scan.current_analysis.findings
        assert found is not None
        lesion = {**found["lesions"][0], "volume_ml_interval": [0.9, 1.7], "diameters_mm": [14.2, 9.5]}
        note = "The slices are not evenly spaced: some may be missing. Volumes cannot be computed."
        full = with_findings(
            scan,
            lesions=[lesion] * 30,
            notes=[f"{number}. {note}" for number in range(12)],
            tumour_volume_ml_interval=[1.0, 2.0],
        )
        assert page_count(made(full)) == 2
        assert "Not listed here: 24 more like these." in text(full)

    def test_small_lesions_are_counted_and_not_listed(self, tmp_path: Path):
        scan = scans.of_dicom(cast.alice(), tmp_path)
        assert scan.current_analysis is not None
        found = scan.current_analysis.findings
        assert found is not None
        first = found["lesions"][0]
        speck = {**first, "area_px": first["area_px"] // 50, "volume_ml": 0.02, "largest_slice": 0}
        many = with_findings(scan, lesions=[first, *[speck] * 17])
        assert "Not listed here: 17 smaller lesions, together 0.34 ml." in text(many)
        assert of(many).html.count('<th scope="row">2</th>') == 0
        assert [picture.index for picture in of(many).pictures] == [first["largest_slice"]]
        assert page_count(made(many)) in (1, 2)

    def test_it_fetches_nothing_that_it_was_not_given(self):
        for address in ("file:///etc/hostname", "http://127.0.0.1:1/x.png", "report:other.png"):
            with pytest.raises(BaseException, match="not given"):
                pdf.to_pdf(f'<html lang="en"><img src="{address}" alt=""></html>', {}, fonts={})

    def test_readers_of_the_same_process_still_refuse_a_truncated_picture(self, tmp_path: Path):
        pdf.to_pdf('<html lang="en"><title>One</title></html>', {}, fonts={})
        with pytest.raises(UploadRefused):
            readers.read([hostile.make("truncated.jpg", tmp_path)])

    def test_without_pango_it_says_what_is_missing(self, monkeypatch: pytest.MonkeyPatch):
        real = builtins.__import__

        def without(name: str, *arguments: Any, **named: Any) -> Any:
            if name.startswith("weasyprint"):
                raise OSError("cannot load library 'libpango-1.0-0'")
            return real(name, *arguments, **named)

        monkeypatch.setattr(builtins, "__import__", without)
        with pytest.raises(pdf.NoPdf, match=r"libpango-1\.0-0 and libpangoft2-1\.0-0"):
            pdf.to_pdf("<html></html>", {}, fonts={})
