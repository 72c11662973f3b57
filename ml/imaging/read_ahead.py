"""Reading the next scans while the networks look at the last ones, in bounded memory."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ml.imaging.errors import ImagingError
from ml.imaging.volume import Volume

WAITING_BYTES = 256 * 1024 * 1024
UNREADABLE = "The input could not be read. Export it again."

Read = Volume | ImagingError


def read_ahead(
    inputs: Sequence[Path], read: Callable[[Path], Volume], *, waiting_bytes: int = WAITING_BYTES
) -> Iterator[tuple[int, Read]]:
    """Read inputs one after the other in a thread of its own.

    Args:
        inputs: what to read.
        read: turns one input into a Volume.
        waiting_bytes: the thread rests while this much is read and not yet taken.

    Yields:
        The input's index and its Volume, or why it could not be read; in the order given.
    """
    ready: queue.Queue[tuple[int, Read]] = queue.Queue()
    room = threading.Condition()
    waiting = 0
    stopped = False

    def may_go_on() -> bool:
        return stopped or waiting < waiting_bytes

    def work() -> None:
        nonlocal waiting
        for index, path in enumerate(inputs):
            with room:
                room.wait_for(may_go_on)
                if stopped:
                    return
            result = _result(path, read)
            with room:
                waiting += _bytes(result)
            ready.put((index, result))

    thread = threading.Thread(target=work, name="read-ahead", daemon=True)
    thread.start()
    try:
        for _ in inputs:
            index, result = ready.get()
            with room:
                waiting -= _bytes(result)
                room.notify()
            yield index, result
    finally:
        with room:
            stopped = True
            room.notify()
        thread.join()


def _result(path: Path, read: Callable[[Path], Volume]) -> Read:
    try:
        return read(path)
    except ImagingError as error:
        return error
    except MemoryError:
        return ImagingError("The input needs more memory than there is. Export it smaller.")
    except Exception:  # noqa: BLE001 - one input among thousands must not stop the others
        return ImagingError(UNREADABLE)


def _bytes(result: Read) -> int:
    return result.voxels.nbytes if isinstance(result, Volume) else 0
