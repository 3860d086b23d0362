"""What the doctor heals, on a server that runs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pds.services import health
from pds.services.announcing_anew import MARGIN
from pds.services.doctor import fixing, public_name
from pds.services.doctor.outside import Outside
from pds.storage import database, events
from pds.storage.database import transaction
from tests.clinic import HOST, Clinic, open_clinic
from tests.factories import read_events

DAY_S = 86_400


@pytest.fixture
def clinic(
    tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Clinic]:
    for module in (health, public_name):
        monkeypatch.setattr(module, "TRUST_US", 20_000)
    with open_clinic(tmp_path, empty_database) as opened:
        yield opened


def heal(clinic: Clinic) -> list[str]:
    outside = Outside(clinic.issuer.client(), clinic.front.resolve, [clinic.dns.address])
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

    assert healed == f"events go on above {last + 5_000 + MARGIN}, 1 repos were announced"
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

    assert healed == f"events go on above {last}, 1 repos were announced"
    assert [kind for kind, _ in read_events(last)] == ["#account", "#identity", "#sync"]
    assert clinic.wrong() == {}


def test_a_relay_that_does_not_know_us_is_asked_to_come(clinic: Clinic) -> None:
    clinic.relay.status = None

    [healed] = heal(clinic)

    assert healed.endswith("was asked to come")
    assert clinic.relay.asked_to_crawl == [HOST]


def test_a_relay_that_bans_us_is_left_alone(clinic: Clinic) -> None:
    clinic.relay.status = "banned"

    assert heal(clinic) == []
    assert clinic.relay.asked_to_crawl == []


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
