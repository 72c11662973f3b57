"""Who trains, who chooses, who judges: fixed once, kept as JSON beside this file.

LGG is split by patient, stratified by site. BRISC has no patient ids, and one head gives many
slices: pictures whose fine detail correlates above 0.7 (also slightly shifted) are joined into
groups, and groups are split, stratified by kind and plane.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse import csgraph

from ml.training.datasets import Case, DataFault

FOLDER = Path(__file__).parent / "splits"
PARTS = ("train", "validation", "test")

_FINE = 64
"""Pixels a side of the copies that are compared."""

SIMILAR = 0.7
"""Correlation of fine detail above which two pictures show the same head."""


def load(family: str) -> dict[str, list[str]]:
    """The committed split of a family: part -> names of cases."""
    parts: dict[str, list[str]] = json.loads((FOLDER / f"{family}.json").read_text())["parts"]
    seen: dict[str, str] = {}
    for part, names in parts.items():
        for name in names:
            if name in seen:
                raise DataFault(
                    f"{FOLDER / f'{family}.json'}: {name} is in both {seen[name]} and {part}; leave it in one."
                )
            seen[name] = part
    return parts


def part_of() -> dict[str, str]:
    """The part of each case that the committed splits know."""
    return {name: part for family in ("lgg", "brisc") for part, names in load(family).items() for name in names}


def choose(cases: Iterable[Case], part: str) -> list[Case]:
    """The cases that belong to a part of the committed splits, in the order given.

    Raises DataFault for a case that no split knows: it would be left out without a word.
    """
    if part not in PARTS:
        raise DataFault(f"{part!r} is no split; use one of {', '.join(PARTS)}.")
    cases = list(cases)
    refuse_unknown(cases)
    names = {family: set(load(family)[part]) for family in ("lgg", "brisc")}
    return [case for case in cases if case.name in names[case.family]]


def refuse_unknown(cases: Sequence[Case]) -> None:
    """Raises DataFault when a case is in no part of the committed splits."""
    known = part_of()
    unknown = [case for case in cases if case.name not in known]
    if unknown:
        first = unknown[0]
        raise DataFault(
            f"{first.images[0]}: {first.name} is in no split, as {len(unknown)} of {len(cases)} cases are; add them "
            f"to {FOLDER / f'{first.family}.json'} or remove them."
        )


def site_of(name: str) -> str | None:
    """The site code of an LGG patient (TCGA_SITE_NUMBER_DATE), or None."""
    parts = name.split("_")
    return parts[1] if len(parts) > 2 and parts[0] == "TCGA" else None


def folds(cases: Sequence[Case], by: str) -> dict[str, list[str]]:
    """Patients of `cases` by the fold that they are measured in.

    `by` "patient": the five committed folds; "site": a fold for each site code (leave-one-site-out).
    Raises DataFault for a patient that has no fold.
    """
    names = [case.name for case in cases if case.family == "lgg"]
    if by == "site":
        known = {name: site for name in names if (site := site_of(name))}
        mend = "the name tells no site code (TCGA_SITE_NUMBER_DATE); rename the folder or remove it."
    else:
        kept: dict[str, list[str]] = json.loads((FOLDER / "lgg_folds.json").read_text())["folds"]
        known = {name: fold for fold, members in kept.items() for name in members}
        mend = f"this patient has no fold; add it to {FOLDER / 'lgg_folds.json'} or remove it."
    result: dict[str, list[str]] = defaultdict(list)
    for name in names:
        if name not in known:
            raise DataFault(f"{name}: {mend}")
        result[known[name]].append(name)
    return dict(sorted(result.items()))


def fold_lgg(cases: Sequence[Case], *, count: int, seed: int) -> dict[str, list[str]]:
    """Deals patients to folds, site after site, so that sizes and each site's shares differ by one at most."""
    random = np.random.default_rng(seed)
    names = np.array(sorted(case.name for case in cases))
    shuffled = names[random.permutation(len(names))]
    # A stable sort keeps the shuffled order within a site.
    dealt = sorted(shuffled.tolist(), key=lambda name: site_of(name) or "")
    return {str(fold + 1): sorted(dealt[fold::count]) for fold in range(count)}


