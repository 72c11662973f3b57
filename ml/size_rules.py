"""By which numbers a lesion's size is judged. No imports: pages read them too, and the web process holds no pixels."""

from __future__ import annotations

LESION_SHARE = 0.1
"""A lesion that is at least this part of everything outlined takes the whole outline's interval. Nothing is
known about smaller ones: of validation's outlines below it most touch no true lesion at all (docs/experiments.md)."""

MEASURABLE_MM, THICK_MM = 10.0, 5.0
"""RANO: both diameters of a measurable lesion are at least this long; from which distance of slices on it is more."""


def measurable_from_mm(between_slices: float) -> float:
    """The least diameter of a measurable lesion, in whole tenths of a millimetre as pages show it.

    Where slices are thicker than 5 mm it is twice their thickness, gaps counted (Wen et al., J Clin Oncol 2010;28:1963,
    and the versions since).
    """
    return MEASURABLE_MM if between_slices <= THICK_MM else round(2 * between_slices, 1)
