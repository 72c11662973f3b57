"""Three series that lie on each other become one Volume of three channels: pre-contrast, FLAIR, post-contrast.

The networks were trained on such volumes (the LGG collection); where a sequence is missing, FLAIR stands in its place,
as it does there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ml.imaging.errors import ImagingError
from ml.imaging.sequence_check import mixed_up
from ml.imaging.volume import DTYPES, Volume

PRE, FLAIR, POST = range(3)
DO_NOT_FIT = "The series that belong together differ in size or position. They were read one by one instead."
FLAIR_FOR_PRE = "No T1 before contrast was at hand: FLAIR stands in its place."
FLAIR_FOR_POST = "No T1 after contrast was at hand: FLAIR stands in its place."

Read = Callable[[], Volume]


def fuse(pre: Read | None, flair: Read, post: Read | None) -> Volume:
    """Read up to three series one after the other into one volume.

    Args:
        pre, flair, post: each reads its series when called, so that one at a time is in memory beside the result.

    Returns:
        Voxels (slices, rows, columns, 3) in the smallest dtype that holds all; place, spacing and sources are FLAIR's.
        A note says so where the three look as if they had been mixed up.

    Raises:
        ImagingError: if a series cannot be read or does not lie on FLAIR.
    """
    base = flair()
    if base.channels != 1:
        raise ImagingError(DO_NOT_FIT)
    shape = base.voxels.shape[:3]
    stacked = np.empty((*shape, 3), base.voxels.dtype)
    stacked[..., FLAIR] = base.voxels[..., 0]
    about = replace(
        base, voxels=base.voxels[:1, :1, :1], sources=base.sources[:1], placement=None, sequence=None, notes=()
    )
    sources, placement, notes = base.sources, base.placement, list(base.notes)
    del base
    for channel, read, missing in ((PRE, pre, FLAIR_FOR_PRE), (POST, post, FLAIR_FOR_POST)):
        if read is None:
            stacked[..., channel] = stacked[..., FLAIR]
            notes.append(missing)
            continue
        other = read()
        if other.voxels.shape != (*shape, 1) or _place(other) != _place(about):
            raise ImagingError(DO_NOT_FIT)
        stacked = stacked.astype(_holding(stacked.dtype, other.voxels.dtype), copy=False)
        stacked[..., channel] = other.voxels[..., 0]
        notes += [note for note in other.notes if note not in notes]
    fused = replace(about, voxels=stacked, kind="series", sources=sources, placement=placement, notes=tuple(notes))
    doubt = mixed_up(fused) if pre is not None and post is not None else None
    return fused if doubt is None else replace(fused, notes=(*fused.notes, doubt))


def _place(volume: Volume) -> tuple[object, ...]:
    return volume.orientation, volume.stored_orientation


def _holding(one: np.dtype, other: np.dtype) -> np.dtype:
    both = np.result_type(one, other)
    return next((dtype for dtype in DTYPES if np.can_cast(both, dtype)), np.dtype(np.float32))
