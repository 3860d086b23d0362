"""importRepo: the method's own part; the rest is told in services/test_repo_import.py."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from pds.errors import InvalidRequestError
from pds.services import build_services
from pds.services.session_scopes import Scope
from pds.xrpc.loading import load_methods
from pds.xrpc.method import Auths, Caller
from tests.factories import Person, StillClock, ask, make_config, make_newcomer
from tests.foreign_repo import ForeignRepo, simple_records

if TYPE_CHECKING:
    from pathlib import Path

    from pds.services import Services

NSID = "com.atproto.repo.importRepo"


def test_newcomer_brings_their_repo(services: Services) -> None:
    newcomer = make_newcomer(services)
    services.accounts.create(newcomer.wants())
    repo = ForeignRepo(newcomer.did, newcomer.key, simple_records(5))

    reply = ask(services, NSID, Caller("user", newcomer.did, Scope.ACCESS), body=repo.stream())

    assert reply is None
    account = services.accounts.get_account(newcomer.did)
    assert services.repos.get_head(account.id).data == repo.nodes()[0]


def test_damaged_file_is_the_client_s_fault(services: Services, alice: Person) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        ask(services, NSID, alice.caller, body=io.BytesIO(b"nonsense"))

    assert caught.value.status == 400


def test_import_without_a_body_is_refused(services: Services, alice: Person) -> None:
    with pytest.raises(InvalidRequestError, match="body"):
        ask(services, NSID, alice.caller)


def test_operator_may_switch_imports_off(
    tmp_path: Path, open_database: Path, clock: StillClock
) -> None:
    del open_database
    services = build_services(make_config(tmp_path, accepting_repo_imports="false"), clock)
    try:
        with pytest.raises(InvalidRequestError, match="not accepting repo imports"):
            ask(services, NSID, Caller("user", "did:plc:x"), body=io.BytesIO(b""))
    finally:
        services.close()


def test_limits_are_those_of_the_settings(services: Services) -> None:
    method = load_methods()[NSID]
    assert method.auth is Auths.FULL_USER_NOT_TAKEN_DOWN
    assert callable(method.body_limit_bytes)
    assert method.body_limit_bytes(services) == services.config.max_repo_import_size
