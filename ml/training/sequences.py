"""Which sequence a picture of BRISC shows.

The set calls all of them contrast T1. Its tumour-free ones come from many scanners, and among them are FLAIR, T2, T1
without contrast and heads by CT (`ct_heads`); most are named with care here, by looking at each: FLAIR where
cerebrospinal fluid is dark and cortex no darker than white matter. Whoever learns FLAIR from T1 must not take a picture for
what it is called. Many of the FLAIR ones are copies of each other, turned or shifted.
"""

from __future__ import annotations

from typing import Literal

from ml.training.ct_heads import is_ct, number_of
from ml.training.datasets import Case

Shown = Literal["flair", "t1"]
"""What can be told: T1 may be with contrast or without."""

_FLAIR = frozenset((
    2546, 2547, 2553, 2556, 2557, 2562, 2567, 2569, 2573, 2574, 2575, 2578, 2579, 2580, 2581, 2583, 2584, 2585, 2587,
    2588, 2591, 2596, 2600, 2602, 2603, 2606, 2607, 2608, 2610, 2611, 2612, 2613, 2615, 2619, 2620, 2622, 2625, 2629,
    2631, 2638, 2639, 2642, 2646, 2647, 2648, 2654, 2656, 2657, 2665, 2667, 2668, 2669, 2674, 2675, 2677, 2678, 2679,
    2686, 2697, 2703, 2704, 2705, 2708, 2709, 2710, 2715, 2716, 2719, 2722, 2724, 2727, 2729, 2735, 2739, 2741, 2742,
    2749, 2751, 2752, 2754, 2759, 2765, 2772, 2786, 2789, 2799, 2804, 2808, 2815, 2820, 2823, 2824, 2826,
))  # fmt: skip
_T1 = range(2831, 3457)
"""Numbers of tumour-free pictures that are all T1, looked at together: volumes of a few heads, cut in three planes."""


def sequence_of(case: Case) -> Shown | None:
    """What a picture shows; None where it was not looked at, or shows something else, or is LGG's composite."""
    if case.family != "brisc" or is_ct(case):
        return None
    if case.kind != "no":
        return "t1"
    number = number_of(case)
    if number in _FLAIR:
        return "flair"
    return "t1" if number in _T1 else None


def teaches_flair(case: Case) -> bool:
    """Whether a case teaches what is outlined in FLAIR: LGG, and BRISC's FLAIR, which holds no tumour, though often other lesions."""
    return case.family == "lgg" or sequence_of(case) == "flair"
