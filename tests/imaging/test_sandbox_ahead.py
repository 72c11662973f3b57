"""The sandbox's process that is started before the files have come: one upload each, and it leaves nothing behind."""

from __future__ import annotations

import io
import time

import pytest
from PIL import Image

from ml.imaging import sandbox
from ml.imaging.errors import UploadRefused
from ml.imaging.limits import Limits


@pytest.fixture(autouse=True)
def nobody_waits():
    """Each test begins and ends without a process that waits."""
    while sandbox._waiting:
        child = sandbox._waiting.pop()
        child.kill()
        child.communicate()
    yield
    for child in sandbox._waiting:
        child.kill()
        child.communicate()
    sandbox._waiting.clear()


@pytest.fixture
def picture(tmp_path):
    target = io.BytesIO()
    Image.new("L", (40, 36), 9).save(target, "PNG")
    path = tmp_path / "slice"
    path.write_bytes(target.getvalue())
    return path


def waiting():
    (child,) = sandbox._waiting
    return child


def test_asking_twice_starts_one_process():
    sandbox.get_ready()
    first = waiting()
    sandbox.get_ready()
    assert waiting() is first


def test_the_process_that_waits_answers_one_upload_and_ends(picture):
    sandbox.get_ready()
    child = waiting()
    assert sandbox.inspect([picture])[0].columns == 40
    assert child.returncode == 0
    assert not sandbox._waiting


def test_its_limits_hold_as_in_a_fresh_one(picture):
    sandbox.get_ready()
    with pytest.raises(UploadRefused):
        sandbox.inspect([picture], Limits(memory_bytes=16 << 20))


def test_one_that_died_while_it_waited_is_replaced(picture):
    sandbox.get_ready()
    child = waiting()
    child.kill()
    while child.poll() is None:
        time.sleep(0.01)
    assert sandbox.inspect([picture])[0].rows == 36
    sandbox.get_ready()
    assert waiting() is not child


def test_without_anybody_to_ask_it_ends():
    sandbox.get_ready()
    child = waiting()
    child.stdin.close()
    assert child.wait(timeout=60) is not None
    child.stdout.close()
    sandbox._waiting.clear()
