"""pdsadmin backup restore: the server of a backup, on another machine."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pds.services.announcing_anew import MARGIN
from pds.services.backup.manifest import Manifest
from pds.services.backup.vault import Vault, entry_of
from pds.storage import database, events
from pds.storage.process_lock import ProcessLock
from tests.belongings import post
from tests.cli.conftest import Operator
from tests.factories import Person, make_config, read_events

NAMES = ("PDS_JWT_SECRET", "PDS_ADMIN_PASSWORD", "PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX")
PASSPHRASE = "correct horse battery staple"


@pytest.fixture
def backed_up(operator: Operator, place: Path) -> str:
    """A server with two accounts, backed up; what alice, the first, is called."""
    dids = [str(operator.create(name)["did"]) for name in ("alice", "bob")]
    with operator.services() as services:
        for did in dids:
            for number in range(3):
                person = Person(did, "", "", "", "", "")
                post(services, person, f"{did} {number}", blob=f"{did} {number}".encode())
        services.accounts.deactivate(dids[1])
    operator.ask("backup", "create")
    return dids[0]


@pytest.fixture
def elsewhere(operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    """Another machine: an empty directory, no settings but where it is and where backups are."""
    for name in NAMES:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PDS_DATA_DIRECTORY", str(tmp_path / "new"))
    data = tmp_path / "new"
    config = dataclasses.replace(
        operator.config, data_directory=data, blobstore_disk_location=data / "blobs"
    )
    return Operator(data, config)


def _secrets(operator: Operator) -> tuple[str, str, str]:
    config = operator.config
    key = config.plc_rotation_key_k256_private_key_hex
    return config.jwt_secret, config.admin_password, key


def restore(operator: Operator, *words: str) -> Any:
    found = operator.run("backup", "restore", "--yes", "--json", *words)
    assert found.exit_code == 0, found.stderr
    return json.loads(found.stdout)


def refused(operator: Operator, *words: str) -> str:
    found = operator.run("backup", "restore", *words)
    assert (found.exit_code, found.stdout) == (1, "")
    return found.stderr


def contents(operator: Operator) -> list[tuple[Any, ...]]:
    return operator.rows(
        "SELECT a.did, a.email, a.passwordScrypt, r.collection, r.rkey, r.cid, r.content"
        " FROM account a JOIN record r ON r.account_id = a.id ORDER BY r.account_id, r.rkey"
    )


def test_everything_is_there_again(operator: Operator, backed_up: str, elsewhere: Operator) -> None:
    before = contents(operator)
    restore(elsewhere)

    assert contents(elsewhere) == before
    assert elsewhere.ask("blobs", "verify")["missing"] == 0
    assert elsewhere.ask("account", "info", backed_up)["records"] == 3
    secrets = json.loads((elsewhere.data / "secrets.json").read_text())
    assert secrets["PDS_JWT_SECRET"] == operator.config.jwt_secret


def test_restored_server_can_be_backed_up_and_that_is_whole(
    backed_up: str, elsewhere: Operator
) -> None:
    restore(elsewhere)
    elsewhere.ask("backup", "create")

    assert elsewhere.ask("backup", "verify")["good"]


def test_events_go_on_above_all_that_were_and_tell_the_state_of_every_repo(
    operator: Operator, backed_up: str, elsewhere: Operator
) -> None:
    with operator.services():
        last = events.last_seq()
    done = restore(elsewhere)
    old = operator.rows("SELECT rev FROM repo_root ORDER BY account_id")
    new = elsewhere.rows("SELECT rev FROM repo_root ORDER BY account_id")

    assert done["firstSeq"] > last + MARGIN
    assert all(after > before for (before,), (after,) in zip(old, new, strict=True))
    database.open_database(elsewhere.data / "pds.sqlite")
    try:
        told = [(kind, payload) for kind, payload in read_events(last)]
    finally:
        database.close_database()
    assert [kind for kind, _ in told] == ["#account", "#identity", "#sync", "#account"]
    assert {payload["did"] for _, payload in told[:3]} == {backed_up}
    assert told[2][1]["rev"] == new[0][0]
    assert told[3][1]["status"] == "deactivated"
    assert min(payload["seq"] for _, payload in told) == done["firstSeq"]


def test_mail_that_waited_is_not_sent_a_second_time(
    operator: Operator, place: Path, elsewhere: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    del place
    for name, value in zip(NAMES, _secrets(operator), strict=True):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PDS_DATA_DIRECTORY", str(operator.data))
    operator.create("alice")
    settings = {"EMAIL_SMTP_URL": "smtp://127.0.0.1:1", "EMAIL_FROM_ADDRESS": "pds@example.com"}
    with_mail = make_config(operator.data, **{key.lower(): text for key, text in settings.items()})
    with Operator(operator.data, with_mail).services() as services:
        services.password_changes.request_reset("alice@example.com")
    operator.ask("backup", "create")
    assert operator.rows("SELECT count(*) FROM outgoing_mail") == [(1,)]
    monkeypatch.setenv("PDS_DATA_DIRECTORY", str(elsewhere.data))

    restore(elsewhere)

    assert elsewhere.rows("SELECT count(*) FROM outgoing_mail") == [(0,)]


def test_restored_files_are_for_their_owner_alone(backed_up: str, elsewhere: Operator) -> None:
    restore(elsewhere)

    for path in elsewhere.data.rglob("*"):
        if path.name != "tmp":
            assert path.stat().st_mode & 0o077 == 0, path


def test_sealed_backup_is_restored_with_its_passphrase_only(
    operator: Operator, sealed: Path, elsewhere: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in zip(NAMES, _secrets(operator), strict=True):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PDS_DATA_DIRECTORY", str(operator.data))
    operator.create("alice")
    operator.ask("backup", "create")
    for name in NAMES:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PDS_DATA_DIRECTORY", str(elsewhere.data))

    monkeypatch.setenv("PDS_BACKUP_PASSPHRASE", "wrong")
    assert "passphrase" in refused(elsewhere, "--yes")
    assert not (elsewhere.data / "pds.sqlite").exists()
    monkeypatch.setenv("PDS_BACKUP_PASSPHRASE", PASSPHRASE)
    assert restore(elsewhere)["accounts"] == 1


def test_running_server_is_left_alone(backed_up: str, operator: Operator) -> None:
    lock = ProcessLock(operator.data / "pds.lock")
    before = operator.dump()
    try:
        assert "stop it first" in refused(operator, "--yes")
    finally:
        lock.release()
    assert operator.dump() == before


def test_server_with_accounts_is_left_alone(backed_up: str, operator: Operator) -> None:
    before = operator.dump()

    assert "there are 2 accounts" in refused(operator, "--yes")
    assert operator.dump() == before


def test_nobody_to_ask_is_a_refusal(backed_up: str, elsewhere: Operator) -> None:
    assert "add --yes" in refused(elsewhere)
    assert not (elsewhere.data / "pds.sqlite").exists()


@pytest.mark.parametrize("name", ["pds.sqlite.gz", "settings.json", "manifest.json"])
def test_damaged_backup_is_refused_before_anything_changes(
    place: Path, backed_up: str, elsewhere: Operator, name: str
) -> None:
    [found] = (place / "snapshots").glob(f"*/{name}")
    found.write_bytes(found.read_bytes()[:-40] + b"x" * 40)

    refused(elsewhere, "--yes")
    assert not (elsewhere.data / "pds.sqlite").exists()
    assert not (elsewhere.data / "secrets.json").exists()


def test_folder_without_backups_is_refused(tmp_path: Path, elsewhere: Operator) -> None:
    (tmp_path / "empty").mkdir()

    assert "no backups" in refused(elsewhere, "--yes", "--from", str(tmp_path / "empty"))


def test_server_without_accounts_is_set_aside(
    backed_up: str, elsewhere: Operator, empty_database: Path
) -> None:
    elsewhere.data.mkdir()
    shutil.copyfile(empty_database, elsewhere.data / "pds.sqlite")

    done = restore(elsewhere)

    assert (Path(done["kept"]) / "pds.sqlite").exists()
    assert elsewhere.ask("account", "info", backed_up)["records"] == 3


def test_restore_that_was_cut_off_can_be_repeated(
    backed_up: str, elsewhere: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pds.services.backup import restoring

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device", "disk")

    for step in ("_restore_blobs", "_announce", "_move_into_place"):
        with monkeypatch.context() as patch:
            patch.setattr(restoring, step, fail)
            assert "No space left" in refused(elsewhere, "--yes")
        assert not (elsewhere.data / "pds.sqlite").exists()

    restore(elsewhere)
    assert elsewhere.ask("account", "info", backed_up)["records"] == 3


def test_lost_blobs_do_not_keep_the_rest_from_being_restored(
    place: Path, backed_up: str, elsewhere: Operator
) -> None:
    next(path for path in (place / "blobs").rglob("*") if path.is_file()).unlink()

    done = restore(elsewhere)

    assert done["missingBlobs"] == 1
    assert elsewhere.run("blobs", "verify", "--json").exit_code == 1


# --- cut off, full, elsewhere -------------------------------------------------------------------


def test_repeat_goes_on_with_the_pictures_that_are_missing(
    backed_up: str, elsewhere: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []
    fetch = Vault.fetch

    def until_the_fourth(self: Vault, key: str, target: Path) -> None:
        if key.startswith("blobs/"):
            fetched.append(key)
            if len(fetched) == 4:
                raise OSError(5, "Input/output error", key)
        fetch(self, key, target)

    monkeypatch.setattr(Vault, "fetch", until_the_fourth)
    assert "Input/output error" in refused(elsewhere, "--yes")
    assert not (elsewhere.data / "restoring").exists()

    assert restore(elsewhere)["missingBlobs"] == 0
    assert len(fetched) == 4 + 3
    assert elsewhere.ask("blobs", "verify")["missing"] == 0


def test_pictures_go_where_they_belong_and_not_through_the_disk_of_the_data(
    backed_up: str, elsewhere: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = tmp_path / "pictures"  # a disk of its own, say: it cannot be moved away
    (pictures / "lost+found").mkdir(parents=True)
    inode = pictures.stat().st_ino
    monkeypatch.setenv("PDS_BLOBSTORE_DISK_LOCATION", str(pictures))

    restore(elsewhere)

    assert pictures.stat().st_ino == inode
    assert (pictures / "lost+found").exists()
    assert len(list(pictures.glob("did:*/*"))) == 6
    assert not (elsewhere.data / "blobs").exists()


def test_picture_that_is_half_there_is_fetched(backed_up: str, elsewhere: Operator) -> None:
    restore(elsewhere)
    [victim, *_] = (elsewhere.data / "blobs" / backed_up).iterdir()
    victim.write_bytes(b"half")
    for file in elsewhere.data.glob("pds.sqlite*"):
        file.unlink()

    assert restore(elsewhere)["missingBlobs"] == 0
    assert elsewhere.ask("blobs", "verify")["missing"] == 0


@pytest.mark.parametrize("free", [1024, 800_000])
def test_disk_that_is_too_small_is_told_before_hours_have_passed(
    backed_up: str, elsewhere: Operator, monkeypatch: pytest.MonkeyPatch, free: int
) -> None:
    usage = [1 << 40, free] if free > 1024 else [free]  # enough for the database, or not even that
    monkeypatch.setattr(
        shutil,
        "disk_usage",
        lambda _: SimpleNamespace(free=usage.pop(0) if len(usage) > 1 else 0),
    )

    assert "make room first" in refused(elsewhere, "--yes")
    assert not (elsewhere.data / "pds.sqlite").exists()


def test_clock_that_is_behind_is_set_first(
    backed_up: str, elsewhere: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pds.services.clock.system_clock", lambda: 1_000_000)

    assert "the clock of this machine says 1970-01-01" in refused(elsewhere, "--yes")


def test_server_whose_restore_was_killed_makes_no_backup_of_nothing(
    operator: Operator, place: Path
) -> None:
    (operator.data / "restoring").mkdir()

    assert "a restore was cut off here" in operator.fail("backup", "create")
    assert not place.exists()


# --- the settings -------------------------------------------------------------------------------


@pytest.fixture
def named(
    operator: Operator, place: Path, elsewhere: Operator, monkeypatch: pytest.MonkeyPatch
) -> Operator:
    """A public server was backed up; its settings were in an environment file."""
    settings = {"PDS_HOSTNAME": "pds.hearth-box.org", "PDS_INVITE_REQUIRED": "false"}
    with monkeypatch.context() as there:
        for name, value in zip(NAMES, _secrets(operator), strict=True):
            there.setenv(name, value)
        there.setenv("PDS_DATA_DIRECTORY", str(operator.data))
        for name, value in settings.items():
            there.setenv(name, value)
        operator.ask("backup", "create")
    return elsewhere


def lines_of(file: Path) -> list[str]:
    return file.read_text().splitlines()


def test_settings_are_there_before_the_server_is(
    named: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pds.services.backup import restoring

    def cut_off(*_: object) -> None:
        raise OSError(5, "killed", "disk")

    with monkeypatch.context() as patch:
        patch.setattr(restoring, "_move_into_place", cut_off)
        refused(named, "--yes")
    assert "PDS_HOSTNAME=pds.hearth-box.org" in lines_of(named.data / "pds.env")
    assert not (named.data / "pds.sqlite").exists()

    restore(named)
    assert "PDS_HOSTNAME=pds.hearth-box.org" in lines_of(named.data / "pds.env")


def test_what_the_machine_said_first_stays_beside_whatever_happens(named: Operator) -> None:
    named.data.mkdir()
    file = named.data / "pds.env"
    file.write_text("PDS_PORT=2600\n")
    file.chmod(0o640)

    restore(named, "--from", str(named.data.parent / "backups"))
    (named.data / "pds.sqlite").unlink()
    restore(named)

    assert lines_of(file.with_name("pds.env.before-restoring")) == ["PDS_PORT=2600"]
    assert file.stat().st_mode & 0o777 == 0o640
    assert not file.with_name("pds.env.new").exists()


def test_backups_go_on_where_they_were(
    named: Operator, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PDS_BACKUP_LOCATION")
    monkeypatch.chdir(place.parent)

    said = named.run("backup", "restore", "--yes", "--from", "backups").stdout

    assert f"Backups go on at {place}." in said
    assert f"PDS_BACKUP_LOCATION={place}" in lines_of(named.data / "pds.env")


def test_restored_server_may_go_on_with_the_backups(
    backed_up: str, elsewhere: Operator, place: Path
) -> None:
    restore(elsewhere)
    elsewhere.ask("backup", "create")

    # Also the one that was there, until it is clear that it was the right one.
    assert len(list((place / "snapshots").iterdir())) == 2


def test_only_settings_come_out_of_the_settings(named: Operator, place: Path) -> None:
    [file] = (place / "snapshots").glob("*/settings.json")
    values = {**json.loads(file.read_text()), "LD_PRELOAD": "/tmp/evil.so", "PDS_X\nY": "z"}
    file.write_text(json.dumps(values))
    described = file.with_name("manifest.json")
    manifest = Manifest.from_json(described.read_text())
    files = {**manifest.files, "settings.json": entry_of(file)}
    described.write_text(dataclasses.replace(manifest, files=files).to_json())

    restore(named)

    written = (named.data / "pds.env").read_text()
    assert "PDS_HOSTNAME=" in written
    assert "evil" not in written
    assert "PDS_X" not in written


@pytest.mark.needs_root
def test_whatever_becomes_of_it_the_servers_user_may_go_on(
    backed_up: str, elsewhere: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    elsewhere.data.mkdir()
    os.chown(elsewhere.data, 12_345, 12_345)

    monkeypatch.setenv("PDS_BACKUP_PASSPHRASE", "wrong")
    refused(elsewhere, "--yes")
    assert {path.stat().st_uid for path in elsewhere.data.rglob("*")} == {12_345}
    monkeypatch.delenv("PDS_BACKUP_PASSPHRASE")
    restore(elsewhere)
    assert {path.stat().st_uid for path in elsewhere.data.rglob("*")} == {12_345}
