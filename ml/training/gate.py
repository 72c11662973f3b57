"""Fits the gate on what the classifier's convolutions answer to brains and to everything else."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from scipy import ndimage
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from ml import preprocess
from ml.training import cache, not_brain, spoil
from ml.training.ct_heads import is_ct
from ml.training.datasets import DataFault
from ml.training.sequences import Shown, sequence_of

Features = Callable[[np.ndarray], np.ndarray]
"""Prepared uint8 (n, 256, 256, 3) to float32 (n, features)."""


_STRIPPED, _RIM = 0.15, (1 / 24, 1 / 9)
_END, _END_IN_GREY = 0.15, 0.75
"""How much of a series is its end on either side, and the share of ends that come as one channel."""
_FLAIR = 1
"""Channel of FLAIR in a composite."""
_ALONE = 0.7
_SAME = 4.0
"""Mean difference of grey values, of 255, up to which a channel is FLAIR standing in for another sequence."""


def read_pictures(folder: Path) -> dict[str, list[np.ndarray]]:
    """Pictures of a folder by kind (the name without its number), each uint8 (rows, columns, 1 or 3)."""
    kinds: dict[str, list[np.ndarray]] = defaultdict(list)
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in {".png", ".webp", ".jpg", ".jpeg"}:
            continue
        try:
            with Image.open(path) as picture:
                pixels = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
        except OSError as error:
            raise DataFault(f"{path}: cannot be read as a picture ({error}); replace or remove it.") from error
        kinds[path.stem.rstrip("0123456789_")].append(pixels)
    return dict(kinds)


def prepare_all(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Each picture as if it had been uploaded alone: uint8 (n, 256, 256, 3)."""
    return np.concatenate([preprocess.prepare(picture[None]).images for picture in pictures])


