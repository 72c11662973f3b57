"""The decoder: hostile files are opened in a process of its own, which takes only itself along."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from detection.analysis.decoder import Decoder, DecoderStopped
from ml.imaging.errors import ImagingError
from tests.analysis.arrivals import picture


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    with Decoder(seconds=20) as one:
        yield one


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "b7e1"
    path.write_bytes(picture(100, rows=40, columns=64))
    return path


def child_of(decoder: Decoder) -> int:
    assert decoder._child is not None
    return decoder._child.pid


def test_what_comes_back_is_the_volume(decoder: Decoder, scan: Path) -> None:
    volume = decoder.read([scan], names=["head.png"], as_series=False)
    assert (volume.voxels.shape, str(volume.voxels.dtype)) == ((1, 40, 64, 1), "uint8")
    assert (volume.kind, volume.sources, volume.spacing, volume.orientation) == ("image", ("head.png",), None, None)
    assert volume.voxels.max() == 100
    assert not volume.voxels.flags.writeable


def test_slices_follow_their_owners_names(decoder: Decoder, tmp_path: Path) -> None:
    paths = []
    for level in (10, 20, 30):
        paths.append(tmp_path / f"stored-{99 - level}")
        paths[-1].write_bytes(picture(level))
    volume = decoder.read(paths, names=["s_10.png", "s_2.png", "s_1.png"], as_series=True)
    assert volume.voxels.max(axis=(1, 2, 3)).tolist() == [30, 20, 10]


def test_a_damaged_file_is_a_sentence_and_the_child_goes_on(decoder: Decoder, scan: Path) -> None:
    whole = scan.read_bytes()
    pid = child_of(decoder)
    scan.write_bytes(whole[:90])
    with pytest.raises(ImagingError, match="damaged"):
        decoder.read([scan], names=["head.png"], as_series=False)
    scan.write_bytes(whole)
    assert len(decoder.read([scan], names=["head.png"], as_series=False)) == 1
    assert child_of(decoder) == pid


def test_a_child_that_was_killed_is_replaced(decoder: Decoder, scan: Path) -> None:
    os.kill(child_of(decoder), signal.SIGKILL)
    with contextlib.suppress(DecoderStopped):  # where it died with the question in its pipe
        decoder.read([scan], names=["head.png"], as_series=False)
    assert len(decoder.read([scan], names=["head.png"], as_series=False)) == 1


def test_a_child_that_hangs_is_ended(scan: Path) -> None:
    with Decoder(seconds=0.5) as decoder:
        pid = child_of(decoder)
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(DecoderStopped):
            decoder.read([scan], names=["head.png"], as_series=False)
        assert not Path(f"/proc/{pid}").exists()


def test_its_memory_is_limited(scan: Path, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(picture(100, rows=6000, columns=6000))
    with Decoder(seconds=20, memory_bytes=400 << 20) as decoder, pytest.raises((ImagingError, DecoderStopped)):
        decoder.read([large] * 12, names=[f"{n}.png" for n in range(12)], as_series=True)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks into /proc")
def test_it_knows_no_secrets(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = Path(f"/proc/{child_of(decoder)}/environ").read_bytes()
    names = {part.split(b"=")[0] for part in environment.split(b"\0") if part}
    assert names <= {b"LANG", b"OPENBLAS_NUM_THREADS", b"OMP_NUM_THREADS", b"LD_LIBRARY_PATH", b"TMPDIR"}
