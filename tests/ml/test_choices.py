"""What a release chooses on validation: the band, the cut-off, the series rule, the gate's two judges."""

from __future__ import annotations

import numpy as np
import pytest

from ml.gate import REFUSAL, SERIES, from_arrays
from ml.training import calibration, judges, series
from ml.training.series import Scan


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(1)


class TestTheBand:
    def test_it_is_the_strictest_that_leaves_few_uncertain(self, random: np.random.Generator) -> None:
        probability = random.beta(0.06, 0.06, 8000)
        truth = random.random(8000) < probability
        band, weighed = calibration.choose_band(probability, truth)
        chosen = next(facts for facts in weighed if facts["nothing_below"] == band["nothing_below"])
        assert chosen["uncertain_share"] <= calibration.UNCERTAIN
        stricter = weighed[: weighed.index(chosen)]
        assert all(facts["uncertain_share"] > calibration.UNCERTAIN for facts in stricter)
        assert [facts["uncertain_share"] for facts in weighed] == sorted(
            (facts["uncertain_share"] for facts in weighed), reverse=True
        )

    def test_outside_it_answers_are_right_more_often(self, random: np.random.Generator) -> None:
        probability = random.random(5000)
        truth = random.random(5000) < probability
        facts = calibration.band_facts(probability, truth, calibration.band_for(probability, truth, 0.1))
        assert facts["accuracy_outside"] > facts["accuracy_all"]

    def test_a_promise_that_nothing_keeps_is_seen(self, caplog: pytest.LogCaptureFixture) -> None:
        # One in ten is wrong however sure the answer is.
        probability = np.tile(np.array([0.005, 0.995]), 500)
        truth = (probability > 0.5) ^ (np.arange(1000) % 20 < 2)
        band, weighed = calibration.choose_band(probability, truth)
        assert (band["nothing_below"], band["tumour_from"]) == (0.01, 0.99)
        assert all(facts["wrong_below"] > facts["wrong_promised"] for facts in weighed)
        assert "no band keeps 1.0 %" in caplog.text


class TestAFamily:
    def test_calibrated_probabilities_come_true_about_as_often_as_they_say(self, random: np.random.Generator) -> None:
        truth = random.random(3000) < 0.5
        odds = np.where(truth, 1.0, -1.0) + random.normal(0, 1, 3000)
        outlines = (random.random((3000, 8, 8)) < np.where(truth, 0.3, 0.1)[:, None, None]).astype(np.float32)
        fitted = calibration.fit_family(odds, outlines, truth)
        assert fitted.facts["ece"] < 0.05
        assert fitted.facts["auc"] > fitted.facts["classifier_alone_auc"]

    def test_the_cut_off_that_fits_best_is_chosen(self) -> None:
        mask = np.zeros((2, 10, 10), np.uint8)
        mask[:, 2:6, 2:6] = 255
        outline = np.where(mask > 0, 0.62, 0.47).astype(np.float32)
        cut_off, dice = calibration.best_cut_off([outline], [mask], np.arange(2), "dice")
        assert 0.47 < cut_off <= 0.6
        assert dice == 1.0


class TestTheSeriesRule:
    def scans(self, random: np.random.Generator) -> list[Scan]:
        sick = [
            Scan(
                np.r_[[0.02] * 8, random.uniform(0.9, 1, 6), [0.05] * 8], np.r_[[0.0] * 8, [0.02] * 6, [0.0] * 8], True
            )
            for _ in range(12)
        ]
        free = [Scan(random.uniform(0, 0.2, 12), np.zeros(12), False) for _ in range(20)]
        return sick + free

    def test_it_separates_clear_scans(self, random: np.random.Generator) -> None:
        numbers, facts = series.choose(self.scans(random))
        assert facts["sick_tumour"] == facts["scans_with_tumour"] == 12
        assert facts["free_no_tumour"] == facts["tumour_free_runs"] == 20
        assert numbers["run"] in (2, 3, 4)

    def test_a_patient_without_a_tumour_is_one_scan_without_a_tumour(self) -> None:
        (scan,) = series.scans_of(np.arange(6) / 20, np.zeros(6), np.zeros(6, bool), np.zeros(6, int))
        assert not scan.sick
        assert len(scan.shares) == 6

    def test_tumour_free_runs_keep_away_from_the_lesion(self) -> None:
        sick = np.zeros(20, bool)
        sick[8:12] = True
        scans = series.scans_of(np.arange(20) / 20, np.zeros(20), sick, np.zeros(20, int))
        assert [scan.sick for scan in scans] == [True, False, False]
        assert [len(scan.probabilities) for scan in scans] == [20, 6, 6]


