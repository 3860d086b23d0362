"""Apps call other services through here: with their member's name, and nothing of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.factories import StillClock
from tests.fakes.upstream import Upstream
from tests.oauth_tools import App, let_in
from tests.proxy_stage import LIST_CONVOS, SEARCH, TIMELINE, ProxyStage, open_proxy_stage
from tests.web.harness import Answer

JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class House:
    proxy: ProxyStage

    def let_in(self, *scopes: str) -> App:
        return let_in(self.proxy.services, self.proxy.alice, " ".join(["atproto", *scopes]))

    def ask(self, app: App, nsid: str, query: str = "", *, to: str | None = None) -> Answer:
        headers = {} if to is None else {"atproto-proxy": to}
        return app.ask(self.proxy.stage.web, "GET", f"/xrpc/{nsid}{query}", headers=headers)


@pytest.fixture
def house(tmp_path: Path, clock: StillClock, open_database: Path) -> Iterator[House]:
    del open_database
    with open_proxy_stage(tmp_path, clock) as proxy:
        yield House(proxy)


def rpc(nsid: str, upstream: Upstream, service: str) -> str:
    return f"rpc:{nsid}?aud={quote(f'{upstream.did}#{service}', safe=':')}"


def test_service_gets_a_token_of_the_member_and_nothing_of_the_apps(house: House) -> None:
    chat = house.proxy.stranger
    app = house.let_in(rpc(LIST_CONVOS, chat, "bsky_chat"))

    answer = house.ask(app, LIST_CONVOS, "?limit=5", to=f"{chat.did}#bsky_chat")

    assert answer.status == 200
    [claims], [asked] = chat.claims, chat.asked
    assert (claims.iss, claims.aud, claims.lxm) == (house.proxy.alice.did, chat.did, LIST_CONVOS)
    assert asked.path == f"/xrpc/{LIST_CONVOS}?limit=5"
    assert "dpop" not in {name.lower() for name in asked.headers}
    assert app.access_token not in json.dumps(asked.headers)


def test_nobody_is_asked_for_what_is_not_permitted(house: House) -> None:
    """Not even for the DID document of the service."""
    chat, app_view = house.proxy.stranger, house.proxy.app_view
    app = house.let_in(
        rpc(TIMELINE, app_view, "bsky_appview"), rpc(LIST_CONVOS, chat, "another_service")
    )

    answers = [
        house.ask(app, LIST_CONVOS, to=f"{chat.did}#bsky_chat"),
        house.ask(app, TIMELINE, to=f"{chat.did}#bsky_appview"),
        house.ask(app, SEARCH, "?q=x"),
    ]

    assert {answer.error[:2] for answer in answers} == {(403, "ScopeMissingError")}
    assert [upstream.server.asked for upstream in house.proxy.upstreams] == [[], [], []]
    assert house.ask(app, TIMELINE).status == 200


def test_scope_that_is_named_permits_the_call(house: House) -> None:
    chat = house.proxy.stranger
    to = f"{chat.did}#bsky_chat"
    message = house.ask(house.let_in(), LIST_CONVOS, to=to).json["message"]

    named = message.removeprefix('Missing required scope "').removesuffix('"')

    assert house.ask(house.let_in(named), LIST_CONVOS, to=to).status == 200


@pytest.mark.parametrize(
    "name",
    [
        "admin.sendEmail",
        "identity.requestPlcOperationSignature",
        "identity.signPlcOperation",
        "identity.updateHandle",
        *(
            f"server.{name}"
            for name in (
                *("activateAccount", "confirmEmail", "createAppPassword", "deactivateAccount"),
                *("getAccountInviteCodes", "getSession", "listAppPasswords"),
                *("requestAccountDelete", "requestEmailConfirmation", "requestEmailUpdate"),
                *("revokeAppPassword", "updateEmail"),
            )
        ),
    ],
)
def test_what_concerns_the_account_is_never_asked_elsewhere(house: House, name: str) -> None:
    """However the method is written, and whatever the app may do."""
    stranger = house.proxy.stranger
    everything = quote(f"rpc:*?aud={stranger.did}#bsky_chat", safe=":*?=")
    app = house.let_in("transition:generic", "identity:*", everything)
    headers = {"atproto-proxy": f"{stranger.did}#bsky_chat"}
    nsid = f"com.atproto.{name}"

    for spelling in (nsid, nsid.upper(), nsid.replace("com.", "COM.")):
        for verb in ("GET", "POST"):
            app.ask(house.proxy.stage.web, verb, f"/xrpc/{spelling}", headers=headers)

    assert stranger.server.asked == []


@pytest.mark.parametrize("status", [200, 400, 401])
def test_headers_of_another_service_are_not_taken_for_ours(house: House, status: int) -> None:
    """Else the app would refresh its token, or sign its proofs with a nonce of theirs."""
    theirs = {**JSON, "DPoP-Nonce": "theirs", "WWW-Authenticate": 'DPoP error="invalid_token"'}
    said: dict[str, Any] = {"error": "invalid_token", "message": "theirs"}
    house.proxy.app_view.routes[f"/xrpc/{SEARCH}"] = (status, theirs, json.dumps(said).encode())

    answer = house.ask(house.let_in("transition:generic"), SEARCH, "?q=x")

    assert answer.status == status
    assert answer.headers.get_all("DPoP-Nonce") == [house.proxy.services.oauth.proofs.next_nonce()]
    assert "error=" not in (answer.headers["WWW-Authenticate"] or "")
    assert answer.headers["Cache-Control"] == "private"
