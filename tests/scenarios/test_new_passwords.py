"""A new password ends what the old one has begun: sessions, browsers, apps; and nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from pds.services.browsers import Browser
from pds.services.devices import Device
from pds.storage.database import rows
from tests.allowed_apps import BROWSER_ID, add_browser, allow_an_app
from tests.factories import Person
from tests.oauth_tools import let_in
from tests.stage import code_of, queued_mail

if TYPE_CHECKING:
    from tests.stage import Stage

NEW = "a new password"
SESSION = "/xrpc/com.atproto.server.getSession"
HOME = Device("Firefox", "192.0.2.7")
TABLES = ("session", "browser_account", "oauth_grant", "oauth_request", "oauth_client_approval")


def held(person: Person) -> dict[str, int]:
    """How many rows of each kind an account is used by."""
    account_id = person.row.id
    return {
        table: len(rows(f"SELECT 1 FROM {table} WHERE account_id = ?", (account_id,)))
        for table in TABLES
    }


NOTHING = dict.fromkeys(TABLES, 0)
EVERYTHING = dict.fromkeys(TABLES, 1)


@pytest.fixture
def everywhere(stage: Stage, alice: Person, bob: Person) -> Stage:
    """Both are signed in by password, in a browser, and in an app."""
    add_browser()
    for person in (alice, bob):
        allow_an_app(person)
        assert held(person) == EVERYTHING
    return stage


def reset_by_method(stage: Stage, person: Person) -> None:
    server = "com.atproto.server."
    stage.ok(server + "requestPasswordReset", {"email": person.email})
    code = code_of(person, "reset_password")
    stage.ok(server + "resetPassword", {"token": code, "password": NEW})


def set_by_admin(stage: Stage, person: Person) -> None:
    given = {"did": person.did, "password": NEW}
    stage.ok("com.atproto.admin.updateAccountPassword", given, admin=True)


def set_by_pdsadmin(stage: Stage, person: Person) -> None:
    stage.services.password_changes.change_by_operator(person.handle, NEW)


def change_by_member(stage: Stage, person: Person) -> None:
    stage.services.password_changes.change(person.row.id, person.password, NEW, device=HOME)


@pytest.mark.parametrize(
    "change", [reset_by_method, set_by_admin, set_by_pdsadmin, change_by_member]
)
def test_everybody_is_out(
    everywhere: Stage, alice: Person, bob: Person, change: Callable[[Stage, Person], None]
) -> None:
    change(everywhere, alice)

    assert held(alice) == NOTHING
    assert rows("SELECT grant_id FROM oauth_used_refresh_token") == [(f"grant {bob.did}",)]
    assert not everywhere.is_signed_in(alice)
    assert (held(bob), everywhere.is_signed_in(bob)) == (EVERYTHING, True)
    assert not everywhere.may_log_in(alice, alice.password)
    assert everywhere.may_log_in(alice, NEW)
    assert ("password_changed", alice.email) in queued_mail()


def reset_on_page(stage: Stage, person: Person) -> None:
    stage.submit("/account/reset-password", email=person.email)
    code = code_of(person, "reset_password")
    stage.submit("/account/reset-password", code=code, password=NEW)


@pytest.mark.parametrize(
    "change", [reset_by_method, reset_on_page, set_by_admin, set_by_pdsadmin, change_by_member]
)
def test_app_that_was_let_in_is_told_to_ask_again(
    stage: Stage, alice: Person, bob: Person, change: Callable[[Stage, Person], None]
) -> None:
    hers, his = let_in(stage.services, alice), let_in(stage.services, bob)
    for app in (hers, his):
        app.nonce = stage.services.oauth.proofs.next_nonce()
        assert app.send(stage.web, "GET", SESSION).status == 200

    change(stage, alice)

    refused = hers.send(stage.web, "GET", SESSION)
    assert (refused.status, refused.json["error"]) == (401, "invalid_token")
    assert his.send(stage.web, "GET", SESSION).status == 200


def test_app_stays_if_the_member_says_so(stage: Stage, alice: Person) -> None:
    app = let_in(stage.services, alice)
    app.nonce = stage.services.oauth.proofs.next_nonce()
    stage.services.password_changes.change(
        alice.row.id, alice.password, NEW, keep_others=True, device=HOME
    )

    assert app.send(stage.web, "GET", SESSION).status == 200


def sign_in(stage: Stage, person: Person) -> Browser:
    browsers = stage.services.browsers
    return browsers.sign_in(browsers.recognise(None, None, HOME), person.row.id, remember=True)


def test_member_stays_where_she_is(everywhere: Stage, alice: Person, bob: Person) -> None:
    here = sign_in(everywhere, alice)
    everywhere.services.password_changes.change(alice.row.id, alice.password, NEW, here.id)

    assert held(alice) == {**NOTHING, "browser_account": 1}
    assert [found.account.did for found in everywhere.services.browsers.accounts(here)] == [
        alice.did
    ]
    assert held(bob) == EVERYTHING


def test_member_may_let_the_others_stay(everywhere: Stage, alice: Person) -> None:
    everywhere.services.password_changes.change(
        alice.row.id, alice.password, NEW, BROWSER_ID, keep_others=True
    )

    assert held(alice) == EVERYTHING
    assert everywhere.is_signed_in(alice)
    assert everywhere.may_log_in(alice, NEW)


def test_refused_change_ends_nothing(everywhere: Stage, alice: Person) -> None:
    answer = everywhere.post(
        "com.atproto.server.resetPassword", {"token": "AAAAA-AAAAA", "password": NEW}
    )

    assert answer.status == 400
    assert held(alice) == EVERYTHING
