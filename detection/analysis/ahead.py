"""Drawing, while the networks compute, what does not depend on what they find: slices, thumbnails, voxels."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from detection import storage
from detection.analysis import pictures, voxels
from ml.imaging.volume import Volume


class NoLongerWanted(Exception):
    """The drawing was stopped."""


@dataclass(frozen=True)
class Drawn:
    """A volume whose slices lie in storage as pictures, under an analysis' id.

    Attributes
    ----------
    shown : ndarray
        As `pictures.display` gives it: what is on those pictures.
    packed : voxels.Packed
        Not stored yet.
    """

    shown: np.ndarray
    packed: voxels.Packed


def draw(
    analysis_id: UUID, volume: Volume, *, refused: bool = False, stopped: Callable[[], bool] = lambda: False
) -> Drawn:
    """Draw and store a volume's slices. Safe to repeat; they are shown only once the analysis' row has ended.

    Raises
    ------
    NoLongerWanted
        Once `stopped` says so.
    """
    if stopped():
        raise NoLongerWanted
    shown = pictures.display(volume, refused=refused)
    for name, content in pictures.of_slices(shown):
        if stopped():
            raise NoLongerWanted
        storage.write_derived(analysis_id, name, content)
    return Drawn(shown, voxels.pack(volume, refused=refused))


class Ahead:
    """Draws for some analyses in a thread of its own, from entering it; leaving it stops the thread.

    Parameters
    ----------
    jobs : sequence of (UUID, Volume)
        Analyses with their pixels, in order.
    """

    def __init__(self, jobs: Sequence[tuple[UUID, Volume]]) -> None:
        self._jobs = jobs
        self._drawn: dict[UUID, Future[Drawn]] = {analysis_id: Future() for analysis_id, _ in jobs}
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._work, name="ahead", daemon=True)

    def __enter__(self) -> Ahead:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        self._thread.join()

    def of(self, analysis_id: UUID) -> Drawn:
        """What was drawn for one of them; waits for it, and raises what drawing it raised."""
        return self._drawn[analysis_id].result()

    def _work(self) -> None:
        for analysis_id, volume in self._jobs:
            try:
                self._drawn[analysis_id].set_result(draw(analysis_id, volume, stopped=self._left.is_set))
            except Exception as error:  # noqa: BLE001 - whoever asks for the pictures is told
                self._drawn[analysis_id].set_exception(error)
