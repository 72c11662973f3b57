"""A hard kill in mid-upload leaves bytes that no row knows of; the next start removes them."""

from __future__ import annotations

from detection.operations import incoming


def test_half_arrived_uploads_are_removed_and_nothing_else(tmp_path):
    (tmp_path / "upload-k2v9").write_bytes(b"half a picture")
    (tmp_path / "notes.txt").write_text("an administrator's")
    (tmp_path / "upload-w7aa").mkdir()
    (tmp_path / "upload-w7aa" / "in-0-00001").write_bytes(b"half an examination")
    (tmp_path / "folder").mkdir()
    assert incoming.clear(tmp_path) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "notes.txt"]


def test_a_clean_folder_stays_as_it_is(tmp_path):
    assert incoming.clear(tmp_path) == 0
