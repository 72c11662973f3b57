"""Weights and the four stages: gate, classify, segment, measure. The only door the application uses.

TensorFlow is imported by `Pipeline.load`, not by importing this module.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from ml import gate, interval, measure, preprocess, processor, weights
from ml.classify import Band, Calibration, Fusion, outline_evidence
from ml.findings import Compartment, Findings, Mask, SliceFinding, Verdict
from ml.imaging.volume import Kind, Volume
from ml.interval import SizeInterval
from ml.midline import Midline, midline
from ml.segment import Outline, smoothed, wanted
from ml.series_rule import Rule

Report = Callable[[int, float], None]
Item = TypeVar("Item")

BORDERLINE = "The probability lies between the two thresholds."
DISAGREE = "The classifier and the outline disagree about this picture."

_KINDS: tuple[Kind, ...] = ("image", "series")

_COMPARTMENTS = {"flair": Compartment.FLAIR_ABNORMALITY, "t1c": Compartment.CONTRAST_ENHANCING_TUMOUR}


class Network(Protocol):
    """A compiled network: uint8 (n, 256, 256, 3), n <= 16, to its outputs."""

    def __call__(self, images: np.ndarray) -> list[np.ndarray]:
        """All outputs, float32, a row a picture."""


@dataclass(frozen=True)
class Settings:
    """The numbers of the manifest, for each family "flair" and "t1c".

    Calibration, fusion and `outline_from` for "image" and "series": a slice that comes alone is scaled by itself,
    and in a series the outline is its neighbours' too.
    """

    calibrations: dict[str, dict[str, Calibration]]
    fusions: dict[str, dict[str, Fusion]]
    outline_from: dict[str, dict[str, float]]
    """classifier's probability from which on a slice is outlined: below, it is sure that nothing is there"""
    outlines: dict[str, Outline]
    series: dict[str, Rule]
    sizes: dict[str, dict[str, SizeInterval]]
    """for "image" and "series"; empty where no interval was measured"""
    band: Band

    @classmethod
    def of(cls, manifest: dict[str, Any]) -> Settings:
        """From the manifest. Raises WeightsFault when a number is missing or out of range."""
        try:
            families = manifest["families"]
            return cls(
                calibrations={
                    name: {kind: Calibration(**numbers["calibration"][kind]) for kind in _KINDS}
                    for name, numbers in families.items()
                },
                fusions={
                    name: {kind: Fusion(**numbers["fusion"][kind]) for kind in _KINDS}
                    for name, numbers in families.items()
                },
                outline_from={
                    name: {kind: float(numbers["outline_from"][kind]) for kind in _KINDS}
                    for name, numbers in families.items()
                },
                outlines={name: Outline(numbers["cut_off"]) for name, numbers in families.items()},
                series={name: Rule.of(numbers["series"]) for name, numbers in families.items()},
                sizes={
                    name: {kind: SizeInterval.of(size) for kind, size in numbers.get("size", {}).items()}
                    for name, numbers in families.items()
                },
                band=Band.of(manifest["thresholds"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise weights.WeightsFault(f"The manifest of the models is damaged ({error}).") from error


@dataclass(frozen=True)
class _Outlined:
    """What is kept of a slice's outline: a large volume's probabilities would be as large as the volume.

    `mask` is bool (rows, columns) of the original, `evidence` as `outline_evidence` gives it, `counts` the pixels from
    each cut-off of the size's interval on: its outline's, strict, loose.
    """

    mask: np.ndarray
    share: float
    evidence: np.ndarray
    counts: tuple[float, ...]


@dataclass
class _Work:
    """One volume on its way through the stages; slices in order.

    `plain` (of the gate) and `middle` (of the head, where something is outlined) are computed while the networks are.
    """

    volume: Volume
    prepared: preprocess.Prepared
    colour: bool
    plain: Future[np.ndarray]
    differences: np.ndarray
    features: list[np.ndarray | None]
    outlined: dict[int, _Outlined]
    refusal: str | None = None
    family: gate.Family = "flair"
    family_sure: bool = True
    probabilities: np.ndarray | None = None
    middle: Future[Midline | None] | None = None


class Pipeline:
    """The networks, loaded once and warmed; called with Volumes, gives Findings."""

    def __init__(
        self,
        classifier: Network,
        unets: Mapping[gate.Family, Network],
        gate_: gate.Gate,
        settings: Settings,
        manifest: dict[str, Any],
    ) -> None:
        self._classifier, self._unets, self._gate, self._settings = classifier, unets, gate_, settings
        self.version: str = manifest["version"]
        self.files: dict[str, str] = dict(manifest["files"])
        self.thresholds: dict[str, float] = dict(manifest["thresholds"])

    @classmethod
    def load(cls, folder: Path = weights.FOLDER) -> Pipeline:
        """Verifies every file against the manifest, builds and warms all networks.

        Raises WeightsFault when a file is missing, damaged or not the manifest's.
        """
        manifest = weights.read_manifest(folder)
        settings = Settings.of(manifest)
        processor.use_onednn()
        from ml.networks import load

        classifier, unets = load.compiled(folder, manifest)
        judge = gate.from_arrays(weights.read_arrays(folder, "gate.npz", manifest), manifest["gate"])
        return cls(classifier, unets, judge, settings, manifest)

    def thorough(self) -> Pipeline:
        """The same networks with nothing refused and every slice outlined: the most that a call may cost."""
        every = copy(self)
        every._settings = replace(
            self._settings, outline_from=dict.fromkeys(self._settings.outline_from, dict.fromkeys(_KINDS, 0.0))
        )
        every._gate = replace(self._gate, threshold=-math.inf, series_threshold=None)
        return every

    def __call__(self, volumes: Sequence[Volume], *, batch: int = 16, progress: Report | None = None) -> list[Findings]:
        """Analyses volumes; slices of all of them go through the networks together.

        `batch` is at most how many slices go at once (the networks take up to 16);
        `progress(index of the volume, fraction 0..1)` is told as slices are done.
        Raises ValueError for a batch below 1.
        """
        if batch < 1:
            raise ValueError("a batch has at least one slice")
        told = _Progress(progress, [len(volume) for volume in volumes])
        with ThreadPoolExecutor(1, "beside") as beside:
            return self._analysed([_begin(volume, beside) for volume in volumes], min(batch, 16), told, beside)

    def _analysed(self, works: list[_Work], size: int, told: _Progress, beside: Executor) -> list[Findings]:
        slices = [(number, index) for number, work in enumerate(works) for index in range(len(work.volume))]
        batches = (np.stack([works[n].prepared.images[i] for n, i in chunk]) for chunk in _chunks(slices, size))
        for chunk, (logits, features) in zip(_chunks(slices, size), _one_ahead(self._classifier, batches), strict=True):
            for (number, index), logit, feature in zip(chunk, logits, features, strict=True):
                works[number].differences[index] = logit[1] - logit[0]
                works[number].features[index] = feature
                told.slice_done(number)
        for number, work in enumerate(works):
            self._judge(work)
            told.skip(number, len(work.volume) - len(self._wanted(work)))
        wanted = [(number, index) for number, work in enumerate(works) for index in self._wanted(work)]
        for number in {number for number, _ in wanted}:
            works[number].middle = beside.submit(midline, works[number].volume)
        self._outline(works, wanted, size, told)
        return [self._finish(work) for work in works]

    def _outline(self, works: list[_Work], wanted: list[tuple[int, int]], size: int, told: _Progress) -> None:
        """Fills in what is outlined, by the family's U-Net; in a series with what the slices beside show."""
        for family, unet in self._unets.items():
            own = [(number, index) for number, index in wanted if works[number].family == family]
            both_ways = self._both_ways(unet, works, own, size, told)
            for number, of_volume in groupby(both_ways, lambda each: each[0]):
                work = works[number]
                outlines = ((index, outline) for _, index, outline in of_volume)
                for index, outline in smoothed(outlines, len(work.volume), _between(work.volume)):
                    work.outlined[index] = self._kept(work, outline)

    def _both_ways(
        self, unet: Network, works: list[_Work], wanted: list[tuple[int, int]], size: int, told: _Progress
    ) -> Iterator[tuple[int, int, np.ndarray]]:
        """Volume, slice and outline, float32 (256, 256): the mean of the slice's own and its mirror image's."""
        passes = [(number, index, mirrored) for number, index in wanted for mirrored in (False, True)]

        def seen(number: int, index: int, mirrored: bool) -> np.ndarray:
            image = works[number].prepared.images[index]
            return image[:, ::-1] if mirrored else image

        batches = (np.stack([seen(*each) for each in chunk]) for chunk in _chunks(passes, size))
        outlines = (outline for (batch,) in _one_ahead(unet, batches) for outline in batch[..., 0])
        for (number, index), own, mirrored in zip(wanted, outlines, outlines, strict=True):
            told.slice_done(number)
            yield number, index, (own + mirrored[:, ::-1]) / 2

    def _kept(self, work: _Work, probabilities: np.ndarray) -> _Outlined:
        """What is kept of one slice's outline, float32 (256, 256)."""
        outline, size = self._settings.outlines[work.family], self._size(work)
        return _Outlined(
            mask=outline.mask(probabilities, work.prepared.frame),
            share=outline.share(probabilities),
            evidence=outline_evidence(probabilities[None]),
            counts=interval.counts(probabilities, (outline.cut_off, size.strict, size.loose)) if size else (),
        )

    def _judge(self, work: _Work) -> None:
        """Gate and calibration, once all slices of a volume went through the classifier."""
        seen = np.stack([feature for feature in work.features if feature is not None])
        features = np.concatenate([seen, work.plain.result()], axis=1)
        work.features = []
        work.refusal = self._gate.refuse(features, work.prepared.images)
        if work.refusal is None:
            work.family, work.family_sure = self._gate.family(
                features, colour=work.colour, sequence=work.volume.sequence
            )
            work.probabilities = self._settings.calibrations[work.family][work.volume.kind].probability(
                work.differences
            )

    def _wanted(self, work: _Work) -> list[int]:
        """Slices that the U-Net outlines: tumour or unsure; in a series their neighbours too."""
        if work.probabilities is None:
            return []
        possible = work.probabilities >= self._settings.outline_from[work.family][work.volume.kind]
        return [int(index) for index in np.flatnonzero(wanted(possible))]

    def _finish(self, work: _Work) -> Findings:
        volume = work.volume
        if work.refusal is not None or work.probabilities is None:
            return Findings.refused(volume, work.refusal or gate.REFUSAL)
        masks = np.zeros((len(volume), volume.rows, volume.columns), bool)
        shares = np.zeros(len(volume))
        fusion = self._settings.fusions[work.family][volume.kind]
        for index, outlined in work.outlined.items():
            masks[index], shares[index] = outlined.mask, outlined.share
            work.probabilities[index] = fusion.probability(work.differences[index : index + 1], outlined.evidence)[0]
        if volume.kind == "image":
            verdict, reason, probability = self._judge_image(float(work.probabilities[0]), bool(masks.any()))
        else:
            verdict, reason, probability = self._settings.series[work.family].judge(
                work.probabilities, shares, _between(volume)
            )
        if verdict is Verdict.NO_TUMOUR:
            # Nothing that counts: crumbs of an outline would contradict the sentence beside them.
            masks[:] = False
        sizes = measure.of_volume(masks, volume, work.middle.result if work.middle else None)
        doubt = self._size_doubt(work) if masks.any() else None
        size = self._size(work) if doubt else None
        return Findings(
            kind=volume.kind,
            verdict=verdict,
            reason=reason,
            tumour_probability=probability,
            compartment=_COMPARTMENTS[work.family] if masks.any() else None,
            compartment_sure=work.family_sure if masks.any() else None,
            tumour_volume_ml=sizes.volume_ml,
            lesions=interval.of_lesions(sizes.lesions, doubt, size),
            tumour_volume_ml_interval=interval.around(sizes.volume_ml, doubt),
            outline_px_interval=interval.around_px(sum(sizes.area_px), doubt),
            interval_level=None if size is None else size.covered,
            lesion_interval_level=None if size is None else size.lesions_covered,
            thresholds=self._thresholds(volume, work.family),
            slices=tuple(
                SliceFinding(
                    index=index,
                    source=source,
                    tumour_probability=float(work.probabilities[index]),
                    verdict=self._settings.band.verdict(float(work.probabilities[index])),
                    mask=Mask(masks[index]),
                    area_mm2=None if sizes.area_mm2 is None else sizes.area_mm2[index],
                )
                for index, source in enumerate(volume.sources)
            ),
        )

    def _size(self, work: _Work) -> SizeInterval | None:
        return self._settings.sizes[work.family].get(work.volume.kind)

    def _size_doubt(self, work: _Work) -> tuple[float, float] | None:
        """Low and high of the true size against the outlined one; None where that was not measured."""
        size = self._size(work)
        if size is None or not work.outlined:
            return None
        outlined, strict, loose = map(sum, zip(*(each.counts for each in work.outlined.values()), strict=True))
        return size.ratios(outlined, strict, loose) if outlined else None

    def _thresholds(self, volume: Volume, family: gate.Family) -> tuple[float, float]:
        """Of the whole scan's probability: a series is judged by its own rule."""
        rule = self._settings.band if volume.kind == "image" else self._settings.series[family]
        return rule.nothing_below, rule.tumour_from

    def _judge_image(self, probability: float, outlined: bool) -> tuple[Verdict, str | None, float]:
        verdict = self._settings.band.verdict(probability)
        if verdict is Verdict.UNCERTAIN:
            return verdict, BORDERLINE, probability
        if verdict is Verdict.TUMOUR and not outlined:
            return Verdict.UNCERTAIN, DISAGREE, probability
        return verdict, None, probability


class _Progress:
    """Counts slices through two networks and reports each volume's fraction."""

    def __init__(self, report: Report | None, lengths: Sequence[int]) -> None:
        self._report, self._steps, self._done = report, [2 * length for length in lengths], [0] * len(lengths)

    def slice_done(self, number: int) -> None:
        self.skip(number, 1)

    def skip(self, number: int, count: int) -> None:
        self._done[number] += count
        if self._report is not None and count:
            self._report(number, self._done[number] / self._steps[number])


def prepare(volume: Volume) -> tuple[preprocess.Prepared, bool]:
    """A volume as both networks see it, and whether its channels differ."""
    return seen(volume.voxels)


def seen(voxels: np.ndarray) -> tuple[preprocess.Prepared, bool]:
    """As `prepare`, of (slices, rows, columns, 1 or 3); training and work have this one way."""
    colour = gate.is_colour(voxels)
    # A grey picture that compression tinted is grey: one channel stands for all.
    return preprocess.prepare(voxels if colour or voxels.shape[3] == 1 else voxels[..., 1:2]), colour


def _between(volume: Volume) -> float | None:
    """Distance between slices in mm, where it is known."""
    return volume.spacing.between_slices if volume.spacing else None


def _begin(volume: Volume, beside: Executor) -> _Work:
    count = len(volume)
    prepared, colour = prepare(volume)
    return _Work(
        volume=volume,
        prepared=prepared,
        colour=colour,
        plain=beside.submit(gate.plain, prepared.images),
        differences=np.zeros(count),
        features=[None] * count,
        outlined={},
    )


def _chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _one_ahead(network: Network, batches: Iterable[np.ndarray]) -> Iterator[list[np.ndarray]]:
    """The network's outputs for each batch; while the caller has one, the network works on the next."""
    with ThreadPoolExecutor(1, "network") as thread:
        running: Future[list[np.ndarray]] | None = None
        for images in batches:
            following = thread.submit(network, images)
            if running is not None:
                yield running.result()
            running = following
        if running is not None:
            yield running.result()