class TestTheGate:
    def sets(self, random: np.random.Generator) -> judges.Sets:
        def cloud(count: int, *middle: float) -> np.ndarray:
            return random.normal(middle, 0.5, (count, len(middle)))

        return {
            "yes/lgg": cloud(150, 3, 0), "yes/brisc": cloud(150, 3, 4), "yes_held/lgg": cloud(100, 3, 0),
            "yes_held/brisc": cloud(100, 3, 4), "no/photo": cloud(100, -3, 0), "no_held/photo": cloud(20, -3, 0),
            "no/ct": cloud(100, -3, 4), "no_held/ct": cloud(20, -3, 4), "flair": cloud(150, 3, 0),
            "flair_held": cloud(100, 3, 0), "t1c": cloud(150, 3, 4), "t1c_held": cloud(100, 3, 4),
            **{f"series/{number}": cloud(10, 3, 0) for number in range(5)},
        }  # fmt: skip

    def test_it_refuses_what_is_no_brain_and_few_brains(self, random: np.random.Generator) -> None:
        facts, _ = judges.fit(self.sets(random), unseen=True)
        assert facts["held_out_refused"] == {"photo": 1.0, "ct": 1.0}
        assert facts["brain_slices_refused"] <= 0.01
        assert set(facts["kinds_never_trained_on_refused"]) == {"photo", "ct"}

    def test_half_of_a_series_must_look_like_a_brain(self, random: np.random.Generator) -> None:
        facts, arrays = judges.fit(self.sets(random), unseen=False)
        gate = from_arrays(arrays, facts)
        assert facts["threshold"] < facts["series_threshold"] < facts["series_lowest"]
        line = np.stack([np.linspace(3, -3, 400), np.linspace(2, 2, 400)], 1)
        score = gate.score(line)
        odd = line[np.argmin(np.abs(score - (facts["threshold"] + facts["series_threshold"]) / 2))]
        picture = np.tile(np.arange(256, dtype=np.uint8), (256, 1))[..., None].repeat(3, 2)
        assert gate.refuse(odd[None], picture[None]) is None
        assert gate.refuse(np.tile(odd, (SERIES, 1)), np.stack([picture] * SERIES)) == REFUSAL
        mostly = np.concatenate([np.tile([3.0, 0.0], (3, 1)), np.tile(odd, (2, 1))])
        assert gate.refuse(mostly, np.stack([picture] * SERIES)) is None

    def test_a_family_is_named_only_when_sure(self, random: np.random.Generator) -> None:
        facts, arrays = judges.fit(self.sets(random), unseen=False)
        plain = from_arrays(arrays, facts | {"sure": 0.0})
        clear = np.abs(plain.flair.score(np.array([[3.0, 0.0], [3.0, 4.0]]))).min()
        gate = from_arrays(arrays, facts | {"sure": float(clear) / 2})
        assert gate.family(np.array([[3.0, 0.0]]), colour=False, sequence=None) == ("flair", True)
        assert gate.family(np.array([[3.0, 4.0]]), colour=False, sequence=None) == ("t1c", True)
        between = min(np.arange(0, 4, 0.02), key=lambda y: abs(float(gate.flair.score(np.array([[3.0, y]]))[0])))
        assert gate.family(np.array([[3.0, between]]), colour=False, sequence=None)[1] is False
        assert gate.family(np.array([[3.0, between]]), colour=False, sequence="FLAIR") == ("flair", True)
        assert facts["named_when_sure"]["wrong"] <= 0.01
