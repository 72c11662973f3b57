"""The lesions of a series: all of them, each number with its unit, and why one is not known."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest
from django.test import Client

from detection import words
from detection.models import Analysis, Scan, User
from ml.findings import Compartment, Verdict
from ml.imaging.volume import Orientation, Placement, Spacing
from tests import rows
from tests.scans import visits


def lesions(browser: Client, scan: Scan) -> str:
    """The text of the page's part on lesions."""
    page = browser.get(f"/scans/{scan.id}/").content.decode()
    part = page[page.index('aria-labelledby="lesions"') :]
    part = re.sub(r"</?a\b[^>]*>", "", part[: part.index("</section>")])  # a link is part of its sentence
    part = re.sub(r"<[^>]+>", " ", part)
    return " ".join(html.unescape(part).split())


def parts(browser: Client, scan: Scan) -> tuple[str, str]:
    """What that part shows at once, and what it keeps folded."""
    page = browser.get(f"/scans/{scan.id}/").content.decode()
    part = page[page.index('aria-labelledby="lesions"') :]
    part = part[: part.index("How these were measured")]
    at_once, _, folded = part.partition('<details class="fold"><summary>')
    return at_once, folded


class TestSmallOnes:
    """Under a tenth of everything outlined and not measurable: listed, but below the others and folded."""

    def test_they_are_counted_and_folded(self, alice: Client, owner: User) -> None:
        at_once, folded = parts(alice, visits.visit(owner, visits.masks(visits.large(), visits.small())))
        assert (at_once.count('<th scope="row">'), folded.count('<th scope="row">')) == (1, 1)
        assert folded.startswith(f"1 smaller lesion, 0.10{words.NBSP}ml</summary>")
        assert "questions, not as findings" in folded
        assert f"All together: 7.8{words.NBSP}ml." in at_once

    def test_several_are_told_together_and_in_pixels_where_there_are_no_millilitres(
        self, alice: Client, owner: User
    ) -> None:
        other = visits.ball(slices=6, first=0, last=0, row=12, column=44, radius=1.4)
        mask = visits.masks(visits.large(), visits.small(), other)
        _, folded = parts(alice, visits.visit(owner, mask))
        assert folded.startswith(f"2 smaller lesions, together 0.20{words.NBSP}ml</summary>")
        at_once, folded = parts(alice, visits.visit(owner, mask, first_picture=1, spacing=None))
        assert folded.startswith(f"2 smaller lesions, together 10{words.NBSP}pixels</summary>")
        assert f"All together: 397{words.NBSP}pixels. Volume: not computable, no pixel spacing." in at_once

    def test_a_measurable_one_is_never_folded(self, alice: Client, owner: User) -> None:
        whole = visits.ball(slices=6, first=0, last=4, row=32, column=24, radius=14)
        second = visits.ball(slices=6, first=1, last=2, row=32, column=54, radius=4.0)
        scan = visits.visit(owner, visits.masks(whole, second))
        first, small = scan.current_analysis.findings["lesions"]
        assert small["area_px"] < 0.1 * first["area_px"]
        assert small["measurable"]
        at_once, _ = parts(alice, scan)
        assert at_once.count('<th scope="row">') == 2

    def test_a_warning_of_flat_lesions_names_no_small_one(self, alice: Client, owner: User) -> None:
        scan = visits.visit(owner, visits.masks(visits.large(), visits.small()))
        assert "seen on one slice only" not in alice.get(f"/scans/{scan.id}/").content.decode()
        alone = visits.visit(owner, visits.small(), first_picture=1)
        assert "Lesion 1 is seen on one slice only" in alice.get(f"/scans/{alone.id}/").content.decode()

    def test_result_and_count_have_them_like_all_others(self, alice: Client, owner: User) -> None:
        scan = visits.visit(owner, visits.masks(visits.large(), visits.small()))
        assert len(alice.get(f"/scans/{scan.id}/result.json").json()["lesions"]) == 2
        assert "2 lesions on 4 of 6 slices." in lesions(alice, scan)


def test_every_lesion_has_its_sizes_in_millimetres(alice: Client, owner: User) -> None:
    shown = lesions(alice, visits.visit(owner, visits.masks(visits.large(), visits.small())))
    assert "2 lesions on 4 of 6 slices." in shown
    assert "The outline is the FLAIR abnormality" in shown
    for told in (
        "7.7 ml",  # 129 pixels on 3 slices of 20 mm³ a pixel
        "27.2 × 27.2 mm on slice 2",
        "26.0 × 26.0 × 15.0 mm across, down, through",
        "2 to 4 largest on 2: 516 mm², 129 pixels",
        "centroid: slice 3, row 31, column 23",
        "Yes",
        "No a diameter under 10 mm",
    ):
        assert told in shown


