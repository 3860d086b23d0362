"""What the doctor heals, on a server that runs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pds.services import announcing_anew, health
from pds.services.announcing_anew import MARGIN
from pds.services.doctor import addresses, fixing, public_name
from pds.services.doctor.fixing import Healing
from pds.storage import database, events
from pds.storage.database import transaction
from tests.clinic import HOST, Clinic, open_clinic
from tests.factories import make_account, read_events

DAY_S = 86_400


@pytest.fixture
def clinic(
    tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Clinic]:
    for module in (health, public_name, addresses):
        monkeypatch.setattr(module, "TRUST_US", 20_000)
    with open_clinic(tmp_path, empty_database) as opened:
        yield opened


def heal(clinic: Clinic) -> list[str]:
    """What was done; nothing failed."""
    healing = try_to_heal(clinic)
    assert healing.failed == []
    return healing.done


def try_to_heal(clinic: Clinic) -> Healing:
    outside = clinic.outside()
    try:
        found = clinic.examine()
        return fixing.heal(clinic.patient(outside), found, lambda *_: None)
    finally:
        outside.close()


def test_a_healthy_server_is_left_alone(clinic: Clinic) -> None:
    before = events.last_seq()

    assert heal(clinic) == []
    assert (events.last_seq(), clinic.relay.asked_to_crawl) == (before, [])


def test_a_relay_that_is_ahead_goes_on(clinic: Clinic) -> None:
    last = events.last_seq()
    clinic.relay.seq = last + 5_000

    [healed] = heal(clinic)

    assert healed == (
        f"events go on above {last + 5_000 + MARGIN}, 1 repos were announced;"
        f" {clinic.settings['crawlers']} was asked to come"
    )
    kinds = [kind for kind, _ in read_events(last)]
    assert kinds == ["#account", "#identity", "#sync"]
    assert min(payload["seq"] for _, payload in read_events(last)) > clinic.relay.seq
    assert clinic.relay.asked_to_crawl == [HOST]
    assert clinic.wrong() == {}
    assert heal(clinic) == []


def test_a_repo_of_which_a_relay_has_seen_more_is_announced(clinic: Clinic) -> None:
    last = events.last_seq()
    clinic.relay.rev = clinic.services.repos.next_rev(None)
    assert list(clinic.wrong()) == ["account-ahead"]

    [healed] = heal(clinic)

    assert healed.startswith(f"events go on above {last}, 1 repos were announced;")
    assert [kind for kind, _ in read_events(last)] == ["#account", "#identity", "#sync"]
    assert clinic.wrong() == {}


def test_a_relay_that_does_not_know_us_is_asked_to_come(clinic: Clinic) -> None:
    clinic.relay.status = None

    [healed] = heal(clinic)

    assert healed == f"{clinic.settings['crawlers']} was asked to come, which takes minutes"
    assert clinic.relay.asked_to_crawl == [HOST]


def test_a_relay_that_bans_us_is_left_alone(clinic: Clinic) -> None:
    clinic.relay.status = "banned"

    assert heal(clinic) == []
    assert clinic.relay.asked_to_crawl == []


def test_a_relay_that_does_not_agree_to_come_is_told_of(clinic: Clinic) -> None:
    clinic.relay.status, clinic.relay.refuses = None, True

    healing = try_to_heal(clinic)

    assert healing.done == []
    [failed] = healing.failed
    assert failed.startswith("relay-unknown: ")
    assert failed.endswith("did not agree to come: 127.0.0.1 answered with status 400")


def test_what_cannot_be_healed_keeps_nothing_else_from_it(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clinic.data / "blobs/tmp/0123").write_bytes(b"half of it")
    os.utime(clinic.data / "blobs/tmp/0123", (time.time() - 2 * DAY_S,) * 2)
    clinic.relay.status = None

    def fail(_self: Path, *, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", fail)
        healing = try_to_heal(clinic)

    assert healing.failed == ["uploads-left: [Errno 13] Permission denied"]
    assert [line.endswith("takes minutes") for line in healing.done] == [True]


def test_what_was_broken_off_is_finished(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcing_anew, "AT_ONCE", 1)
    others = [
        make_account(clinic.services, name, handle=f"{name}.{HOST}").did
        for name in ("bob", "carol")
    ]
    last = events.last_seq()
    clinic.relay.seq = last + 5_000

    def stop(_what: str, done: int, _total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    outside = clinic.outside()
    found = clinic.examine()
    with pytest.raises(KeyboardInterrupt):
        fixing.heal(clinic.patient(outside), found, stop)
    outside.close()
    clinic.relay.seq = events.last_seq()
    half = events.last_seq()
    assert [p["did"] for kind, p in read_events(last) if kind == "#sync"] == [clinic.member.did]
    assert clinic.wrong()["relay-ahead"].remedy == "pdsadmin doctor --fix"

    [healed] = heal(clinic)

    assert healed.startswith("2 repos were announced that had been left out;")
    assert [p["did"] for kind, p in read_events(half) if kind == "#sync"] == others
    clinic.relay.seq = events.last_seq()
    assert "relay-ahead" not in clinic.wrong()


def test_uploads_that_nobody_used_go(clinic: Clinic) -> None:
    cut_off = clinic.data / "blobs/tmp/0123"
    cut_off.write_bytes(b"half of it")
    under_way = clinic.data / "blobs/tmp/4567"
    under_way.write_bytes(b"the beginning")
    os.utime(cut_off, (time.time() - 2 * DAY_S,) * 2)
    with transaction():
        database.execute("DELETE FROM record_blob")
        database.execute("UPDATE blob SET uploaded_at_us = 2")
    assert list(clinic.wrong()) == ["uploads-left"]

    [healed] = heal(clinic)

    assert healed == "1 uploads that were cut off and 1 that nobody used are gone"
    assert (cut_off.exists(), under_way.exists()) == (False, True)
    assert clinic.wrong() == {}


def test_files_are_closed(clinic: Clinic) -> None:
    clinic.data.chmod(0o777)
    (clinic.data / "pds.sqlite").chmod(0o666)

    [healed] = heal(clinic)

    assert healed.startswith("others cannot use ")
    assert clinic.data.stat().st_mode & 0o777 == 0o775
    assert (clinic.data / "pds.sqlite").stat().st_mode & 0o777 == 0o640
    assert clinic.wrong() == {}
