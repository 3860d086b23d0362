"""pdsadmin backup: made, listed and checked."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from pds.services.backup.errors import DamagedBackupError
from pds.services.backup.vault import Vault
from pds.storage.backup_places import BackupFolder
from pds.storage.process_lock import ProcessLock
from tests.belongings import post
from tests.cli.conftest import Operator
from tests.fakes.s3_server import KEY, SECRET, S3Server

PASSPHRASE = "correct horse battery staple"


@pytest.fixture
def place(operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the settings say that backups go."""
    del operator  # it forgets all settings
    monkeypatch.setenv("PDS_BACKUP_LOCATION", str(tmp_path / "backups"))
    return tmp_path / "backups"


@pytest.fixture
def sealed(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PDS_BACKUP_PASSPHRASE", PASSPHRASE)
    return place


def live(operator: Operator, name: str = "alice", count: int = 3) -> str:
    """An account with posts, each with a picture; its DID."""
    did = str(operator.create(name)["did"])
    write(operator, did, count)
    return did


def write(operator: Operator, did: str, count: int) -> None:
    with operator.services() as services:
        from tests.factories import Person

        person = Person(did, "", "", "", "", "")
        for number in range(count):
            content = f"{did} {number} {services.sequencer.last_seq}"
            post(services, person, content, blob=content.encode())


def stored(place: Path) -> list[str]:
    return sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())


def blobs(place: Path) -> list[Path]:
    return sorted(path for path in (place / "blobs").rglob("*") if path.is_file())


def snapshot(place: Path) -> Path:
    [found] = sorted((place / "snapshots").iterdir())
    return found


# --- create -------------------------------------------------------------------------------------


def test_backup_holds_database_settings_and_every_blob(operator: Operator, place: Path) -> None:
    live(operator)

    made = operator.ask("backup", "create")

    assert (made["accounts"], made["blobs"], made["lostBlobs"]) == (1, 3, [])
    names = [path.name for path in snapshot(place).iterdir()]
    assert sorted(names) == ["blobs.txt.gz", "manifest.json", "pds.sqlite.gz", "settings.json"]
    settings = json.loads((snapshot(place) / "settings.json").read_text())
    assert settings["PDS_JWT_SECRET"] == operator.config.jwt_secret
    assert len(blobs(place)) == 3


def test_only_the_owner_may_read_it(operator: Operator, place: Path) -> None:
    live(operator)
    operator.ask("backup", "create")

    assert {path.stat().st_mode & 0o077 for path in place.rglob("*")} == {0}


def test_next_backup_copies_new_blobs_only(operator: Operator, place: Path) -> None:
    did = live(operator)
    operator.ask("backup", "create")
    before = {path: path.stat().st_mtime_ns for path in blobs(place)}
    write(operator, did, 2)

    operator.ask("backup", "create")

    after = {path: path.stat().st_mtime_ns for path in blobs(place)}
    assert len(after) == 5
    assert {path: after[path] for path in before} == before


def test_it_is_made_while_the_server_runs_and_leaves_nothing_behind(
    operator: Operator, place: Path
) -> None:
    live(operator)
    lock = ProcessLock(operator.data / "pds.lock")
    try:
        operator.ask("backup", "create")
    finally:
        lock.release()

    assert list((operator.data / "tmp").iterdir()) == []
    assert len(stored(place)) == 3 + 4 + 1


def test_two_at_once_are_one_too_many(operator: Operator, place: Path) -> None:
    lock = ProcessLock(operator.data / "backup.lock")
    try:
        assert operator.fail("backup", "create") == "another backup is under way; wait for it"
    finally:
        lock.release()
    assert not place.exists()


def test_no_place_is_told_with_the_next_step(operator: Operator) -> None:
    said = operator.fail("backup", "create")

    assert "set PDS_BACKUP_LOCATION" in said


def test_place_with_something_else_in_it_is_left_alone(operator: Operator, place: Path) -> None:
    place.mkdir()
    (place / "holiday.jpg").write_text("")

    assert "holds something else" in operator.fail("backup", "create")
    assert stored(place) == ["holiday.jpg"]