def test_thick_slices_have_their_own_threshold_and_say_so(alice: Client, owner: User) -> None:
    shown = lesions(alice, visits.visit(owner, visits.large(), spacing=Spacing(15.0, 2.0, 2.0)))
    assert "No a diameter under 30 mm" in shown
    assert "Measurable: both at least 30 mm on two slices or more, twice the distance of slices" in shown
    uneven = visits.visit(owner, visits.large(), first_picture=1, spacing=Spacing(None, 2.0, 2.0))
    assert "Not computable no even slice distance" in lesions(alice, uneven)


@pytest.mark.parametrize(
    ("told", "values", "texts"),
    [
        (words.millilitres, (0.004, 0.4, 0.994, 0.996, 1, 41, 124.26), "under 0.01,0.40,0.99,1.0,1.0,41.0,124.3 ml"),
        (words.millimetres, (9.87, 9.996, 0.94, 42, 99.94, 112.6), "9.9,10.0,0.9,42.0,99.9,113 mm"),
        (words.square_millimetres, (89, 1254.6), "89.0,1255 mm²"),
        (words.stated_millimetres, (0.7986, 0.4297, 6, 1), "0.8,0.43,6,1 mm"),
    ],
    ids=["volumes", "lengths", "areas", "what a file states"],
)
def test_each_kind_of_number_has_one_number_of_digits(
    told: Callable[[float], str], values: tuple[float, ...], texts: str
) -> None:
    numbers, unit = texts.rsplit(" ", 1)
    assert [told(value).replace(",", "") for value in values] == [
        f"{number}{words.NBSP}{unit}" for number in numbers.split(",")
    ]


def test_a_number_never_parts_from_its_unit(alice: Client, owner: User) -> None:
    scan = visits.visit(owner, visits.masks(visits.large(), visits.small()), interval=(6.1, 9.5), level=0.9)
    found = {**(scan.current_analysis.findings or {}), "notes": ["Slices of 5 mm, and 2 ml of something."]}
    Analysis.objects.filter(pk=scan.current_analysis.pk).update(findings=found)
    page = html.unescape(alice.get(f"/scans/{scan.id}/").content.decode())
    assert f"Slices of 5{words.NBSP}mm, and 2{words.NBSP}ml of something." in page
    assert re.findall(r".{9}\d[ \n]+(?:mm|ml|mm²|pixels?|px|s|[KM]B)\b", page) == []


def test_sides_are_the_patients_own(alice: Client, owner: User) -> None:
    scan = visits.visit(owner, visits.masks(visits.large(), visits.small()))
    first, second = scan.current_analysis.findings["lesions"]
    assert (first["side"], second["side"]) == ("right", "left")
    assert " 1 Right centroid:" in lesions(alice, scan)


def test_the_centroid_is_told_by_the_patients_own_sides(alice: Client, owner: User) -> None:
    placement = Placement(tuple((-60.0, -50.0, 5.0 * index - 40) for index in range(6)), (0, 2, 0), (2, 0, 0))
    shown = lesions(alice, visits.visit(owner, visits.large(), placement=placement))
    # Column 22 of 2 mm from 60 mm to the right, row 30 from 50 mm in front, slice 2 from 40 mm below.
    assert "centroid R 16.0, P 10.0, I 30.0 mm" in shown
    assert "millimetres towards the patient's left (L) or right (R)" in shown


def test_without_a_place_the_centroid_in_millimetres_says_why_it_is_missing(alice: Client, owner: User) -> None:
    shown = lesions(alice, visits.visit(owner, visits.large()))
    assert "Centroids in millimetres: not computable, the file does not say where its slices lie." in shown
    shown = lesions(alice, visits.visit(owner, visits.large(), first_picture=1, spacing=None))
    assert "Centroids in millimetres: not computable, no pixel spacing." in shown


def test_of_several_lesions_the_large_have_an_interval_and_the_small_say_that_none_is_known(
    alice: Client, owner: User
) -> None:
    both = visits.masks(visits.large(), visits.small())
    shown = lesions(alice, visits.visit(owner, both, interval=(6.0, 9.0), level=0.75, single=(5.5, 8.5, 0.7)))
    assert "7.7 ml 5.5 to 8.5 ml" in shown
    assert "interval not known for so small a part" in shown
    assert "in 75% of scans where a doctor had drawn the outline, those of single lesions in 70%." in shown


