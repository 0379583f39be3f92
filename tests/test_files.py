"""Files that are written at once: their modes, links, and what is left where writing fails."""

import os

import pytest

from edgeecg._files import write_atomically


@pytest.fixture(params=[0o022, 0o077], ids=["umask 022", "umask 077"])
def mask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path) -> int:
    return path.stat().st_mode & 0o7777


def test_a_new_file_has_the_mode_of_the_umask(tmp_path, mask):
    write_atomically(tmp_path / "new", b"1")
    assert mode(tmp_path / "new") == 0o666 & ~mask


@pytest.mark.parametrize("kept", [0o600, 0o640, 0o664])
def test_a_file_that_is_replaced_keeps_its_mode(tmp_path, mask, kept):
    (tmp_path / "old").write_bytes(b"0")
    (tmp_path / "old").chmod(kept)
    write_atomically(tmp_path / "old", b"1")
    assert (tmp_path / "old").read_bytes() == b"1" and mode(tmp_path / "old") == kept


@pytest.mark.parametrize("exists", [False, True])
def test_behind_a_link_its_target_is_written(tmp_path, exists):
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "target", tmp_path / "link"
    link.symlink_to("folder/target")
    if exists:
        target.write_bytes(b"0")
    write_atomically(link, b"1")
    assert link.is_symlink() and target.read_bytes() == b"1"


def test_a_name_that_is_not_utf_8(tmp_path):
    name = os.fsencode(tmp_path) + b"/caf\xe9"
    write_atomically(os.fsdecode(name), b"1")
    with open(name, "rb") as file:
        assert file.read() == b"1"


def test_what_was_there_stays_where_writing_fails(tmp_path, monkeypatch):
    (tmp_path / "old").write_bytes(b"0")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(tmp_path / "old", b"1")
    assert [path.name for path in tmp_path.iterdir()] == ["old"] and (tmp_path / "old").read_bytes() == b"0"
