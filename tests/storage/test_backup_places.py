"""The folder and the bucket as places for backups: what is durable, and who is kept out."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from pds.storage.backup_places import BackupFolder, PlaceInUseError


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "source"
    file.write_bytes(b"content")
    return file


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was synced, by name, in order."""
    names: list[str] = []
    sync = os.fsync

    def note(handle: int) -> None:
        names.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        sync(handle)

    monkeypatch.setattr(os, "fsync", note)
    return names


def test_new_folder_is_durable_before_what_is_in_it(
    tmp_path: Path, source: Path, synced: list[str]
) -> None:
    place = BackupFolder(tmp_path / "disk" / "hearth")
    place.put("snapshots/a/manifest.json", source)

    # Each new folder in the one above it, then the file, then its name.
    assert synced == [tmp_path.name, "disk", "hearth", "snapshots", ".incoming", "a"]


def test_second_file_syncs_itself_and_its_name(
    tmp_path: Path, source: Path, synced: list[str]
) -> None:
    place = BackupFolder(tmp_path / "hearth")
    place.put("blobs/aa/one", source)
    synced.clear()
    place.put("blobs/aa/two", source)

    assert synced == [".incoming", "aa"]


def test_folder_that_may_not_be_read_above_it_is_no_obstacle(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(directory: Path) -> None:
        if directory == tmp_path:
            raise PermissionError(13, "Permission denied", str(directory))

    monkeypatch.setattr("pds.storage.backup_places.sync_directory", refuse)
    BackupFolder(tmp_path / "hearth").put("a", source)

    assert (tmp_path / "hearth" / "a").read_bytes() == b"content"


@pytest.mark.parametrize("comes_back", [True, False])
def test_disk_that_is_taken_away_meanwhile_is_not_made_anew_below(
    tmp_path: Path, source: Path, *, comes_back: bool
) -> None:
    place = BackupFolder(tmp_path / "hearth")
    place.put("a", source)
    (tmp_path / "hearth").rename(tmp_path / "unmounted")
    if comes_back:
        (tmp_path / "hearth").mkdir()

    with pytest.raises(OSError, match="taken away"):
        place.put("b", source)
    assert not (tmp_path / "hearth" / "b").exists()


def test_full_disk_is_told_with_the_place(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    place = BackupFolder(tmp_path / "hearth")
    monkeypatch.setattr(shutil, "copyfileobj", fail)
    with pytest.raises(OSError, match="No space left") as told:
        place.put("a", source)

    assert told.value.filename == str(tmp_path / "hearth")
    assert list((tmp_path / "hearth").iterdir()) == []


def test_readers_share_and_a_writer_is_alone(tmp_path: Path) -> None:
    (tmp_path / "hearth").mkdir()
    one, other = BackupFolder(tmp_path / "hearth"), BackupFolder(tmp_path / "hearth")

    with one.hold(alone=False), other.hold(alone=False):
        pass
    with one.hold(alone=True), pytest.raises(PlaceInUseError), other.hold(alone=False):
        pass
    with one.hold(alone=False), pytest.raises(PlaceInUseError), other.hold(alone=True):
        pass
    with other.hold(alone=True):  # given back
        pass


def test_link_in_the_place_is_replaced_and_not_followed_when_written(
    tmp_path: Path, source: Path
) -> None:
    place = BackupFolder(tmp_path / "hearth")
    place.make()
    precious = tmp_path / "precious"
    precious.write_text("mine")
    for name in ("a", ".incoming"):
        (tmp_path / "hearth" / name).symlink_to(precious)

    place.put("a", source)

    assert precious.read_text() == "mine"
    assert (tmp_path / "hearth" / "a").read_bytes() == b"content"


def test_listing_passes_over_what_is_no_file_of_the_place(tmp_path: Path, source: Path) -> None:
    place = BackupFolder(tmp_path / "hearth")
    for key in ("a", "blobs/aa/one", "blobs/bb/two"):
        place.put(key, source)
    (tmp_path / "hearth" / ".incoming").write_text("half a file")
    (tmp_path / "hearth" / "elsewhere").symlink_to(tmp_path)

    assert sorted(place.list("")) == ["a", "blobs/aa/one", "blobs/bb/two"]
    assert sorted(place.list("blobs/")) == ["blobs/aa/one", "blobs/bb/two"]
    assert list(place.list("nothing/")) == []


@pytest.mark.parametrize(("name", "is_told"), [("blobs", True), ("lost+found", False)])
def test_folder_that_cannot_be_listed_is_not_taken_for_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, *, is_told: bool
) -> None:
    (tmp_path / "hearth" / name).mkdir(parents=True)
    scan = os.scandir

    def refuse(path: str) -> object:
        if Path(path).name == name:
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    place = BackupFolder(tmp_path / "hearth")

    if is_told:
        with pytest.raises(PermissionError):
            list(place.list(""))
    else:
        assert list(place.list("")) == []