def test_without_spacing_each_number_says_why_it_is_missing(alice: Client, owner: User) -> None:
    shown = lesions(alice, visits.visit(owner, visits.large(), spacing=None, orientation=None))
    assert "Not computable no pixel spacing" in shown
    assert "pixels on slice 2, in mm not computable: no pixel spacing" in shown
    assert "13 × 13 pixels, 3 slices in mm not computable: no pixel spacing" in shown
    assert "Left half of the picture; the patient's side is not known" in shown
    assert re.search(r"\d (mm|ml)", shown) is None


def test_without_an_even_slice_distance_there_is_no_volume(alice: Client, owner: User) -> None:
    shown = lesions(alice, visits.visit(owner, visits.large(), spacing=Spacing(None, 2.0, 2.0)))
    assert "Not computable no even slice distance" in shown
    assert "26.0 × 26.0 mm across, down" in shown
    assert " ml" not in shown


def test_coronal_slices_have_no_axial_diameters(alice: Client, owner: User) -> None:
    shown = lesions(alice, visits.visit(owner, visits.large(), orientation=Orientation("P", "I", "L")))
    assert "Not computable slices are not axial" in shown


def test_a_picture_from_the_side_has_no_left_or_right_half(alice: Client, owner: User) -> None:
    shown = lesions(alice, visits.visit(owner, visits.large(), orientation=Orientation("L", "I", "P")))
    assert "Side not known slices from the side do not show where the middle of the head is; centroid" in shown
    assert "half" not in shown


def test_intervals_stand_beside_their_numbers_and_say_how_often_they_hold(alice: Client, owner: User) -> None:
    shown = lesions(alice, visits.visit(owner, visits.large(), interval=(6.1, 9.5), level=0.9))
    assert "All together: 7.7 ml, 6.1 to 9.5 ml." in shown
    assert "Intervals held the true size in 90% of scans" in shown


def test_without_spacing_the_whole_outline_has_its_interval_in_pixels(alice: Client, owner: User) -> None:
    scan = visits.visit(owner, visits.large(), spacing=None)
    found = {**(scan.current_analysis.findings or {}), "outline_px_interval": [310.0, 1490.4], "interval_level": 0.9}
    Analysis.objects.filter(pk=scan.current_analysis.pk).update(findings=found)
    assert "All together: 387 pixels, 310 to 1,490. Volume: not computable" in lesions(alice, scan)


def test_a_missing_interval_is_said(alice: Client, owner: User) -> None:
    assert "7.7 ml interval not known" in lesions(alice, visits.visit(owner, visits.large()))


def test_the_kind_of_outline_is_said(alice: Client, owner: User) -> None:
    scan = visits.visit(owner, visits.large(), compartment=Compartment.CONTRAST_ENHANCING_TUMOUR)
    assert "the part of the tumour that takes up contrast" in lesions(alice, scan)


def test_a_doubtful_kind_of_outline_is_said_to_be_doubtful(alice: Client, owner: User) -> None:
    scan = visits.visit(owner, visits.large())
    assert "judged from the picture" not in lesions(alice, scan)
    found = {**(scan.current_analysis.findings or {}), "compartment_sure": False}
    Analysis.objects.filter(pk=scan.current_analysis.pk).update(findings=found)
    assert "judged from the picture and is not certain" in lesions(alice, scan)


def test_a_lesion_leads_to_its_slice(alice: Client, owner: User) -> None:
    scan = visits.visit(owner, visits.masks(visits.large(), visits.small()))
    page = alice.get(f"/scans/{scan.id}/").content.decode()
    assert '<a href="?slice=2#viewer" data-picks="1" aria-label="Lesion 1, show slice 2">1</a>' in page
    assert '<a href="?slice=6#viewer" data-picks="2" aria-label="Lesion 2, show slice 6">2</a>' in page
    assert 'id="viewer"' in page
    assert "Slice 6 of 6" in alice.get(f"/scans/{scan.id}/?slice=6").content.decode()


def test_wherever_the_list_names_a_slice_it_leads_there(alice: Client, owner: User) -> None:
    scan = visits.visit(owner, visits.masks(visits.large(), visits.small()))
    first, _ = scan.current_analysis.findings["lesions"]
    page = alice.get(f"/scans/{scan.id}/").content.decode()
    assert f'<a href="?slice={first["diameter_slice"] + 1}#viewer" data-picks="1">on slice 2</a>' in page
    assert '<a href="?slice=2#viewer" data-picks="1">largest on 2</a>: 516' in page


