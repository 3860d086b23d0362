"""What can be wrong with a server itself: data, disk, process, backups."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from pds.errors import NotEnoughResourcesError
from pds.services.backup.access import Outcome, remember_backup, remember_check, remember_failure
from pds.services.clock import system_clock
from pds.services.doctor import versions
from pds.storage import database, server_state
from pds.storage.database import transaction
from pds.storage.process_lock import ProcessLock
from tests.clinic import Clinic, free_port
from tests.fakes.web_server import web_server
from tests.scenarios.faults import DAY_US, execute, fault


def picture(clinic: Clinic) -> Path:
    [file] = (clinic.data / "blobs" / clinic.member.did).iterdir()
    return file


@fault("blobs-missing", "pdsadmin blobs verify")
def lost_picture(clinic: Clinic) -> None:
    picture(clinic).unlink()


@fault("blobs-damaged", "pdsadmin blobs verify")
def damaged_picture(clinic: Clinic) -> None:
    file = picture(clinic)
    file.write_bytes(b"x" * file.stat().st_size)


@fault("blobs-damaged", "pdsadmin blobs verify")
def shortened_picture(clinic: Clinic) -> None:
    picture(clinic).write_bytes(b"x")


@fault("blobs-store", "PDS_BLOBSTORE_S3_")
def bucket_is_away(clinic: Clinic) -> None:
    clinic.settings |= {
        "blobstore_s3_bucket": "pictures",
        "blobstore_s3_endpoint": f"http://127.0.0.1:{free_port()}",
        "blobstore_s3_access_key_id": "key",
        "blobstore_s3_secret_access_key": "secret",
        "blobstore_s3_upload_timeout_ms": "500",
    }


@fault("uploads-left", "pdsadmin doctor --fix")
def upload_nobody_used(_clinic: Clinic) -> None:
    execute("DELETE FROM record_blob")
    execute("UPDATE blob SET uploaded_at_us = ?", system_clock() - 3 * DAY_US)


@fault("database-damaged", "pdsadmin backup restore")
def damaged_page(clinic: Clinic) -> None:
    database.row("PRAGMA wal_checkpoint(TRUNCATE)")
    sql = "SELECT rootpage FROM sqlite_master WHERE name = 'reserved_key'"  # none of us reads it
    [(page,)] = database.rows(sql)
    [(size,)] = database.rows("PRAGMA page_size")
    with (clinic.data / "pds.sqlite").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xaa" * size)


@fault("database-damaged", "pdsadmin backup restore")
def rows_that_refer_to_nothing(clinic: Clinic) -> None:
    with closing(sqlite3.connect(clinic.data / "pds.sqlite")) as file:
        file.execute("INSERT INTO preference (account_id, name, value) VALUES (99, 1, 1)")
        file.commit()


@fault("files-open", "chmod")
def database_readable_by_all(clinic: Clinic) -> None:
    clinic.data.chmod(0o755)
    (clinic.data / "pds.sqlite").chmod(0o644)


@fault("files-open", "chmod")
def settings_readable_by_all(clinic: Clinic) -> None:
    folder = clinic.data.parent / "etc"
    folder.mkdir(mode=0o755)
    clinic.settings_file = folder / "pds.env"
    clinic.settings_file.touch(mode=0o644)


@fault("disk-low", "make room")
def disk_fills_up(clinic: Clinic) -> None:
    clinic.settings["disk_warn_mib"] = "1000000000"


@fault("disk-full", "make room")
def disk_is_full(clinic: Clinic) -> None:
    clinic.settings["disk_full_mib"] = "1000000000"


def pretend(clinic: Clinic, name: str, content: str) -> None:
    clinic.proc = clinic.data.parent / "proc"
    (clinic.proc / "self").mkdir(parents=True)
    (clinic.proc / name).write_text(content)


@fault("disk-remote", "disk of this machine")
def data_on_nfs(clinic: Clinic) -> None:
    line = f"36 35 0:33 / {clinic.data} rw,noatime shared:1 - nfs4 nas:/hearth rw\n"
    pretend(clinic, "self/mountinfo", f"21 1 8:1 / / rw - ext4 /dev/sda rw\n{line}")


@fault("disk-read-only", "remount,rw")
def disk_mounted_read_only(clinic: Clinic) -> None:
    pretend(clinic, "self/mountinfo", "21 1 8:1 / / ro,relatime - ext4 /dev/sda ro,errors=x\n")


@fault("memory-low", "swap")
def no_memory_left(clinic: Clinic) -> None:
    pretend(clinic, "meminfo", "MemTotal: 1 kB\nMemAvailable:   20480 kB\nSwapFree: 0 kB\n")


@fault("server-down", "systemctl start pds")
def server_is_not_running(clinic: Clinic) -> None:
    clinic.stop()


@fault("server-silent", "systemctl restart pds")
def server_hangs(clinic: Clinic) -> None:
    clinic.stop()
    lock = ProcessLock(clinic.data / "pds.lock")
    clinic.running.callback(lock.release)


@fault("server-port-taken", "PDS_PORT")
def another_program_has_the_port(clinic: Clinic) -> None:
    clinic.stop()
    other = clinic.running.enter_context(web_server())
    clinic.settings["port"] = str(other.port)


@fault("server-read-only", "#server-read-only")
def server_cannot_write(clinic: Clinic) -> None:
    def fail() -> None:
        raise NotEnoughResourcesError

    clinic.services.health.check = fail  # type: ignore[method-assign]


@fault("backups-off", "PDS_BACKUP_LOCATION")
def no_place_for_backups(clinic: Clinic) -> None:
    clinic.settings["backup_location"] = ""


@fault("backups-missing", "pdsadmin backup create")
def never_a_backup(_clinic: Clinic) -> None:
    execute("DELETE FROM server_state WHERE key LIKE 'last_backup%'")
    execute("UPDATE account SET \"createdAt\" = '2026-01-01T00:00:00.000Z'")


def outcome(days_ago: int, *, is_good: bool = True) -> Outcome:
    return Outcome(system_clock() - days_ago * DAY_US, "2026-01-01", is_good, "the reason")


@fault("backups-old", "pdsadmin backup create")
def old_backup(_clinic: Clinic) -> None:
    remember_backup(outcome(3))


@fault("backups-failed", "pdsadmin backup create")
def failed_backup(_clinic: Clinic) -> None:
    remember_backup(outcome(1))
    remember_check(outcome(1))
    remember_failure(outcome(0, is_good=False))


@fault("backups-damaged", "pdsadmin backup verify")
def backup_is_red(_clinic: Clinic) -> None:
    remember_check(outcome(0, is_good=False))


@fault("backups-unchecked", "pdsadmin backup verify")
def backup_was_not_checked(_clinic: Clinic) -> None:
    remember_check(outcome(20))


@fault("sign-up-flood", "pdsadmin sign-up open")
def sign_up_was_flooded(_clinic: Clinic) -> None:
    with transaction():
        server_state.save_value("sign_up", json.dumps({"closed": "flood"}))


@fault("sign-up-full", "PDS_MAX_ACCOUNTS")
def no_room_for_more_accounts(clinic: Clinic) -> None:
    clinic.services.flood_breaker._max_in_all = 1


@fault("packages-other", "install.sh")
def packages_of_another_version(clinic: Clinic) -> None:
    installed = versions._installed
    versions._installed = lambda name: "0.1" if name == "click" else installed(name)
    clinic.running.callback(setattr, versions, "_installed", installed)