def split_lgg(cases: Sequence[Case], *, validation: int, test: int, seed: int) -> dict[str, list[str]]:
    """Splits patients so that each part holds each large site's share."""
    random = np.random.default_rng(seed)
    by_site: dict[str, list[str]] = defaultdict(list)
    for case in cases:
        by_site[site_of(case.name) or ""].append(case.name)
    order: list[tuple[float, str]] = []
    for names in by_site.values():
        # Spread every site evenly over 0..1; cutting the line anywhere keeps the shares.
        shuffled = [names[index] for index in random.permutation(len(names))]
        order += [((place + random.random()) / len(names), name) for place, name in enumerate(shuffled)]
    line = [name for _, name in sorted(order)]
    parts = {
        "validation": line[:validation],
        "test": line[validation : validation + test],
        "train": line[validation + test :],
    }
    return {part: sorted(parts[part]) for part in PARTS}


def group_brisc(cases: Sequence[Case]) -> np.ndarray:
    """Group number of each picture: int (pictures,), equal for pictures of one head.

    Joined within a kind and plane only: heads of different kinds cannot be the same head.
    """
    groups = np.zeros(len(cases), int)
    start = 0
    by_stratum: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, case in enumerate(cases):
        by_stratum[case.kind, case.plane].append(index)
    for members in by_stratum.values():
        pictures = np.stack([_fine_detail(cases[index]) for index in members])
        plain = _unit(pictures[:, 1:-1, 1:-1])
        alike = np.zeros((len(members),) * 2, bool)
        for down in range(3):
            for right in range(3):
                shifted = _unit(pictures[:, down : down + _FINE, right : right + _FINE])
                alike |= plain @ shifted.T > SIMILAR
        count, found = csgraph.connected_components(sparse.csr_matrix(alike), directed=False)
        groups[members] = found + start
        start += count
    return groups


def split_brisc(
    cases: Sequence[Case], groups: np.ndarray, *, validation: float, test: float, seed: int
) -> dict[str, list[str]]:
    """Splits groups; shares are of pictures, within each kind and plane."""
    random = np.random.default_rng(seed)
    by_stratum: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, case in enumerate(cases):
        by_stratum[case.kind, case.plane].append(index)
    parts: dict[str, list[str]] = {part: [] for part in PARTS}
    for members in by_stratum.values():
        wanted = {"validation": validation * len(members), "test": test * len(members)}
        for group in random.permutation(np.unique(groups[members])):
            names = [cases[index].name for index in members if groups[index] == group]
            part = next((part for part, room in wanted.items() if len(names) <= room), "train")
            if part != "train":
                wanted[part] -= len(names)
            parts[part] += names
    return {part: sorted(parts[part]) for part in PARTS}


def write(family: str, parts: dict[str, list[str]], how: str) -> None:
    """Writes a split file that `load` reads."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{family}.json").write_text(json.dumps({"how": how, "parts": parts}, indent=1) + "\n")


def _fine_detail(case: Case) -> np.ndarray:
    """float32 (66, 66): the picture without its coarse shades, a margin of one pixel for shifts."""
    from PIL import Image

    voxels, _ = case.read()
    side = _FINE + 2
    small = np.asarray(
        Image.fromarray(voxels[0].mean(axis=2).astype(np.float32)).resize((side, side), Image.Resampling.BOX)
    )
    return small - ndimage.gaussian_filter(small, 2.0)


def _unit(pictures: np.ndarray) -> np.ndarray:
    """Each picture as a row of mean 0 and length 1, so that a product is a correlation."""
    flat = pictures.reshape(len(pictures), -1).astype(np.float32)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