class TestInDoubt:
    """Of a scan that is uncertain, what is outlined may be nothing: list, picture and report say so in words."""

    def shown(self, browser: Client, owner: User, verdict: Verdict) -> tuple[str, str]:
        scan = visits.visit(owner, visits.masks(visits.large(), visits.small()))
        found = {**(scan.current_analysis.findings or {}), "verdict": verdict.value}
        Analysis.objects.filter(pk=scan.current_analysis.pk).update(findings=found, verdict=verdict.value)
        return lesions(browser, scan), browser.get(f"/scans/{scan.id}/").content.decode()

    def test_of_an_uncertain_scan(self, alice: Client, owner: User) -> None:
        told, page = self.shown(alice, owner, Verdict.UNCERTAIN)
        assert "In doubt: this scan is uncertain, so what is outlined may be nothing" in told
        assert " 1 in doubt Right " in told
        assert " 2 in doubt Left " in told
        assert "<span data-area>In doubt, outlined: 129" in page
        assert re.search(r"<scan-viewer [^>]*\bdata-doubt\b", page)

    def test_of_a_suspicious_one_nothing_is_said_of_doubt(self, alice: Client, owner: User) -> None:
        told, page = self.shown(alice, owner, Verdict.TUMOUR)
        assert "doubt" not in told
        assert "data-doubt" not in page


def test_of_one_picture_no_slice_is_named(alice: Client, owner: User) -> None:
    (scan,) = rows.done(owner, Verdict.TUMOUR)
    told = lesions(alice, scan)
    assert re.search(r"centroid: row \d+, column \d+", told)
    assert re.search(r"slice \d", told) is None


def test_a_series_shows_its_own_thresholds_and_its_strip_those_of_a_slice(alice: Client, owner: User) -> None:
    scan = visits.visit(owner, visits.large(), thresholds=(0.3, 0.7))
    page = alice.get(f"/scans/{scan.id}/").content.decode()
    assert "Below 30 is nothing above threshold, 30 to 70 is uncertain" in page
    assert "Dashed line: 60%" in page


def test_a_run_that_recorded_only_a_slices_thresholds_shows_none_for_the_series(alice: Client, owner: User) -> None:
    scan = visits.visit(owner, visits.large())
    old = dict(scan.current_analysis.findings or {})
    old["thresholds"] = old.pop("slice_thresholds")
    Analysis.objects.filter(pk=scan.current_analysis.pk).update(findings=old)
    page = alice.get(f"/scans/{scan.id}/").content.decode()
    assert "is nothing above threshold" not in page
    assert "Dashed line: 60%" in page


def test_findings_of_an_older_version_say_that_they_did_not_measure(alice: Client, owner: User) -> None:
    scan = visits.visit(owner, visits.large())
    old = dict(scan.current_analysis.findings or {})
    new = ("diameters_mm", "diameters_px", "diameter_slice", "diameter_ends_px", "measurable", "side")
    old["lesions"] = [{key: value for key, value in each.items() if key not in new} for each in old["lesions"]]
    Analysis.objects.filter(pk=scan.current_analysis.pk).update(findings=old)
    assert "Not computable this run did not measure it" in lesions(alice, scan)


def test_the_json_has_the_same_numbers(alice: Client, owner: User) -> None:
    scan = visits.visit(owner, visits.large(), interval=(6.1, 9.5), level=0.9)
    result = alice.get(f"/scans/{scan.id}/result.json").json()
    (lesion,) = result["lesions"]
    assert lesion["measurable"] is True
    assert lesion["diameters_mm"] == pytest.approx([27.2, 27.2], abs=0.1)
    assert len(lesion["diameter_ends_px"]) == 4
    assert (result["tumour_volume_ml_interval"], result["interval_level"]) == ([6.1, 9.5], 0.9)


def test_flat_lesions_are_warned_of_once(alice: Client, owner: User) -> None:
    flat = [visits.ball(slices=6, first=n, last=n, row=20, column=20 + 6 * n, radius=3.0) for n in (0, 4)]
    mask = visits.masks(*flat, visits.ball(slices=6, first=1, last=2, row=45, column=30, radius=5.0))
    page = alice.get(f"/scans/{visits.visit(owner, mask).id}/").content.decode()
    assert page.count("Treat them as questions, not as findings.") == 1
    assert page.count("is seen on two slices only. Treat it as a question, not as a finding.") == 1
