"""Files and folders are whole or not at all, and an error leaves nothing beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fancgan.errors import UserError
from fancgan.files import protect_inputs, whole_file, whole_folder, write_whole
from tests.support.full_disk import FULL, full_disk


def test_a_file_is_written_into_a_new_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.bin"
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("advice", ["", "; free some space"])
def test_a_full_disk_is_one_sentence_and_leaves_the_old_file(tmp_path: Path, advice: str) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with full_disk(4), pytest.raises(UserError) as caught:
        write_whole(path, b"longer", advice=advice)
    assert str(caught.value) == f"{path} cannot be written: {FULL}{advice}."
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_whatever_ends_a_block_leaves_nothing_behind(tmp_path: Path, error: type) -> None:
    with pytest.raises(error), whole_file(tmp_path / "a.bin") as part:
        part.write_bytes(b"half")
        raise error
    with pytest.raises(error), whole_folder(tmp_path / "set") as part:
        (part / "a.bin").write_bytes(b"half")
        raise error
    assert not list(tmp_path.iterdir())


def test_a_folder_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    for name in ("one", "two"):
        with whole_folder(tmp_path / "set") as part:
            (part / name).touch()
            assert not (tmp_path / "set" / name).exists()
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["two"]
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_what_a_killed_process_left_is_no_part_of_the_next(tmp_path: Path) -> None:
    left = tmp_path / ".set.part"
    left.mkdir()
    (left / "half").touch()
    (tmp_path / ".a.bin.part").write_bytes(b"longer than what follows")
    with whole_folder(tmp_path / "set") as part:
        assert not list(part.iterdir())
    write_whole(tmp_path / "a.bin", b"short")
    assert (tmp_path / "a.bin").read_bytes() == b"short"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.bin", "set"]


def test_an_input_is_never_an_output(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not overwritten"):
        protect_inputs([tmp_path / "x" / ".." / "a.tif"], [tmp_path / "a.tif"])
    protect_inputs([tmp_path / "b.tif"], [tmp_path / "a.tif"])
