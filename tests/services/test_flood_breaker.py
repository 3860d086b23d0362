"""The flood breaker: two caps on sign-ups, an alarm for each, and nothing for members."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pds.config import Config
from pds.errors import InvalidRequestError, SignUpClosedError
from pds.network.plc_directory import OperationRefusedError
from pds.services import build_services
from pds.storage.database import rows, transaction
from tests.factories import (
    Person,
    StillClock,
    dump_tables,
    make_account,
    make_config,
    make_newcomer,
    new_account,
    race,
)

if TYPE_CHECKING:
    from pds.services import Services

CONTACT = "boss@example.com"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(
        tmp_path, sign_ups_per_hour="3", max_accounts="6", contact_email_address=CONTACT
    )


def fill(services: Services, *names: str) -> list[Person]:
    return [make_account(services, name) for name in names]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.levelno == logging.WARNING]


def alarms() -> list[tuple[Any, ...]]:
    return rows("SELECT recipient, subject FROM outgoing_mail WHERE topic = 'operator'")


@contextmanager
def other_process(services: Services) -> Iterator[Services]:
    """The same database, and nothing in memory."""
    built = build_services(services.config, services.clock)
    try:
        yield built
    finally:
        built.close()


def test_more_than_the_hourly_cap_closes_sign_up(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    fill(services, "ann", "ben", "cleo")
    assert services.flood_breaker.status().is_open
    before = dump_tables()

    for name in ("dora", "emil"):
        with pytest.raises(SignUpClosedError, match=rf"operator \({CONTACT}\)") as raised:
            make_account(services, name)
        assert (raised.value.status, raised.value.error) == (400, "InvalidRequest")

    assert dump_tables() == before
    [line] = warnings(caplog)
    assert "3 accounts were made within an hour" in line
    assert "pdsadmin sign-up open" in line
    assert alarms() == [(CONTACT, "Sign-up on your server is closed")]
    status = services.flood_breaker.status()
    assert (status.is_open, status.reason, status.last_hour, status.per_hour) == (
        False,
        "flood",
        3,
        3,
    )


def test_it_stays_closed_over_time_and_restarts(services: Services, clock: StillClock) -> None:
    fill(services, "ann", "ben", "cleo")
    with pytest.raises(SignUpClosedError):
        make_account(services, "dora")
    clock.advance(7 * 86_400)

    with other_process(services) as restarted, pytest.raises(SignUpClosedError):
        make_account(restarted, "dora")


def test_operator_opens_it_from_another_process(services: Services) -> None:
    fill(services, "ann", "ben", "cleo")
    with pytest.raises(SignUpClosedError):
        make_account(services, "dora")

    with other_process(services) as command:
        command.flood_breaker.reopen()

    fill(services, "dora", "emil", "fritz")
    assert services.flood_breaker.status().last_hour == 3


def test_hourly_cap_is_about_an_hour(services: Services, clock: StillClock) -> None:
    fill(services, "ann", "ben")
    clock.advance(3_600)
    fill(services, "cleo", "dora")
    clock.advance(1_800)

    fill(services, "emil")
    with pytest.raises(SignUpClosedError):
        make_account(services, "fritz")


def test_members_are_not_affected(services: Services) -> None:
    alice, *_ = fill(services, "alice", "ben", "cleo")
    with pytest.raises(SignUpClosedError):
        make_account(services, "dora")

    session = services.sessions.login(alice.handle, alice.password)
    assert services.sessions.verify_access(session.tokens.access_jwt).did == alice.did
    services.accounts.deactivate(alice.did, None)
    services.accounts.activate(alice.did)


def test_sign_up_that_is_wrong_anyway_closes_nothing(services: Services) -> None:
    fill(services, "ann", "ben", "cleo")

    for wrong in (new_account("ann"), new_account("dora", email="nonsense")):
        with pytest.raises(InvalidRequestError):
            services.accounts.create(wrong)

    assert services.flood_breaker.status().is_open


def test_sign_ups_that_the_directory_refuses_are_no_flood(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(services, "ann")
    with monkeypatch.context() as patched:
        patched.setattr(services.identity, "submit_genesis", refuse)
        for _ in range(4):
            with pytest.raises(OperationRefusedError):
                make_account(services, "ben")
        with pytest.raises(OperationRefusedError):
            make_account(services, "boss", by_operator=True)
    assert services.flood_breaker.status().last_hour == 1

    fill(services, "ben", "cleo")
    assert services.flood_breaker.status().is_open


def refuse(*_: object) -> None:
    raise OperationRefusedError


def test_moving_in_counts_and_is_refused_too(services: Services) -> None:
    newcomer = make_newcomer(services)
    services.accounts.create(newcomer.wants("carol"))
    fill(services, "ann", "ben")
    late = make_newcomer(services, "dave.old.test")

    with pytest.raises(SignUpClosedError):
        services.accounts.create(late.wants("dave"))
    assert len(rows("SELECT did FROM account")) == 3


def test_operator_is_never_refused_and_does_not_count_within_the_hour(services: Services) -> None:
    for name in ("ann", "ben", "cleo", "dora"):
        make_account(services, name, by_operator=True)
    assert services.flood_breaker.status().last_hour == 0
    services.flood_breaker.close()

    make_account(services, "emil", by_operator=True)
    with pytest.raises(SignUpClosedError):
        make_account(services, "fritz")
    assert services.flood_breaker.status().reason == "operator"
    assert alarms() == []


def test_full_server_lets_nobody_in_until_there_is_room(
    services: Services, clock: StillClock, caplog: pytest.LogCaptureFixture
) -> None:
    people = fill(services, "ann", "ben", "cleo")
    clock.advance(3_601)
    fill(services, "dora", "emil", "fritz")
    clock.advance(3_601)

    for name in ("gerd", "hans"):
        with pytest.raises(SignUpClosedError, match="is full"):
            make_account(services, name)
    assert (len(warnings(caplog)), len(alarms())) == (1, 1)
    assert services.flood_breaker.status().reason == "full"

    services.accounts.delete(people[0].did)
    fill(services, "gerd")
    with pytest.raises(SignUpClosedError):
        make_account(services, "hans")
    assert (len(warnings(caplog)), len(alarms())) == (2, 2)  # it became full anew


def test_racing_sign_ups_do_not_overshoot(services: Services) -> None:
    attempts = [partial(make_account, services, f"user{number}") for number in range(8)]

    outcomes = race([*attempts])

    assert sum(isinstance(outcome, Person) for outcome in outcomes) == 3
    assert {type(outcome) for outcome in outcomes} == {Person, SignUpClosedError}
    assert len(rows("SELECT did FROM account")) == 3
    assert len(rows("SELECT did FROM plc_operation")) == 3


def test_sign_up_that_fills_the_hour_behind_our_back_is_refused_in_the_transaction(
    services: Services,
) -> None:
    breaker = services.flood_breaker
    breaker.admit()
    fill(services, "ann", "ben", "cleo")

    with pytest.raises(SignUpClosedError), transaction():
        breaker.count()


def test_without_caps_nothing_is_stored_or_refused(
    tmp_path: Path, clock: StillClock, open_database: Path
) -> None:
    del open_database
    services = build_services(make_config(tmp_path), clock)
    try:
        fill(services, *(f"user{number}" for number in range(25)))
        assert rows("SELECT value FROM server_state WHERE key = 'sign_up'") == []
        status = services.flood_breaker.status()
        assert (status.is_open, status.per_hour, status.max_in_all) == (True, 0, 0)
    finally:
        services.close()


@pytest.mark.parametrize(
    ("settings", "caps"),
    [
        ({}, (0, 0)),
        ({"hostname": "pds.example.com"}, (20, 90)),
        ({"hostname": "pds.example.com", "dev_mode": "true"}, (0, 0)),
        ({"hostname": "pds.example.com", "max_accounts": "500"}, (20, 500)),
        ({"sign_ups_per_hour": "5"}, (5, 0)),
    ],
)
def test_caps_are_for_public_servers(
    tmp_path: Path, settings: dict[str, str], caps: tuple[int, int]
) -> None:
    config = make_config(tmp_path, **settings)

    assert (config.sign_ups_per_hour, config.max_accounts) == caps


@pytest.mark.parametrize(
    ("settings", "recipients"),
    [
        ({"contact_email_address": "The boss <boss@example.com>"}, ["boss@example.com"]),
        (
            {
                "email_smtp_url": "smtp://127.0.0.1:1",
                "email_from_address": "Hearth <pds@example.com>",
            },
            ["pds@example.com"],
        ),
        ({}, []),
    ],
)
def test_alarm_goes_to_whom_the_settings_name(
    tmp_path: Path,
    clock: StillClock,
    open_database: Path,
    settings: dict[str, str],
    recipients: list[str],
) -> None:
    del open_database
    services = build_services(make_config(tmp_path, max_accounts="1", **settings), clock)
    try:
        make_account(services, "ann")
        with pytest.raises(SignUpClosedError):
            make_account(services, "ben")
        assert [recipient for recipient, _ in alarms()] == recipients
        [text] = [*rows("SELECT text FROM outgoing_mail WHERE topic = 'operator'"), ("",)][:1]
        assert ("1 accounts" in text[0]) == bool(recipients)
    finally:
        services.close()
