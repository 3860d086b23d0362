"""Calls that are passed on: who may make them, where they go, what goes along and what comes back.

The services in these tests verify every token against the PLC directory, so that a reply other than
a refusal says that the token was right.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pds.services.session_scopes import Scope
from tests.factories import StillClock, take_down
from tests.proxy_stage import LIST_CONVOS, SEARCH, ProxyStage, open_proxy_stage
from tests.scenarios.callers import Visitors
from tests.scenarios.who_may_call import ANSWERS
from tests.session_tools import access_as

EMIT = "tools.ozone.moderation.emitEvent"


# --- where a call goes --------------------------------------------------------------------------


def test_a_call_goes_to_the_app_view_by_default(proxy: ProxyStage) -> None:
    answer = proxy.ask(SEARCH, "?q=x")

    assert answer.status == 200
    assert answer.json["path"] == f"/xrpc/{SEARCH}?q=x"
    [claims] = proxy.app_view.claims
    assert (claims.iss, claims.aud, claims.lxm) == (proxy.alice.did, proxy.app_view.did, SEARCH)


def test_moderators_methods_go_to_the_moderation_service(proxy: ProxyStage) -> None:
    proxy.echo("tools.ozone.moderation.queryEvents")

    assert len(proxy.moderation.asked) == 1
    assert proxy.app_view.asked == []


def test_other_methods_of_ozone_go_to_the_app_view(proxy: ProxyStage) -> None:
    proxy.echo("tools.ozone.set.getValues")

    assert len(proxy.app_view.asked) == 1


def test_a_service_named_by_the_client_is_looked_up(proxy: ProxyStage) -> None:
    proxy.echo(LIST_CONVOS, to=f"{proxy.stranger.did}#bsky_chat")

    [claims] = proxy.stranger.claims
    assert claims.aud == proxy.stranger.did


def test_configured_services_are_not_looked_up(proxy: ProxyStage) -> None:
    proxy.echo(SEARCH, to=f"{proxy.app_view.did}#bsky_appview")
    proxy.echo(SEARCH, to=f"{proxy.moderation.did}#atproto_labeler")

    for service in (proxy.app_view, proxy.moderation):
        assert [asked.path for asked in service.server.asked] == [f"/xrpc/{SEARCH}"]


def test_another_service_of_a_configured_did_is_looked_up(proxy: ProxyStage) -> None:
    proxy.echo(SEARCH, to=f"{proxy.app_view.did}#other")

    assert proxy.app_view.server.asked[0].path == "/.well-known/did.json"


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("#bsky_chat", "no did specified in proxy header"),
        ("did:web:chat.example.com", "no service id specified in proxy header"),
        ("did:web:chat.example.com#", "no service id specified in proxy header"),
        ("did:web:a.example.com#b#c", "invalid proxy header format"),
        ("did:web:a.example.com #b", "proxy header cannot contain spaces"),
        ("nonsense#bsky_chat", "could not resolve proxy did"),
        ("did:plc:aaaaaaaaaaaaaaaaaaaaaaaa#bsky_chat", "could not resolve proxy did"),
        ("did:key:zQ3sh#bsky_chat", "could not resolve proxy did"),
        ("{stranger}#nothing", "could not resolve proxy did service url"),
        ("{alice}#atproto_pds", "could not resolve proxy did service url: it is this server"),
    ],
)
def test_a_header_that_leads_nowhere_is_400(proxy: ProxyStage, header: str, message: str) -> None:
    header = header.format(stranger=proxy.stranger.did, alice=proxy.alice.did)

    assert proxy.ask(SEARCH, to=header).error == (400, "InvalidRequest", message)


def test_an_empty_header_counts_as_none(proxy: ProxyStage) -> None:
    proxy.echo(SEARCH, to="")

    assert len(proxy.app_view.asked) == 1


def test_without_an_app_view_there_is_nowhere_to_go(
    tmp_path: Path, clock: StillClock, open_database: Path
) -> None:
    del open_database
    with open_proxy_stage(tmp_path, clock, configured=False) as proxy:
        for nsid in (SEARCH, "tools.ozone.team.listMembers"):
            message = f"No service configured for {nsid}"
            assert proxy.ask(nsid).error == (400, "InvalidRequest", message)


# --- who may make it ----------------------------------------------------------------------------


def test_nobody_is_looked_up_for_a_stranger(proxy: ProxyStage) -> None:
    to = f"{proxy.stranger.did}#bsky_chat"

    assert proxy.ask(LIST_CONVOS, to=to, Authorization="").error[:2] == (400, "InvalidToken")
    assert proxy.stage.web.get(f"/xrpc/{LIST_CONVOS}", atproto_proxy=to).error[:2] == (
        401,
        "AuthMissing",
    )
    assert proxy.ask(LIST_CONVOS, to=to, Authorization="Bearer a.b.c").error[:2] == (
        400,
        "InvalidToken",
    )
    assert proxy.stranger.server.asked == []


@pytest.mark.parametrize(
    ("nsid", "answers"),
    [
        (SEARCH, "missing ok token ok ok ok token token token token ok"),
        (LIST_CONVOS, "missing ok token token ok ok token token token token scope"),
    ],
)
def test_each_kind_of_caller_gets_the_reviewed_answer(
    proxy: ProxyStage, nsid: str, answers: str
) -> None:
    """The words are those of ``tests/scenarios/who_may_call.py``."""
    found = []
    for visitor in Visitors(proxy.services).all(nsid):
        headers = {} if visitor.authorization is None else {"Authorization": visitor.authorization}
        web = proxy.stage.web
        answer = visitor.app.get(web, nsid) if visitor.app else web.get(f"/xrpc/{nsid}", **headers)
        found.append("ok" if answer.status == 200 else f"{answer.status} {answer.json['error']}")

    words = {**ANSWERS, "ok": "ok"}
    assert found == [words[word] for word in answers.split()]


def test_a_session_that_has_ended_is_refused(proxy: ProxyStage) -> None:
    proxy.services.sessions.end_all(proxy.alice.row.id)

    assert proxy.ask(SEARCH).error[:2] == (400, "ExpiredToken")
    assert proxy.app_view.asked == []


def test_an_account_that_is_taken_down_is_refused(proxy: ProxyStage) -> None:
    take_down(proxy.alice)
    assert proxy.ask(SEARCH).error[:2] == (401, "AccountTakedown")

    token = access_as(proxy.services, proxy.alice, Scope.TAKENDOWN)
    assert proxy.ask(SEARCH, token=token).error[:2] == (400, "InvalidToken")
    assert proxy.app_view.asked == []


def test_a_deactivated_account_may(proxy: ProxyStage) -> None:
    proxy.services.accounts.deactivate(proxy.alice.did)

    assert proxy.ask(SEARCH).status == 200


def test_private_messages_need_a_privileged_app_password(proxy: ProxyStage) -> None:
    to = f"{proxy.stranger.did}#bsky_chat"
    plain = access_as(proxy.services, proxy.alice, Scope.APP_PASS)
    privileged = access_as(proxy.services, proxy.alice, Scope.APP_PASS_PRIVILEGED)

    for nsid in (LIST_CONVOS, LIST_CONVOS.upper(), "chat.bsky.convo.addReaction"):
        refused = proxy.ask(nsid, to=to, token=plain)
        assert refused.error == (400, "InvalidToken", "Bad token method")
    assert proxy.stranger.server.asked == []

    assert proxy.ask(SEARCH, token=plain).status == 200
    assert proxy.ask(LIST_CONVOS, to=to, token=privileged).status == 200


def test_event_streams_are_not_passed_on(proxy: ProxyStage) -> None:
    labels = "com.atproto.label.subscribeLabels"
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13"}
    key = {"Sec_WebSocket_Key": "MDEyMzQ1Njc4OWFiY2RlZg=="}

    for answer in (
        proxy.ask(labels),
        proxy.ask(labels, **upgrade, **key),
        proxy.ask("com.example.unknown.subscribe", **upgrade, **key),
    ):
        status, name, message = answer.error
        assert (status, name) == (400, "InvalidRequest")
        assert "event stream" in message
    assert proxy.app_view.asked == []


@pytest.mark.parametrize("verb", ["PUT", "DELETE", "PATCH"])
def test_other_verbs_are_refused(proxy: ProxyStage, verb: str) -> None:
    answer = proxy.ask(SEARCH, verb=verb)

    assert answer.error == (
        400,
        "InvalidRequest",
        "XRPC requests only supports GET and POST",
    )


# --- what comes back when it fails --------------------------------------------------------------


def test_an_error_keeps_its_words_and_its_status(proxy: ProxyStage) -> None:
    body = b'{"error":"BlockedActor","message":"Requester has blocked them"}'
    proxy.app_view.routes[f"/xrpc/{SEARCH}"] = (400, {"content-type": "application/json"}, body)

    assert proxy.ask(SEARCH).error == (400, "BlockedActor", "Requester has blocked them")


def test_an_internal_error_becomes_an_upstream_failure(proxy: ProxyStage) -> None:
    proxy.app_view.routes[f"/xrpc/{SEARCH}"] = (500, {}, b"<html>Traceback</html>")

    assert proxy.ask(SEARCH).error == (502, "UpstreamFailure", "Upstream Failure")


def test_a_service_that_cannot_be_reached_is_502(proxy: ProxyStage) -> None:
    proxy.stranger.services["gone"] = "http://localhost:1"
    answer = proxy.ask(SEARCH, to=f"{proxy.stranger.did}#gone")

    assert answer.error == (502, "UpstreamFailure", "Upstream service unreachable")
