"""com.atproto.moderation.createReport: reports reach the service they are for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pds.services.session_scopes import Scope
from tests.app_view import STRANGER, LaggingAppView
from tests.factories import StillClock, take_down
from tests.fakes.upstream import Upstream, upstream
from tests.proxy_stage import ProxyStage, open_proxy_stage
from tests.session_tools import access_as
from tests.web.harness import Answer

NSID = "com.atproto.moderation.createReport"
REASON = "com.atproto.moderation.defs#reasonSpam"
SUBJECT = {"$type": "com.atproto.admin.defs#repoRef", "did": STRANGER}


def report(proxy: ProxyStage, **how: Any) -> Answer:
    body = {"reasonType": REASON, "subject": SUBJECT, "reason": "é"}
    return proxy.ask(
        NSID, verb="POST", body=json.dumps(body), Content_Type="application/json", **how
    )


def takes_reports(service: Upstream, **changes: Any) -> dict[str, Any]:
    reply = {
        "id": 7,
        "reasonType": REASON,
        "subject": SUBJECT,
        "reportedBy": STRANGER,
        "createdAt": "2026-01-01T00:00:00.000Z",
        **changes,
    }
    body = json.dumps(reply).encode()
    service.routes[f"/xrpc/{NSID}"] = (200, {"content-type": "application/json"}, body)
    return reply


def test_a_report_goes_to_the_moderation_service(app_view: LaggingAppView) -> None:
    proxy = app_view.proxy
    wanted = takes_reports(proxy.moderation)

    answer = report(proxy, Accept_Encoding="br", Accept_Language="de")

    assert (answer.status, answer.json) == (200, wanted)
    [asked] = proxy.moderation.server.asked
    assert json.loads(asked.body) == {"reasonType": REASON, "subject": SUBJECT, "reason": "é"}
    [claims] = proxy.moderation.claims
    assert (claims.iss, claims.aud, claims.lxm) == (proxy.alice.did, proxy.moderation.did, NSID)


def test_the_client_may_name_a_labeler(app_view: LaggingAppView) -> None:
    proxy = app_view.proxy
    takes_reports(proxy.stranger)

    assert report(proxy, to=f"{proxy.stranger.did}#atproto_labeler").status == 200

    [claims] = proxy.stranger.claims
    assert claims.aud == proxy.stranger.did
    assert proxy.moderation.asked == []


def test_a_report_service_goes_before_the_moderation_service(
    tmp_path: Path, clock: StillClock, open_database: Path
) -> None:
    del open_database
    with upstream(clock) as reports:
        settings = {"report_service_url": reports.url, "report_service_did": reports.did}
        with open_proxy_stage(tmp_path, clock, **settings) as proxy:  # type: ignore[arg-type]
            reports.plc_url = proxy.app_view.plc_url
            takes_reports(reports)
            assert report(proxy).status == 200
            assert len(reports.claims) == 1
            assert proxy.moderation.asked == []


def test_whoever_is_taken_down_may_appeal(app_view: LaggingAppView) -> None:
    proxy = app_view.proxy
    takes_reports(proxy.moderation)
    take_down(proxy.alice)

    token = access_as(proxy.services, proxy.alice, Scope.TAKENDOWN)

    assert report(proxy, token=token).status == 200
    assert proxy.moderation.claims[0].iss == proxy.alice.did


@pytest.mark.parametrize("scope", [Scope.APP_PASS, Scope.APP_PASS_PRIVILEGED])
def test_app_passwords_may_report(app_view: LaggingAppView, scope: Scope) -> None:
    takes_reports(app_view.proxy.moderation)

    token = access_as(app_view.proxy.services, app_view.proxy.alice, scope)
    assert report(app_view.proxy, token=token).status == 200


def test_without_a_service_it_is_refused(
    tmp_path: Path, clock: StillClock, open_database: Path
) -> None:
    del open_database
    with open_proxy_stage(tmp_path, clock, configured=False) as proxy:
        message = f"No service configured for {NSID}"
        assert report(proxy).error == (400, "InvalidRequest", message)


@pytest.mark.parametrize(
    ("status", "name", "shown"),
    [(400, "InvalidRequest", 400), (403, "Banned", 403), (500, "X", 502)],
)
def test_a_refusal_is_passed_on(
    app_view: LaggingAppView, status: int, name: str, shown: int
) -> None:
    body = json.dumps({"error": name, "message": "no"}).encode()
    headers = {"content-type": "application/json", "retry-after": "60"}
    app_view.proxy.moderation.routes[f"/xrpc/{NSID}"] = (status, headers, body)

    answer = report(app_view.proxy)

    assert answer.error == (shown, name, "no")
    assert answer.headers["Retry-After"] == "60"


@pytest.mark.parametrize("changes", [{"id": "x"}, {"createdAt": None}, {"subject": {}}])
def test_an_answer_that_is_none_is_a_failure(
    app_view: LaggingAppView, changes: dict[str, Any]
) -> None:
    takes_reports(app_view.proxy.moderation, **changes)

    message = f"Upstream service gave an unusable answer to {NSID}"
    assert report(app_view.proxy).error == (502, "UpstreamFailure", message)