def test_another_servers_place_is_left_alone(
    operator: Operator, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.ask("backup", "create")
    before = stored(place)
    monkeypatch.setenv("PDS_SERVICE_DID", "did:web:other.example.org")

    assert "did:web:localhost" in operator.fail("backup", "create")
    assert stored(place) == before


def test_lost_blob_is_told_and_does_not_stop_the_rest(operator: Operator, place: Path) -> None:
    did = live(operator)
    victim = next((operator.data / "blobs" / did).iterdir())
    victim.unlink()

    made = operator.ask("backup", "create")

    assert made["lostBlobs"] == [victim.name]
    assert len(blobs(place)) == 2
    assert operator.ask("backup", "verify")["good"]


@pytest.mark.parametrize("after", range(8))
def test_cut_off_anywhere_the_next_one_is_whole(
    operator: Operator, place: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    live(operator)
    left = after
    keep = Vault.store

    def store(self: Vault, key: str, source: Path) -> object:
        nonlocal left
        if left == 0:
            raise OSError(28, "No space left on device", str(place))
        left -= 1
        return keep(self, key, source)

    monkeypatch.setattr(Vault, "store", store)
    if after < 7:
        assert "No space left" in operator.fail("backup", "create")
        assert operator.run("backup", "list").stdout.count("\n") <= 1
    left = -1

    made = operator.ask("backup", "create")

    assert operator.ask("backup", "verify")["blobs"] == 3
    listed = operator.ask("backup", "list")["backups"]
    assert [one["name"] for one in listed] == [made["name"]]
    assert [path.name for path in (place / "snapshots").iterdir()] == [made["name"]]


def test_blobs_nobody_needs_any_more_go_with_their_snapshot(
    operator: Operator, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    did = live(operator)
    operator.ask("backup", "create")
    operator.ask("account", "delete", did, "--yes")
    live(operator, "bob", 1)

    made = operator.ask("backup", "create")

    assert len(made["removed"]) == 1
    assert len(blobs(place)) == 1
    assert operator.ask("backup", "verify")["good"]


@pytest.mark.parametrize("key", ["identity.age", "hearth-backup.json"])
def test_killed_while_the_place_is_made_the_next_one_makes_it(
    operator: Operator, sealed: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    live(operator)
    put = BackupFolder.put

    def cut_off(self: BackupFolder, wanted: str, source: Path) -> None:
        if wanted == key:
            raise OSError(5, "killed", key)
        put(self, wanted, source)

    with monkeypatch.context() as patch:
        patch.setattr(BackupFolder, "put", cut_off)
        operator.fail("backup", "create")
    sealed.mkdir(exist_ok=True)
    (sealed / ".incoming").write_text("half a file")

    operator.ask("backup", "create")

    assert operator.ask("backup", "verify")["good"]
    assert not (sealed / ".incoming").exists()


def test_damaged_blob_is_told_and_not_kept_under_its_name(operator: Operator, place: Path) -> None:
    did = live(operator)
    victim = next((operator.data / "blobs" / did).iterdir())
    whole = victim.read_bytes()
    victim.write_bytes(b"x" * len(whole))

    assert operator.ask("backup", "create")["lostBlobs"] == [victim.name]
    victim.write_bytes(whole)

    assert operator.ask("backup", "create")["lostBlobs"] == []
    assert len(blobs(place)) == 3


def test_folder_that_somebody_put_beside_the_snapshots_does_no_harm(
    operator: Operator, place: Path
) -> None:
    operator.ask("backup", "create")
    other = place / "snapshots" / "mine" / "manifest.json"
    other.parent.mkdir()
    other.write_text("{}")

    operator.ask("backup", "create")

    assert other.exists()
    assert len(operator.ask("backup", "list")["backups"]) == 1


def test_disk_that_is_not_mounted_is_not_taken_for_an_empty_place(
    operator: Operator, place: Path
) -> None:
    operator.ask("backup", "create")
    shutil.rmtree(place)

    assert "is its disk mounted?" in operator.fail("backup", "create")
    assert not place.exists()
    operator.ask("backup", "create", "--anew")


def test_backup_does_not_fill_the_disk_of_the_data(
    operator: Operator, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1024))

    assert "make room first" in operator.fail("backup", "create")
    assert not place.exists()


def test_backup_counts_also_when_old_ones_cannot_go(
    operator: Operator, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pds.services.backup import access, retention

    did = live(operator)
    operator.ask("backup", "create")
    write(operator, did, 1)

    def fail(*_: object) -> set[bytes]:
        raise DamagedBackupError("blobs.txt is damaged")

    monkeypatch.setattr(retention, "_blobs_of", fail)

    assert operator.run("backup", "create").exit_code == 1
    with operator.services(None):
        remembered = access.last_backup()
    assert remembered is not None
    assert remembered.snapshot == snapshot(place).name


# --- sealed -------------------------------------------------------------------------------------


def test_sealed_backup_shows_nothing_without_the_passphrase(
    operator: Operator, sealed: Path
) -> None:
    did = live(operator)
    operator.ask("backup", "create")

    everything = b"".join(path.read_bytes() for path in sealed.rglob("*") if path.is_file())
    for word in (did, "alice@example.com", operator.config.jwt_secret, "SQLite format"):
        assert word.encode() not in everything
    assert operator.ask("backup", "verify")["good"]


@pytest.mark.parametrize(
    ("passphrase", "said"), [("wrong", "is not the one of these backups"), (None, "are sealed")]
)
def test_wrong_or_missing_passphrase_is_told(
    operator: Operator,
    sealed: Path,
    monkeypatch: pytest.MonkeyPatch,
    passphrase: str | None,
    said: str,
) -> None:
    operator.ask("backup", "create")
    before = stored(sealed)
    if passphrase is None:
        monkeypatch.delenv("PDS_BACKUP_PASSPHRASE")
    else:
        monkeypatch.setenv("PDS_BACKUP_PASSPHRASE", passphrase)

    assert said in operator.fail("backup", "verify")
    assert said in operator.fail("backup", "list")
    assert stored(sealed) == before


def test_passphrase_for_a_place_that_is_not_sealed_is_told(
    operator: Operator, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.ask("backup", "create")
    monkeypatch.setenv("PDS_BACKUP_PASSPHRASE", PASSPHRASE)

    assert "are not sealed" in operator.fail("backup", "create")


# --- in a bucket --------------------------------------------------------------------------------


@pytest.fixture
def bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    name = s3_server.new_bucket()
    monkeypatch.setenv("PDS_BACKUP_LOCATION", f"s3://{name}/hearth")
    monkeypatch.setenv("PDS_BACKUP_S3_ENDPOINT", f"http://127.0.0.1:{s3_server.port}")
    monkeypatch.setenv("PDS_BACKUP_S3_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("PDS_BACKUP_S3_SECRET_ACCESS_KEY", SECRET)
    return name


def test_bucket_takes_sealed_backups(
    operator: Operator, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PDS_BACKUP_PASSPHRASE", PASSPHRASE)
    live(operator)

    made = operator.ask("backup", "create")

    assert bucket in made["place"]
    assert operator.ask("backup", "verify")["blobs"] == 3
    assert len(operator.ask("backup", "list")["backups"]) == 1


def test_bucket_takes_no_keys_in_the_clear(operator: Operator, bucket: str) -> None:
    assert "set PDS_BACKUP_PASSPHRASE" in operator.fail("backup", "create")


def test_bucket_that_is_not_there_is_told(
    operator: Operator, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PDS_BACKUP_LOCATION", "s3://nowhere")
    monkeypatch.setenv("PDS_BACKUP_PASSPHRASE", PASSPHRASE)

    assert "nowhere" in operator.fail("backup", "create")


# --- verify -------------------------------------------------------------------------------------


def red(operator: Operator) -> str:
    """What a check says that must fail."""
    found = operator.run("backup", "verify")
    assert found.exit_code == 1
    return found.stdout + found.stderr


def flip(file: Path) -> None:
    """Change some bytes in the middle: one could be one that means nothing when it is packed."""
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    for place in range(middle, min(middle + 64, len(content))):
        content[place] ^= 0x55
    file.write_bytes(content)


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


@pytest.mark.parametrize("how", [flip, Path.unlink])
def test_damaged_blob_turns_the_check_red(operator: Operator, place: Path, how: object) -> None:
    live(operator)
    operator.ask("backup", "create")
    victim = blobs(place)[1]

    assert callable(how)
    how(victim)

    assert victim.name in red(operator)


@pytest.mark.parametrize("name", ["pds.sqlite.gz", "settings.json", "manifest.json"])
def test_damaged_sealed_file_turns_the_check_red(
    operator: Operator, sealed: Path, name: str
) -> None:
    operator.ask("backup", "create")

    flip(snapshot(sealed) / f"{name}.age")

    assert name.removesuffix(".gz") in red(operator)


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


def test_outcome_of_backup_and_check_is_remembered(operator: Operator, place: Path) -> None:
    from pds.services.backup import access

    live(operator)
    made = operator.ask("backup", "create")
    operator.ask("backup", "verify")
    with operator.services(None):
        backup, check = access.last_backup(), access.last_check()

    assert backup is not None
    assert check is not None
    assert (backup.snapshot, backup.is_good) == (made["name"], True)
    assert (check.snapshot, check.is_good) == (made["name"], True)
