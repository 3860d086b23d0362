"""Forms and XRPC methods that do the same spend the same budgets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask

from pds.config import Config
from pds.services.rate_limits import BudgetSpentError
from pds.web.pages import budgets
from pds.web.request_log import ENVIRON_KEY, RequestInfo
from pds.xrpc.method import Limit, LimitKey
from tests.factories import make_config

if TYPE_CHECKING:
    from pds.services import Services

HOME, AWAY = "192.0.2.1", "198.51.100.9"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(tmp_path, rate_limits_enabled="true", rate_limit_bypass_ips="203.0.113.0/24")


@pytest.fixture
def send(services: Services) -> Callable[..., bool]:
    """Whether a form that costs a point of a small budget is accepted."""

    def send(key: LimitKey, address: str = HOME, **said: str) -> bool:
        info = RequestInfo({"REQUEST_METHOD": "POST", "PATH_INFO": "/"}, address)
        with Flask("test").test_request_context(environ_overrides={ENVIRON_KEY: info}):
            try:
                budgets.spend(services, (Limit(f"test-{key}", 2, 60, key=key),), **said)
            except BudgetSpentError:
                assert info.standing is not None
                return False
            return True

    return send


@pytest.mark.parametrize(
    ("key", "same", "other", "is_by_address"),
    [
        ("ip", {}, {}, True),
        ("did", {"member": "did:plc:a"}, {"member": "did:plc:b"}, False),
        ("login", {"identifier": "alice.test"}, {"identifier": "bob.test"}, True),
        ("email", {"email": "a@example.com"}, {"email": "b@example.com"}, False),
    ],
)
def test_form_is_counted_as_its_method_is(
    send: Callable[..., bool],
    key: LimitKey,
    same: dict[str, str],
    other: dict[str, str],
    *,
    is_by_address: bool,
) -> None:
    assert [send(key, **same) for _ in range(3)] == [True, True, False]
    assert send(key, AWAY, **same) is is_by_address
    assert send(key, AWAY, **other)


def test_member_without_a_did_is_counted_by_address(send: Callable[..., bool]) -> None:
    assert [send("did") for _ in range(3)] == [True, True, False]
    assert send("did", AWAY)


def test_operators_exceptions_hold(send: Callable[..., bool]) -> None:
    assert all(send("ip", "203.0.113.5") for _ in range(5))