def vary(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A picture as another person might have exported it: turned, mirrored, cropped, lighter, padded, grey."""
    if random.random() < 0.5:
        picture = picture[:, ::-1]
    if random.random() < 0.25:
        picture = np.rot90(picture, int(random.integers(1, 4)))
    rows, columns = picture.shape[:2]
    top, left = int(random.uniform(0, 0.15) * rows), int(random.uniform(0, 0.15) * columns)
    bottom, right = rows - int(random.uniform(0, 0.15) * rows), columns - int(random.uniform(0, 0.15) * columns)
    picture = picture[top:bottom, left:right]
    level = np.clip(picture / 255.0, 0, 1) ** float(np.exp(random.uniform(-0.5, 0.5)))
    if random.random() < 0.3:
        level = level + random.normal(0, 0.03, level.shape[:2])[..., None]
    if random.random() < 0.4:
        level = np.repeat(level.mean(2, keepdims=True), level.shape[2], 2)
    picture = (np.clip(level, 0, 1) * 255).astype(np.uint8)
    if random.random() < 0.3:
        edge = int(random.integers(5, 60))
        picture = np.pad(picture, ((edge, edge), (edge, edge), (0, 0)), constant_values=int(random.choice([0, 0, 255])))
    return picture


def recontrast(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The same body as another machine might show it: uint8 (rows, columns, 3), grey.

    Shades go through a random curve between quantiles of what is not air, so that no gate learns a kind by
    its shades alone; some come larger in the picture or unevenly bright.
    """
    rows, columns = picture.shape[:2]
    keep = random.uniform(0.55, 1.0) if random.random() < 0.5 else 1.0
    top, left = int(random.uniform(0, 1 - keep) * rows), int(random.uniform(0, 1 - keep) * columns)
    part = picture[top : top + int(keep * rows), left : left + int(keep * columns)]
    level = ndimage.gaussian_filter(part.mean(2) / 255, random.uniform(0.3, 1.2))
    body = level[level > 0.06]
    if body.size < 100:
        return picture
    count = int(random.integers(4, 8))
    shades = np.concatenate([[0.0, random.uniform(0, 0.05)], random.uniform(0, 1, count)])
    knots = np.concatenate([[0.0, 0.05], np.maximum(np.quantile(body, np.linspace(0.02, 1, count)), 0.06)])
    level = np.interp(level, knots, shades)
    if random.random() < 0.5:
        field = ndimage.zoom(random.uniform(0.5, 1.3, (3, 3)), np.array(level.shape) / 3, order=1)
        level = level * field[: level.shape[0], : level.shape[1]]
    level = level + random.normal(0, random.uniform(0, 0.04), level.shape) * (level > 0.02)
    return np.repeat((np.clip(level, 0, 1) * 255).astype(np.uint8)[..., None], 3, axis=2)


def brains(
    slices: cache.Slices, family: str, count: int, random: np.random.Generator, *, grey: float = 0.5
) -> np.ndarray:
    """Random prepared slices of a family, in the ways that they may arrive; uint8 (n, 256, 256, 3).

    LGG slices come as composite or, `grey` of them, as one grey channel, most as a picture alone; some are stripped of their skulls, most varied as a picture.
    Heads by CT among them are left out.
    """
    wanted = [case.family == family and not is_ct(case) for case in slices.cases]
    places = np.flatnonzero(np.asarray(wanted)[slices.case])
    pictures = []
    for place in random.choice(places, count, replace=count > len(places)):
        picture = np.asarray(slices.images[place])
        if family == "lgg" and random.random() < grey:
            picture = _in_grey(picture, random)
        if family == "lgg" and random.random() < _ALONE:
            # The ends of a series look otherwise when they come alone: scaled by themselves, and filling the picture.
            picture = preprocess.prepare(picture[None]).images[0]
        pictures.append(_arrived(picture, random))
    return np.stack(pictures)


def _in_grey(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """One channel of a composite in all three, FLAIR twice as often as each other."""
    channel = int(random.choice([0, 1, 1, 2]))
    return np.repeat(picture[..., channel : channel + 1], 3, 2)


def ends(slices: cache.Slices, count: int, random: np.random.Generator) -> np.ndarray:
    """Random first and last slices of LGG series as pictures that come alone; uint8 (n, 256, 256, 3).

    They hold little brain and were nearly all of the brain slices that were refused. Most come as one grey channel;
    blank ones are left out: they are told as blank.
    """
    wanted = np.flatnonzero(_at_an_end(slices) & np.array([case.family == "lgg" for case in slices.cases])[slices.case])
    pictures: list[np.ndarray] = []
    for place in random.permutation(np.resize(wanted, 2 * count)):
        picture = np.asarray(slices.images[place])
        if random.random() < _END_IN_GREY:
            picture = _in_grey(picture, random)
        picture = preprocess.prepare(picture[None]).images[0]
        if np.ptp(picture):
            pictures.append(_arrived(picture, random))
        if len(pictures) == count:
            break
    return np.stack(pictures)


def _at_an_end(slices: cache.Slices) -> np.ndarray:
    """Whether each slice is among the first or last of its series: bool (n,)."""
    first = np.searchsorted(slices.case, slices.case, "left")
    last = np.searchsorted(slices.case, slices.case, "right") - 1
    place = (np.arange(len(slices.case)) - first) / np.maximum(last - first, 1)
    return (place < _END) | (place > 1 - _END)


def one_sequence(slices: cache.Slices, channel: int, count: int, random: np.random.Generator) -> np.ndarray:
    """Random grey slices of one channel of LGG composites, as they may arrive; uint8 (n, 256, 256, 3).

    Most are prepared as a picture that comes alone, the others with their series. Slices where FLAIR stands in for
    the channel are left out; fewer than `count` come where there are fewer.
    """
    composites = np.flatnonzero([slices.cases[case].family == "lgg" for case in slices.case])
    own = [place for place in composites if channel == _FLAIR or _differs(slices.images[place], channel)]
    pictures = []
    for place in random.choice(own, min(count, len(own)), replace=False):
        picture = np.repeat(np.asarray(slices.images[place])[..., channel : channel + 1], 3, 2)
        if random.random() < _ALONE:
            picture = preprocess.prepare(picture[None]).images[0]
        pictures.append(_arrived(picture, random))
    return np.stack(pictures)


def named(slices: cache.Slices, sequence: Shown, count: int, random: np.random.Generator) -> np.ndarray:
    """BRISC's pictures of a sequence in random order, as they may arrive; uint8 (`count`, 256, 256, 3).

    Each comes as often as every other; none comes where there is none.
    """
    shows = np.array([sequence_of(case) == sequence for case in slices.cases])
    places = np.flatnonzero(shows[slices.case])
    if not len(places):
        return np.zeros((0, *slices.images.shape[1:]), np.uint8)
    turns = -(-count // len(places))
    order = np.concatenate([random.permutation(places) for _ in range(turns)])[:count]
    return np.stack([_arrived(np.asarray(slices.images[place]), random) for place in order])


def _differs(picture: np.ndarray, channel: int) -> bool:
    part = picture[::4, ::4].astype(np.int16)
    return float(np.abs(part[..., channel] - part[..., _FLAIR]).mean()) > _SAME


def _arrived(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A prepared picture that may have lost its skull and may have been exported by another person."""
    if random.random() < _STRIPPED:
        picture = picture * spoil.without_rim(picture[None], random.uniform(*_RIM))[0, ..., None]
    if random.random() < 0.6:
        picture = preprocess.prepare(vary(picture, random)[None]).images[0]
    return picture


def others(pictures: Sequence[np.ndarray], copies: int, random: np.random.Generator, *, shades: bool) -> np.ndarray:
    """Pictures and varied copies of each, prepared: uint8 (n, 256, 256, 3). `shades`: half of the copies in others."""
    varied = [
        vary(recontrast(picture, random) if shades and copy % 2 else picture, random)
        for picture in pictures
        for copy in range(copies)
    ]
    return prepare_all([*pictures, *varied])


def generated(count: int, random: np.random.Generator) -> np.ndarray:
    """Pictures of `not_brain`, prepared: uint8 (n, 256, 256, 3)."""
    return prepare_all([not_brain.generate(random) for _ in range(count)])


def fit(
    yes: np.ndarray, no: np.ndarray, *, units: int = 32, decay: float = 1.0, seed: int = 5
) -> dict[str, np.ndarray]:
    """Fits a judge between two sets of features, each weighing half; gives `ml.gate.Judge`'s arrays."""
    random = np.random.default_rng(seed)
    # scikit-learn's network takes no weights: the smaller set is repeated instead.
    larger = max(len(yes), len(no))
    parts = [part[random.permutation(np.resize(np.arange(len(part)), larger))] for part in (yes, no)]
    features = np.concatenate(parts).astype(np.float64)
    truth = np.repeat([1, 0], larger)
    scaler = StandardScaler().fit(features)
    spread = np.maximum(scaler.scale_, 1e-3)
    standard = np.clip((features - scaler.mean_) / spread, -5, 5)
    model = MLPClassifier((units,), alpha=decay, batch_size=256, max_iter=30, random_state=seed, early_stopping=False)
    with warnings.catch_warnings():
        # Thirty rounds are chosen; that it could go on is no news.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(standard, truth)
    return {
        "mean": scaler.mean_,
        "spread": spread,
        "hidden": model.coefs_[0],
        "hidden_bias": model.intercepts_[0],
        "out": model.coefs_[1][:, 0],
        "out_bias": model.intercepts_[1][0],
    }
