"""Pictures of BRISC that are heads by CT, though the set calls them contrast T1 without a tumour.

Found by their white, thick skulls round an even grey (median of a rim of the head against the median of its core) in
the parts "train" and "validation", each then looked at. They are no MRI, so the gate may not learn to let them pass; among
its held-out brains they were of those it scored lowest, and held the threshold down. The test part was not searched.
"""

from __future__ import annotations

from ml.training.datasets import Case

_NUMBERS = frozenset((
    1252, 2545, 2560, 2568, 2570, 2571, 2592, 2628, 2640, 2643, 2651, 2652, 2660, 2662, 2670, 2673, 2683, 2691, 2692,
    2702, 2711, 2717, 2731, 2732, 2733, 2740, 2744, 2753, 2756, 2758, 2769, 2773, 2776, 2780, 2782, 2787, 2788, 2800,
    2802, 2807, 2812, 2817, 2828,
))  # fmt: skip
_PART = "brisc2025_train_"
"""What the names of the published training part begin with; another part numbers its pictures anew."""


def is_ct(case: Case) -> bool:
    """Whether a case is one of these pictures."""
    return number_of(case) in _NUMBERS


def number_of(case: Case) -> int | None:
    """The number of a picture of BRISC's training part, None for any other case."""
    if case.family != "brisc" or not case.name.startswith(_PART):
        return None
    return int(case.name.removeprefix(_PART).partition("_")[0])
