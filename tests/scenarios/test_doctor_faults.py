"""A fault at a time, put into a healthy server: the doctor names it, and nothing else."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pds.atproto.crypto.keypair import PrivateKey
from pds.errors import NotEnoughResourcesError
from pds.services import health
from pds.services.backup.access import Outcome, remember_backup, remember_check, remember_failure
from pds.services.clock import system_clock
from pds.services.doctor import public_name, versions
from pds.services.doctor.checks import FINDINGS
from pds.storage import database, outgoing_mail, server_state
from pds.storage.database import transaction
from pds.storage.outgoing_mail import NewMail
from pds.storage.process_lock import ProcessLock
from tests.clinic import HOST, Clinic, free_port, open_clinic
from tests.fakes.web_server import web_server

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US


@pytest.fixture
def clinic(
    tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Clinic]:
    for module in (health, public_name):
        monkeypatch.setattr(module, "TRUST_US", 20_000)
    with open_clinic(tmp_path, empty_database) as opened:
        yield opened


def test_a_healthy_server_has_nothing_to_put_right(clinic: Clinic) -> None:
    found = clinic.examine()

    assert {one.name: (one.outcome, one.found) for one in found if one.outcome != "ok"} == {}
    assert len(found) >= 19


# --- what can be wrong: title → its name, how it comes about, what the remedy must say ------------

Fault = Callable[[Clinic], object]
FAULTS: dict[str, tuple[str, Fault, str]] = {}


def fault(name: str, remedy: str) -> Callable[[Fault], Fault]:
    def add(inflict: Fault) -> Fault:
        title = inflict.__name__.strip("_")
        assert title not in FAULTS
        FAULTS[title] = (name, inflict, remedy)
        return inflict

    return add


def execute(sql: str, *params: object) -> None:
    with transaction():
        assert database.execute(sql, params) > 0


@fault("dns-host", f"add: {HOST} A ")
def no_address(clinic: Clinic) -> None:
    clinic.dns.addresses = {}


@fault("dns-private", "public address")
def private_address(clinic: Clinic) -> None:
    clinic.dns.addresses = {HOST: ["192.168.1.5"], f"*.{HOST}": ["192.168.1.5"]}


@fault("dns-wildcard", f"*.{HOST} CNAME {HOST}")
def no_wildcard(clinic: Clinic) -> None:
    del clinic.dns.addresses[f"*.{HOST}"]


@fault("dns-wildcard", f"*.{HOST} CNAME {HOST}")
def wildcard_elsewhere(clinic: Clinic) -> None:
    clinic.dns.addresses[f"*.{HOST}"] = ["5.9.0.1"]


@fault("dns-silent", "/etc/resolv.conf")
def name_server_fails(clinic: Clinic) -> None:
    import dns.rcode

    clinic.dns.rcode = dns.rcode.SERVFAIL


@fault("public-name-unreachable", "open ports 80 and 443")
def nothing_on_443(clinic: Clinic) -> None:
    clinic.front.port = free_port()


@fault("certificate-expired", "journalctl -u caddy")
def expired_certificate(clinic: Clinic) -> None:
    clinic.front.tls = clinic.issuer.server(HOST, days=-1)


@fault("certificate-expiring", "journalctl -u caddy")
def certificate_ends_soon(clinic: Clinic) -> None:
    clinic.front.tls = clinic.issuer.server(HOST, f"*.{HOST}", days=10)


@fault("certificate-name", "#certificate-name")
def certificate_for_another_name(clinic: Clinic) -> None:
    clinic.front.tls = clinic.issuer.server("other.example.com")


@fault("certificate-untrusted", "Let's Encrypt")
def self_signed_certificate(clinic: Clinic) -> None:
    clinic.front.tls = clinic.issuer.server(HOST, self_signed=True)


@fault("certificate-untrusted", "fullchain.pem")
def certificate_of_a_strange_authority(clinic: Clinic) -> None:
    elsewhere = clinic.data.parent / "elsewhere"
    elsewhere.mkdir()
    clinic.front.tls = type(clinic.issuer)(elsewhere, name="Stranger").server(HOST)


@fault("handle-lost", "#handle-lost")
def certificate_without_the_handles(clinic: Clinic) -> None:
    clinic.front.tls = clinic.issuer.server(HOST)


@fault("public-name-other", "behind-a-reverse-proxy")
def another_site_answers(clinic: Clinic) -> None:
    clinic.front.otherwise = (200, b"<h1>It works!</h1>")


@fault("public-name-other", "stop the other")
def an_older_copy_of_this_server_answers(clinic: Clinic) -> None:
    clinic.front.answers["/xrpc/_health"] = (200, b'{"version":"0.1.0"}')


@fault("public-name-broken", "behind-a-reverse-proxy")
def front_server_knows_another_port(clinic: Clinic) -> None:
    clinic.front.backend = free_port()


@fault("ipv6-dead", "remove the AAAA record")
def ipv6_leads_nowhere(clinic: Clinic) -> None:
    clinic.front.ipv6_port = free_port()


@fault("websocket-blocked", "Upgrade")
def upgrade_is_dropped(clinic: Clinic) -> None:
    clinic.front.upgrade = "drop"


@fault("websocket-blocked", "unbuffered")
def nothing_comes_through_the_websocket(clinic: Clinic) -> None:
    clinic.front.upgrade = "mute"


@fault("well-known-swallowed", "/.well-known/oauth-authorization-server")
def well_known_path_is_swallowed(clinic: Clinic) -> None:
    clinic.front.answers["/.well-known/oauth-authorization-server"] = (404, b"")


@fault("well-known-swallowed", "/.well-known/did.json")
def did_document_of_another_server(clinic: Clinic) -> None:
    clinic.front.answers["/.well-known/did.json"] = (200, b'{"id":"did:web:other.example.com"}')


@fault("metrics-public", "PDS_METRICS_TOKEN")
def front_server_says_not_for_whom(clinic: Clinic) -> None:
    clinic.front.says_for_whom = False


@fault("handle-lost", "#handle-lost")
def the_path_of_handles_is_swallowed(clinic: Clinic) -> None:
    clinic.front.answers["/.well-known/atproto-did"] = (404, b"not found")


@fault("handle-other", "pdsadmin account set-handle")
def handle_leads_to_somebody_else(clinic: Clinic) -> None:
    name = f"_atproto.alice.{HOST}"
    clinic.dns.texts[name] = [["did=did:plc:ewvi7nxzyoun6zhxrhs64oiz"]]


@fault("handle-lost", 'TXT "did=did:plc:')
def own_domain_without_dns(clinic: Clinic) -> None:
    change_document(clinic, also_known_as=["at://alice.example.org"])
    execute("UPDATE account SET handle = 'alice.example.org'")


@fault("clock-wrong", "timedatectl")
def clock_an_hour_ahead(clinic: Clinic) -> None:
    clinic.clock = lambda: system_clock() + HOUR_US


@fault("clock-wrong", "timedatectl")
def clock_a_minute_behind(clinic: Clinic) -> None:
    clinic.clock = lambda: system_clock() - 60_000_000


def change_document(clinic: Clinic, **changes: object) -> None:
    identity, did = clinic.services.identity, clinic.member.did
    operation = identity.sign_update(identity.last_operation(did), **changes)
    identity.submit_operation(did, operation)


@fault("identity-key", "#identity-key")
def other_signing_key(clinic: Clinic) -> None:
    with transaction():
        clinic.services.keys.store(clinic.member.row.id, PrivateKey.generate())


@fault("identity-elsewhere", "pdsadmin account deactivate")
def document_names_another_server(clinic: Clinic) -> None:
    endpoint = {"type": "AtprotoPersonalDataServer", "endpoint": "https://new.example.com"}
    change_document(clinic, services={"atproto_pds": endpoint})


@fault("identity-handle", "pdsadmin account set-handle")
def document_has_another_handle(clinic: Clinic) -> None:
    change_document(clinic, also_known_as=["at://old.example.com"])


@fault("identity-gone", "#identity-gone")
def directory_does_not_know_the_did(clinic: Clinic) -> None:
    clinic.plc.logs.clear()


@fault("identity-unknown", "PDS_DID_PLC_URL")
def directory_fails(clinic: Clinic) -> None:
    clinic.plc.broken = 500


@fault("relay-none", "PDS_CRAWLERS=")
def no_relay_is_named(clinic: Clinic) -> None:
    clinic.settings["crawlers"] = ""


@fault("relay-silent", "PDS_CRAWLERS")
def relay_fails(clinic: Clinic) -> None:
    clinic.relay.broken = 500


@fault("relay-unknown", "pdsadmin request-crawl")
def relay_does_not_know_us(clinic: Clinic) -> None:
    clinic.relay.status = None


@fault("relay-throttled", "#relay-throttled")
def relay_throttles(clinic: Clinic) -> None:
    clinic.relay.status = "throttled"


@fault("relay-banned", "#relay-banned")
def relay_bans(clinic: Clinic) -> None:
    clinic.relay.status = "banned"


@fault("relay-offline", "pdsadmin request-crawl")
def relay_does_not_reach_us(clinic: Clinic) -> None:
    clinic.relay.status = "offline"


@fault("relay-ahead", "pdsadmin doctor --fix")
def relay_has_seen_more_than_there_is(clinic: Clinic) -> None:
    clinic.relay.seq += 1


@fault("relay-behind", "pdsadmin request-crawl")
def relay_has_stopped_reading(clinic: Clinic) -> None:
    clinic.relay.seq = 1
    execute("UPDATE event SET created_at_us = created_at_us - ?", HOUR_US)


@fault("account-throttled", "#account-throttled")
def relay_throttles_a_member(clinic: Clinic) -> None:
    clinic.relay.left_out[clinic.member.did] = "throttled"


@fault("account-desynchronized", "by itself")
def relay_has_lost_track_of_a_member(clinic: Clinic) -> None:
    clinic.relay.left_out[clinic.member.did] = "desynchronized"


@fault("account-refused", "those who run the relay")
def relay_has_taken_a_member_down(clinic: Clinic) -> None:
    clinic.relay.left_out[clinic.member.did] = "takendown"


@fault("mail-password", "user and password")
def wrong_mail_password(clinic: Clinic) -> None:
    url = f"smtp://pds:wrong@127.0.0.1:{clinic.mail.port}"
    clinic.settings["email_smtp_url"] = url


@fault("mail-unreachable", "host and port")
def mail_server_is_away(clinic: Clinic) -> None:
    clinic.settings["email_smtp_url"] = f"smtp://pds:x@127.0.0.1:{free_port()}"


@fault("mail-waiting", "pdsadmin logs")
def mail_does_not_leave(_clinic: Clinic) -> None:
    now_us = system_clock()
    mail = NewMail(
        None, "service", "notice", "a@example.com", "s", "t", "h", now_us - 3 * HOUR_US, now_us
    )
    with transaction():
        outgoing_mail.insert_mail(mail)


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


@pytest.mark.parametrize("title", FAULTS)
def test_a_fault_is_named_with_its_remedy_and_nothing_else(clinic: Clinic, title: str) -> None:
    name, inflict, remedy = FAULTS[title]
    inflict(clinic)

    wrong = clinic.wrong()

    assert {one.name: one.found for one in wrong.values()} == {name: wrong[name].found}
    assert remedy in wrong[name].remedy
    assert "\n" not in wrong[name].found + wrong[name].remedy


def test_faults_of_nearly_every_kind_were_tried() -> None:
    elsewhere = {"settings", "data", "unfinished", "server-old"}

    assert {name for name, _, _ in FAULTS.values()} == set(FINDINGS) - elsewhere
    assert len(FAULTS) >= 60
