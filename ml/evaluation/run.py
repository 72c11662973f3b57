"""Measures the pipeline on labelled cases, patient by patient, with trivial baselines beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ml.evaluation import metrics, shortcuts
from ml.findings import Findings, Verdict
from ml.imaging.volume import Kind, Volume, one_channel_if_equal
from ml.pipeline import Pipeline
from ml.training.datasets import Case

_TOGETHER = 16
"""Cases that are read, and pictures that are analysed, at once."""


class Outlined(Protocol):
    """A case with what was outlined and what is true, bool (slices, rows, columns) each."""

    @property
    def case(self) -> Case:
        """Who it is."""

    @property
    def masks(self) -> np.ndarray:
        """What was outlined."""

    @property
    def truth(self) -> np.ndarray:
        """What is true."""


@dataclass(frozen=True)
class Result:
    """One case: its findings, what is true, and what shortcuts would have said.

    `masks`, `truth` bool (slices, rows, columns); `shortcuts` as `shortcuts.properties` gives them.
    """

    case: Case
    findings: Findings
    masks: np.ndarray
    truth: np.ndarray
    shortcuts: dict[str, np.ndarray]

    @property
    def probabilities(self) -> np.ndarray:
        """Float (slices,); a refused slice counts as 0."""
        return np.array([found.tumour_probability or 0.0 for found in self.findings.slices])

    @property
    def sick(self) -> np.ndarray:
        """Bool (slices,)."""
        return np.asarray(self.truth.any(axis=(1, 2)))


def measure(
    pipeline: Pipeline,
    cases: Sequence[Case],
    *,
    change: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]] | None = None,
    alone: bool = False,
    report: Callable[[int], None] | None = None,
) -> list[Result]:
    """Analyses every case as the application would; `change` alters voxels and truth first.

    `alone`: the cases are single slices (`datasets.one_by_one`), analysed as pictures, not as series of one.

    Raises DataFault for a bad file.
    """
    results: list[Result] = []
    for start in range(0, len(cases), _TOGETHER):
        together = cases[start : start + _TOGETHER]
        read = [case.read() if change is None else change(*case.read()) for case in together]
        volumes = [_volume(case, voxels, alone=alone) for case, (voxels, _) in zip(together, read, strict=True)]
        # Series fill batches alone, and several at once would only hold more memory.
        pictures = all(volume.kind == "image" for volume in volumes)
        found = pipeline(volumes) if pictures else [pipeline([volume])[0] for volume in volumes]
        for case, (voxels, truth), findings in zip(together, read, found, strict=True):
            masks = np.stack([each.mask.pixels > 0 for each in findings.slices])
            results.append(Result(case, findings, masks, truth, shortcuts.properties(voxels)))
            if report:
                report(len(results))
    return results


def _volume(case: Case, voxels: np.ndarray, *, alone: bool) -> Volume:
    kind: Kind = "series" if case.family == "lgg" and not alone else "image"
    return Volume(one_channel_if_equal(voxels), kind, case.sources)


def summarise(
    results: Sequence[Result],
    groups: Sequence[int] | None = None,
    learnt: Mapping[str, shortcuts.Learnt] | None = None,
) -> dict[str, Any]:
    """All figures of one family's cases.

    `groups`: which results may be one person (BRISC, lone slices); intervals are over groups. A case is its own
    group without it. `learnt`: what the shortcuts' baselines may learn from.
    """
    keys = list(groups) if groups is not None else list(range(len(results)))
    units: dict[int, list[Result]] = {}
    for key, result in zip(keys, results, strict=True):
        units.setdefault(key, []).append(result)
    clusters = list(units.values())
    figures: dict[str, Any] = {"cases": len(results), "groups": len(clusters), "empty_masks": metrics.EMPTY}
    outlined = [result for result in results if result.truth.any()]
    if any(result.findings.kind == "series" for result in results):
        figures["outline"] = volumes(outlined)
    else:
        figures["outline"] = _pictures(clusters)
    figures["size_interval"] = _intervals(clusters)
    figures["outline_baselines"] = outline_baselines(outlined)
    figures["slices"] = _verdicts(clusters, learnt or {})
    figures["scans"] = {
        verdict.value: sum(result.findings.verdict is verdict for result in results) for verdict in Verdict
    }
    return figures


def _with_interval(clusters: Sequence[Any], figure: Callable[[list[Any]], float | None]) -> dict[str, Any]:
    value = figure(list(clusters))
    return {
        "value": None if value is None else round(value, 4),
        "interval_95": metrics.interval(clusters, figure),
    }


def volumes(results: Sequence[Outlined]) -> dict[str, Any]:
    """Figures of outlines in series, each of which holds a lesion; intervals are over patients."""
    values = [metrics.dice(result.masks, result.truth) for result in results]
    overlap = [metrics.iou(result.masks, result.truth) for result in results]
    ratio = [result.masks.sum() / result.truth.sum() - 1 for result in results]
    distances = _of_slices(results, metrics.hd95)
    surfaces = _of_slices(results, metrics.nsd)
    counts = [metrics.lesions(result.masks, result.truth) for result in results]
    sick_slices = [metrics.dice(f, t) for r in results for f, t in zip(r.masks, r.truth, strict=True) if t.any()]
    return {
        "volume_dice_mean": _with_interval(values, lambda drawn: float(np.mean(drawn))),
        "volume_dice_median": _with_interval(values, lambda drawn: float(np.median(drawn))),
        "volume_dice_worst": round(min(values), 4),
        "volume_iou_mean": _with_interval(overlap, lambda drawn: float(np.mean(drawn))),
        "dice_of_tumour_slices_mean": round(float(np.mean(sick_slices)), 4),
        "hd95_px_median": _median([value for each in distances for value in each]),
        "nsd_2px_mean": _with_interval(
            [float(np.mean(each)) for each in surfaces if each], lambda drawn: float(np.mean(drawn))
        ),
        "relative_volume_error_mean": _with_interval(
            [abs(each) for each in ratio], lambda drawn: float(np.mean(drawn))
        ),
        "lesion_sensitivity": _with_interval(
            counts, lambda drawn: sum(c[1] for c in drawn) / max(sum(c[0] for c in drawn), 1)
        ),
        "false_lesions_per_scan": _with_interval(counts, lambda drawn: sum(c[2] for c in drawn) / len(drawn)),
        "by_case": {result.case.name: round(value, 4) for result, value in zip(results, values, strict=True)},
    }


def _of_slices(
    results: Sequence[Outlined], figure: Callable[[np.ndarray, np.ndarray], float | None]
) -> list[list[float]]:
    """A figure of each slice of each case, where it is defined."""
    return [
        [value for pair in zip(r.masks, r.truth, strict=True) if (value := figure(*pair)) is not None] for r in results
    ]


def _intervals(clusters: Sequence[Sequence[Result]]) -> dict[str, Any] | None:
    """How often the interval of the outlined size holds the true size, patient by patient; None where none was told."""
    held: list[list[bool]] = []
    widths: list[float] = []
    sick = outlined = 0
    for cluster in clusters:
        inside = []
        for result in cluster:
            sick += bool(result.truth.any())
            told, size = result.findings.outline_px_interval, int(result.masks.sum())
            if told is not None and result.truth.any() and size:
                outlined += 1
                inside.append(told[0] <= int(result.truth.sum()) <= told[1])
                widths.append(told[1] / max(told[0], 1))
        if inside:
            held.append(inside)
    if not held:
        return None
    covered = _with_interval([float(np.mean(each)) for each in held], lambda drawn: float(np.mean(drawn)))
    if all(len(each) == 1 for each in held):
        covered["interval_95"] = metrics.exact_interval([each[0] for each in held])
    return {
        "patients": len(held),
        # A scan without an outline has no interval that could hold anything: it is in neither figure above nor below.
        "scans_with_tumour": sick,
        "of_these_outlined": outlined,
        "covered": covered,
        "high_by_low_median": _median(widths),
    }


def _median(values: Sequence[float]) -> float | None:
    return round(float(np.median(values)), 2) if values else None


def _pictures(clusters: Sequence[Sequence[Result]]) -> dict[str, Any]:
    # Overlaps are computed once; the bootstrap draws them a thousand times.
    scored = [[_Scored(r) for r in cluster] for cluster in clusters]

    def mean_of(name: str, plane: str = "", kind: str = "") -> Callable[[list[Any]], float | None]:
        def mean(drawn: list[Any]) -> float | None:
            chosen = [s for c in drawn for s in c if s.sick and plane in ("", s.plane) and kind in ("", s.kind)]
            values = [getattr(s, name) for s in chosen]
            return float(np.mean(values)) if values else None

        return mean

    # Slices of a series that are measured one by one have neither.
    named = any(s.plane for c in scored for s in c)
    planes, kinds = (("ax", "co", "sa"), ("gl", "me", "pi")) if named else ((), ())
    inter = sum(s.both for c in scored for s in c)
    union = sum(s.union for c in scored for s in c)
    return {
        "mean_iou": _with_interval(scored, mean_of("iou")),
        "mean_dice": _with_interval(scored, mean_of("dice")),
        "iou_by_plane": {plane: _with_interval(scored, mean_of("iou", plane)) for plane in planes},
        "pooled_iou": round(inter / union, 4) if union else None,
        "iou_by_kind": {kind: _with_interval(scored, mean_of("iou", kind=kind)) for kind in kinds},
        "hd95_px_median": _median([s.distance for c in scored for s in c if s.distance is not None]),
        "nsd_2px_mean": round(
            float(np.mean([s.surface for c in scored for s in c if s.sick and s.surface is not None] or [0.0])), 4
        ),
        "missed_share": round(float(np.mean([float(s.iou == 0) for c in scored for s in c if s.sick] or [0.0])), 4),
    }


class _Scored:
    """The overlaps of one picture."""

    def __init__(self, result: Result) -> None:
        self.iou, self.dice = metrics.iou(result.masks, result.truth), metrics.dice(result.masks, result.truth)
        self.both, self.union = int((result.masks & result.truth).sum()), int((result.masks | result.truth).sum())
        self.distance = metrics.hd95(result.masks[0], result.truth[0])
        self.surface = metrics.nsd(result.masks[0], result.truth[0])
        self.sick, self.plane, self.kind = bool(result.truth.any()), result.case.plane, result.case.kind


def _verdicts(clusters: Sequence[Sequence[Result]], learnt: Mapping[str, shortcuts.Learnt]) -> dict[str, Any]:
    pairs = [(np.concatenate([r.probabilities for r in c]), np.concatenate([r.sick for r in c])) for c in clusters]

    def joined(drawn: list[Any]) -> tuple[np.ndarray, np.ndarray]:
        return np.concatenate([p for p, _ in drawn]), np.concatenate([t for _, t in drawn])

    def accuracy(drawn: list[Any]) -> float:
        probability, truth = joined(drawn)
        return float(((probability >= 0.5) == truth).mean())

    def of_the_sick(drawn: list[Any]) -> float | None:
        probability, truth = joined(drawn)
        return float((probability >= 0.5)[truth].mean()) if truth.any() else None

    def of_the_others(drawn: list[Any]) -> float | None:
        probability, truth = joined(drawn)
        return float((probability < 0.5)[~truth].mean()) if not truth.all() else None

    def outside_the_band(drawn: list[Any]) -> float | None:
        right, sure = (np.concatenate(each) for each in zip(*drawn, strict=True))
        return float(right[sure].mean()) if sure.any() else None

    probability, truth = joined(pairs)
    told = [np.array([found.verdict.value for r in c for found in r.findings.slices]) for c in clusters]
    sure = [(verdicts == "tumour") | (verdicts == "no_tumour") for verdicts in told]
    right = [(p >= 0.5) == t for p, t in pairs]
    verdicts = np.concatenate(told)
    unit = np.concatenate([[n] * len(p) for n, (p, _) in enumerate(pairs)])
    return {
        "slices": len(truth),
        "with_tumour": int(truth.sum()),
        "accuracy": _with_interval(pairs, accuracy),
        "auc": _with_interval(pairs, lambda drawn: metrics.auc(*joined(drawn))),
        "sensitivity": _with_interval(pairs, of_the_sick),
        # A refused slice counts as "no tumour": right where there is none. `refused_share` says how many there are.
        "specificity": _with_interval(pairs, of_the_others),
        "ece": _with_interval(pairs, lambda drawn: metrics.ece(*joined(drawn))),
        "uncertain_share": round(float((verdicts == "uncertain").mean()), 4),
        "refused_share": round(float((verdicts == "refused").mean()), 4),
        "accuracy_outside_the_band": _with_interval(list(zip(right, sure, strict=True)), outside_the_band),
        "baselines": {
            "always_no_tumour_accuracy": round(float((~truth).mean()), 4),
            **{
                f"{name}_auc": shortcuts.auc(
                    np.concatenate([r.shortcuts[name] for c in clusters for r in c]), truth, unit, learnt.get(name)
                )
                for name in ("ring_only", "size_only", "mean_only")
            },
        },
        "curves": {
            "risk_coverage": metrics.risk_coverage(probability, truth),
            "reliability": metrics.reliability(probability, truth),
            "roc": [[round(x, 4), round(y, 4)] for x, y in metrics.roc(probability, truth)],
        },
    }


def outline_baselines(results: Sequence[Outlined]) -> dict[str, Any]:
    """What an empty mask and, in series, the neighbouring slice's true mask would reach."""
    empty = [metrics.dice(np.zeros_like(r.truth), r.truth) for r in results]
    baselines: dict[str, Any] = {
        "empty_mask_dice": round(float(np.mean(empty)), 4) if empty else None,
        "empty_mask_slice_dice": round(float(np.mean([float(not t.any()) for r in results for t in r.truth])), 4)
        if results
        else None,
    }
    series = [result for result in results if len(result.truth) > 1]
    if series:
        copied = [metrics.dice(np.roll(r.truth, 1, axis=0), r.truth) for r in series]
        baselines["neighbours_true_mask_dice"] = round(float(np.mean(copied)), 4)
    return baselines
