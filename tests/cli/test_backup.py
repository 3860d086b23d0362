"""pdsadmin backup: made, listed and checked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from pds.errors import NotEnoughResourcesError
from pds.services.backup.errors import DamagedBackupError
from pds.services.backup.vault import Vault
from pds.storage.backup_places import BackupFolder
from pds.storage.process_lock import ProcessLock
from tests.cli.backups import PASSPHRASE, age, blobs, live, snapshot, stored, write
from tests.cli.conftest import Operator

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
    assert len(stored(place)) == 3 + 4 + 2


def test_place_that_another_machine_is_using_is_waited_for(operator: Operator, place: Path) -> None:
    operator.ask("backup", "create")
    with BackupFolder(place).hold(alone=False):
        assert "is using" in operator.fail("backup", "create")
        assert operator.ask("backup", "verify")["good"]
    with BackupFolder(place).hold(alone=True):
        assert "is using" in operator.fail("backup", "verify")


def test_new_server_does_not_add_to_the_backups_of_the_one_to_be_restored(
    operator: Operator, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = (operator.data / "pds.sqlite").read_bytes()
    live(operator)
    operator.ask("backup", "create")
    before = stored(place)
    for file in operator.data.glob("pds.sqlite*"):
        file.unlink()
    (operator.data / "pds.sqlite").write_bytes(empty)
    monkeypatch.setenv("PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX", "07" * 32)

    said = operator.fail("backup", "create")

    assert "of another did:web:localhost, with other keys" in said
    assert "pdsadmin backup restore" in said
    assert stored(place) == before


def test_clock_that_is_behind_does_not_let_the_new_one_go_at_once(
    operator: Operator, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.ask("backup", "create")
    newer = snapshot(place)
    age(newer, monkeypatch)
    newer.with_name("2020" + newer.name[4:]).rename(newer.with_name("2900" + newer.name[4:]))

    made = operator.ask("backup", "create")

    assert made["removed"] == []
    assert (place / "snapshots" / made["name"] / "manifest.json").exists()


def test_full_place_lets_old_backups_go_and_names_itself(
    operator: Operator, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.ask("backup", "create")
    age(snapshot(place), monkeypatch)
    operator.ask("backup", "create")

    def write(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(BackupFolder, "_put", write)
        said = operator.run("backup", "create").stderr

    assert f"No space left on device: {place}" in said
    assert "keep fewer backups" in said
    assert not snapshot(place).name.startswith("2020")


def test_backup_leaves_room_for_members_where_both_are_on_one_disk(
    operator: Operator, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(operator)
    size = (operator.data / "pds.sqlite").stat().st_size
    free = 4 * size + operator.config.disk_full_mib * 1024 * 1024  # and none for the pictures
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))

    assert "make room first" in operator.fail("backup", "create")


def test_two_at_once_are_one_too_many(operator: Operator, place: Path) -> None:
    lock = ProcessLock(operator.data / "backup.lock")
    try:
        assert operator.fail("backup", "create") == "another backup is under way; wait for it"
        assert operator.fail("backup", "verify") == "another backup is under way; wait for it"
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
        assert "No space left" in operator.run("backup", "create").stderr
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
    age(snapshot(place), monkeypatch)
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
    assert len(operator.ask("backup", "list")["backups"]) == 2


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
    age(snapshot(place), monkeypatch)
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
    ("given", "said"), [("wrong", "is not the one of these backups"), (None, "are sealed")]
)
def test_wrong_or_missing_passphrase_is_told(
    operator: Operator,
    sealed: Path,
    monkeypatch: pytest.MonkeyPatch,
    given: str | None,
    said: str,
) -> None:
    operator.ask("backup", "create")
    before = stored(sealed)
    if given is None:
        monkeypatch.delenv("PDS_BACKUP_PASSPHRASE")
    else:
        monkeypatch.setenv("PDS_BACKUP_PASSPHRASE", given)

    assert said in operator.fail("backup", "verify")
    assert said in operator.fail("backup", "list")
    assert said in operator.fail("backup", "create")
    assert stored(sealed) == before


def test_passphrase_for_a_place_that_is_not_sealed_is_told(
    operator: Operator, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.ask("backup", "create")
    monkeypatch.setenv("PDS_BACKUP_PASSPHRASE", PASSPHRASE)

    assert "are not sealed" in operator.fail("backup", "create")


# --- in a bucket --------------------------------------------------------------------------------


def test_bucket_takes_sealed_backups(operator: Operator, bucket: Path, passphrase: str) -> None:
    live(operator)

    made = operator.ask("backup", "create")

    assert f"s3://{bucket.parent.name}/hearth" in made["place"]
    assert operator.ask("backup", "verify")["blobs"] == 3
    assert len(operator.ask("backup", "list")["backups"]) == 1


def test_bucket_takes_no_keys_in_the_clear(operator: Operator, bucket: Path) -> None:
    assert "set PDS_BACKUP_PASSPHRASE" in operator.fail("backup", "create")


def test_bucket_that_is_not_there_is_told(
    operator: Operator, bucket: Path, passphrase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PDS_BACKUP_LOCATION", "s3://nowhere")

    assert "nowhere" in operator.fail("backup", "create")


# --- what is remembered ---------------------------------------------------------------------------


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


def test_copy_elsewhere_does_not_pass_for_the_backup_of_the_night(
    operator: Operator, place: Path, tmp_path: Path
) -> None:
    from pds.services.backup import access

    operator.ask("backup", "create", "--to", str(tmp_path / "stick"))
    operator.ask("backup", "verify", "--from", str(tmp_path / "stick"))
    with operator.services(None):
        assert access.last_backup() is None
        assert access.last_check() is None
    operator.ask("backup", "create")
    assert place.exists()


def test_backups_can_be_listed_while_one_is_made(operator: Operator, place: Path) -> None:
    operator.ask("backup", "create")
    lock = ProcessLock(operator.data / "backup.lock")
    try:
        with BackupFolder(place).hold(alone=True):
            assert len(operator.ask("backup", "list")["backups"]) == 1
    finally:
        lock.release()


def test_finished_backup_is_remembered_also_where_members_write_a_lot(
    operator: Operator, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pds.services.backup import access
    from pds.storage import server_state

    left = 2
    save = server_state.save_value

    def busy(key: str, value: str) -> None:
        nonlocal left
        if left:
            left -= 1
            raise NotEnoughResourcesError
        save(key, value)

    with monkeypatch.context() as patch:
        patch.setattr(server_state, "save_value", busy)
        made = operator.ask("backup", "create")
    with operator.services(None):
        remembered = access.last_backup()
    assert remembered is not None
    assert remembered.snapshot == made["name"]
