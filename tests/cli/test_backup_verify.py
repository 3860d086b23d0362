"""pdsadmin backup verify: whatever is damaged turns it red, and is named."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from pds.services.backup.manifest import FileEntry, Manifest
from tests.cli.backups import blobs, flip, live, snapshot, write
from tests.cli.conftest import Operator


def red(operator: Operator) -> str:
    """What a check says that must fail."""
    found = operator.run("backup", "verify")
    assert found.exit_code == 1
    return found.stdout + found.stderr


@pytest.mark.parametrize(
    "name", ["pds.sqlite.gz", "settings.json", "blobs.txt.gz", "manifest.json"]
)
@pytest.mark.parametrize("how", [flip, Path.unlink, lambda file: file.write_bytes(b"")])
def test_damaged_file_turns_the_check_red(
    operator: Operator, place: Path, name: str, how: object
) -> None:
    live(operator)
    operator.ask("backup", "create")

    assert callable(how)
    how(snapshot(place) / name)

    said = red(operator)
    assert name.removesuffix(".gz") in said or "no complete backup" in said


@pytest.fixture(params=["folder", "sealed folder", "bucket"])
def archive(request: pytest.FixtureRequest, operator: Operator) -> Path:
    """A backup in each kind of place, as the folder in which its files are."""
    name = {"folder": "place", "sealed folder": "sealed", "bucket": "bucket"}[request.param]
    if name == "bucket":
        request.getfixturevalue("passphrase")
    folder: Path = request.getfixturevalue(name)
    live(operator)
    operator.ask("backup", "create")
    return folder


def part(archive: Path, name: str) -> Path:
    [found] = (file for file in snapshot(archive).iterdir() if file.name.startswith(name))
    return found


def test_whole_backup_is_green_wherever_it_is(operator: Operator, archive: Path) -> None:
    assert operator.ask("backup", "verify") | {"name": ""} == {
        "name": "",
        "good": True,
        "repos": 1,
        "records": 3,
        "blobs": 3,
        "problems": [],
        "count": 0,
    }


@pytest.mark.parametrize("name", ["pds.sqlite", "settings.json", "blobs.txt", "manifest.json"])
def test_damaged_file_is_named_wherever_it_is(operator: Operator, archive: Path, name: str) -> None:
    flip(part(archive, name))

    assert name in red(operator)


def test_damaged_blob_is_named_wherever_it_is(operator: Operator, archive: Path) -> None:
    victim = blobs(archive)[1]
    flip(victim)

    assert victim.name.removesuffix(".age") in red(operator)


def test_next_backup_copies_anew_what_a_check_has_found_damaged(
    operator: Operator, archive: Path
) -> None:
    flip(blobs(archive)[0])
    blobs(archive)[2].unlink()
    assert "2 problems" in red(operator)

    operator.ask("backup", "create")

    assert operator.ask("backup", "verify")["blobs"] == 3


@pytest.mark.parametrize("name", ["hearth-backup.json", "identity.age"])
@pytest.mark.parametrize("how", [flip, Path.unlink, lambda file: file.write_bytes(b"")])
def test_what_opens_the_place_is_kept_twice(
    operator: Operator, sealed: Path, name: str, how: Callable[[Path], object]
) -> None:
    live(operator)
    operator.ask("backup", "create")
    whole = (sealed / name).read_bytes()
    how(sealed / name)

    assert f"{name} is missing or damaged; its copy is whole" in red(operator)
    operator.ask("backup", "create")
    assert (sealed / name).read_bytes() == whole
    assert operator.ask("backup", "verify")["good"]


@pytest.mark.parametrize("name", ["hearth-backup.json", "identity.age"])
def test_when_both_are_damaged_that_is_not_taken_for_a_wrong_passphrase(
    operator: Operator, sealed: Path, name: str
) -> None:
    operator.ask("backup", "create")
    for folder in (sealed, sealed / "copies"):
        flip(folder / name)

    for command in ("verify", "create"):
        said = operator.fail("backup", command)
        assert f"{name} at {sealed} is damaged, and so is its copy" in said


def test_place_without_its_header_is_not_taken_for_a_strangers(
    operator: Operator, place: Path
) -> None:
    live(operator)
    operator.ask("backup", "create")
    for folder in (place, place / "copies"):
        (folder / "hearth-backup.json").unlink()

    assert "hearth-backup.json and its copy are missing" in operator.fail("backup", "verify")


@pytest.mark.parametrize("table", ["sqlite_master", "record", "block"])
def test_damaged_page_is_named_also_where_all_digests_are_right(
    operator: Operator, place: Path, tmp_path: Path, table: str
) -> None:
    live(operator)
    operator.ask("backup", "create")
    packed, described = snapshot(place) / "pds.sqlite.gz", snapshot(place) / "manifest.json"
    file = tmp_path / "unpacked"
    pages = bytearray(gzip.decompress(packed.read_bytes()))
    file.write_bytes(pages)
    with closing(sqlite3.connect(file)) as copy:
        roots = dict(copy.execute("SELECT name, rootpage FROM sqlite_master"))
    start = 4096 * (roots.get(table, 2) - 1)
    pages[start : start + 64] = b"\xff" * 64
    packed.write_bytes(gzip.compress(bytes(pages)))
    values = json.loads(described.read_text())
    values.pop("digest")
    values["files"]["pds.sqlite"]["sha256"] = hashlib.sha256(pages).hexdigest()
    values["files"] = {name: FileEntry(**entry) for name, entry in values["files"].items()}
    described.write_text(Manifest(**values).to_json())

    assert "pds.sqlite: " in red(operator)


def test_clock_that_was_ahead_once_does_not_hide_later_backups(
    operator: Operator, place: Path
) -> None:
    did = live(operator)
    operator.ask("backup", "create")
    first = snapshot(place)
    ahead = first.with_name("2999" + first.name[4:])
    shutil.copytree(first, ahead)
    write(operator, did, 1)
    made = operator.ask("backup", "create")

    assert operator.ask("backup", "verify")["name"] == made["name"]


def test_one_damaged_backup_does_not_hide_the_others(operator: Operator, place: Path) -> None:
    made = [operator.ask("backup", "create")["name"] for _ in range(2)]
    flip(place / "snapshots" / made[0] / "manifest.json")

    listed = operator.ask("backup", "list")

    assert [one["name"] for one in listed["backups"]] == made[1:]
    assert listed["damaged"] == made[:1]
    assert f"Damaged: {made[0]}" in operator.run("backup", "list").stdout
    assert operator.ask("backup", "verify")["name"] == made[1]


def test_check_does_not_fill_the_disk(
    operator: Operator, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.ask("backup", "create")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1024))

    assert "a check needs" in operator.fail("backup", "verify")


@pytest.mark.parametrize("how", [flip, Path.unlink])
def test_damaged_blob_turns_the_check_red(operator: Operator, place: Path, how: object) -> None:
    live(operator)
    operator.ask("backup", "create")
    victim = blobs(place)[1]

    assert callable(how)
    how(victim)

    assert victim.name in red(operator)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE record SET content = zeroblob(9) WHERE rowid = 2", "is damaged"),
        ("DELETE FROM record WHERE rowid = 2", "records are not those of the commit"),
        ("DELETE FROM block WHERE rowid = 1", "a node of the tree is missing"),
        ("UPDATE repo_root SET commit_block = zeroblob(9)", "the commit cannot be read"),
        (
            "UPDATE signing_key SET encrypted = zeroblob(99) WHERE account_id = 2",
            "not signed with the account's key",
        ),
        ("DELETE FROM signing_key", "not signed with the account's key"),
    ],
)
def test_damage_from_before_the_backup_is_found_too(
    operator: Operator, place: Path, sql: str, said: str
) -> None:
    live(operator)
    live(operator, "bob")
    with closing(sqlite3.connect(operator.data / "pds.sqlite")) as file, file:
        file.execute(sql)
    operator.run("backup", "create")

    assert said in red(operator)
