"""One loud slice does not make a series suspicious; a run of them with an outline does."""

import numpy as np
import pytest

from ml.classify import Calibration
from ml.findings import Verdict
from ml.series_rule import Rule

RULE = Rule(run=3, share=0.004, calibration=Calibration(1.0, 0.0), nothing_below=0.3, tumour_from=0.7)


def judge(probabilities: list[float], shares: list[float]) -> Verdict:
    return RULE.judge(np.array(probabilities), np.array(shares))[0]


class TestTheRule:
    def test_neighbours_that_agree_and_an_outline_are_a_tumour(self) -> None:
        assert judge([0.01, 0.9, 0.95, 0.9, 0.01], [0, 0.003, 0.004, 0.003, 0]) is Verdict.TUMOUR

    def test_one_loud_slice_alone_is_not(self) -> None:
        assert judge([0.01, 0.02, 0.97, 0.02, 0.01], [0, 0, 0.001, 0, 0]) is Verdict.NO_TUMOUR

    def test_a_quiet_series_shows_nothing(self) -> None:
        assert judge([0.02] * 9, [0.0] * 9) is Verdict.NO_TUMOUR

    def test_a_classifier_without_outline_is_uncertain(self) -> None:
        verdict, reason, _ = RULE.judge(np.full(5, 0.95), np.zeros(5))
        assert verdict is Verdict.UNCERTAIN
        assert reason

    def test_an_outline_without_classifier_is_uncertain(self) -> None:
        assert judge([0.05] * 5, [0.01] * 5) is Verdict.UNCERTAIN

    def test_pieces_of_an_outline_on_distant_slices_are_not_added_up(self) -> None:
        assert RULE.outlined(np.array([0.003, 0.0, 0.0, 0.003])) == pytest.approx(0.003)

    def test_crumbs_on_many_thin_slices_are_no_outline(self) -> None:
        assert judge([0.05] * 60, [0.001] * 60) is Verdict.NO_TUMOUR

    def test_thin_slices_of_the_same_head_are_judged_alike(self) -> None:
        probabilities, shares = np.array([0.1, 0.9, 0.95, 0.9, 0.1]), np.array([0.0, 0.002, 0.003, 0.002, 0.0])
        thick = RULE.judge(probabilities, shares, between=5.0)
        thin = RULE.judge(np.repeat(probabilities, 5), np.repeat(shares, 5), between=1.0)
        assert thin[0] is thick[0] is Verdict.TUMOUR
        assert thin[2] == pytest.approx(thick[2])

    def test_a_few_loud_thin_slices_are_no_run(self) -> None:
        loud = np.full(150, 0.02)
        loud[70:73] = 0.97
        assert RULE.judge(loud, np.zeros(150), between=1.0)[0] is Verdict.NO_TUMOUR

    def test_a_series_shorter_than_the_run_is_judged_whole(self) -> None:
        assert judge([0.95], [0.01]) is Verdict.TUMOUR
