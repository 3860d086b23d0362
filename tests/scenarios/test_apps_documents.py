"""What apps and authors publish, as it comes into play when an app pushes a request."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import pytest

from pds.config import Config
from tests.attack_tools import Scene
from tests.factories import Person, StillClock, make_config
from tests.fakes.lexicon_publisher import COLLECTION, permission_set
from tests.fakes.oauth_app import OAuthApp, oauth_app
from tests.fakes.web_server import Asked, Route
from tests.oauth_client import Pushing
from tests.repo_methods import repo_call
from tests.stage import Stage

LIMIT_S = 10
THREADS = 4  # of the server
SET = "test.alice.calendar.auth"
UNKNOWN_SET = "test.nobody.calendar.auth"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(tmp_path, oauth_test_clients="true", threads=str(THREADS))


@pytest.fixture
def pushing(stage: Stage, clock: StillClock) -> Pushing:
    return Pushing(stage, clock)


@pytest.fixture
def app() -> Iterator[OAuthApp]:
    with oauth_app() as running:
        scope = f"atproto include:{SET} include:{UNKNOWN_SET}"
        running.publish(running.document(scope=scope))
        yield running


def test_slow_documents_leave_threads_for_everything_else(
    stage: Stage, pushing: Pushing, app: OAuthApp
) -> None:
    arrived, may_answer = threading.Semaphore(0), threading.Event()

    def slowly(_asked: Asked) -> Route:
        arrived.release()
        may_answer.wait(LIMIT_S)
        return 404, {}, b""

    app.server.otherwise = slowly
    ids = [f"{app.server.url}/slow{number}.json" for number in range(THREADS + 4)]
    with ThreadPoolExecutor(len(ids)) as strangers:
        answers = [strangers.submit(pushing.push, one) for one in ids]
        for _ in range(THREADS // 2):
            assert arrived.acquire(timeout=LIMIT_S)
        assert stage.web.get("/xrpc/com.atproto.server.describeServer").status == 200
        first = as_completed(answers, timeout=LIMIT_S)
        refused = [next(first).result() for _ in range(len(ids) - THREADS // 2)]
        may_answer.set()
        last = [answer.result() for answer in first]

    assert {(one.status, one.json["error"]) for one in refused} == {
        (503, "temporarily_unavailable")
    }
    assert {(one.status, one.json["error"]) for one in last} == {(400, "invalid_client_metadata")}
    assert all("status 404" in one.json["error_description"] for one in last)


def test_strangers_who_hold_all_look_ups_sign_nobody_out(
    stage: Stage, pushing: Pushing, app: OAuthApp, alice: Person, clock: StillClock
) -> None:
    arrived, may_answer = threading.Semaphore(0), threading.Event()

    def slowly(_asked: Asked) -> Route:
        arrived.release()
        may_answer.wait(LIMIT_S)
        return 404, {}, b""

    app.server.otherwise = slowly
    scene = Scene(stage, clock)
    client = scene.client(client_id=app.client_id, redirect_uri=app.redirect_uri)
    client.scope = "atproto"
    tokens = scene.tokens(client, alice)
    clock.advance(601)  # its document has to be fetched anew
    asked_before = app.times_asked()
    with ThreadPoolExecutor(THREADS) as strangers:
        ids = [f"{app.server.url}/slow{number}.json" for number in range(THREADS // 2)]
        answers = [strangers.submit(pushing.push, one) for one in ids]
        for _ in ids:
            assert arrived.acquire(timeout=LIMIT_S)

        refused = pushing.push(app.client_id, redirect_uri=app.redirect_uri)
        refreshed = client.refresh(tokens["refresh_token"])
        may_answer.set()

    assert (refused.status, refused.json["error"]) == (503, "temporarily_unavailable")
    assert refreshed.status == 200, refreshed.body
    assert app.times_asked() == asked_before + 1
    assert {answer.result().status for answer in answers} == {400}


def test_sets_that_members_have_published_may_be_asked_for(
    stage: Stage, pushing: Pushing, app: OAuthApp, alice: Person
) -> None:
    asked = {"redirect_uri": app.redirect_uri, "scope": f"atproto include:{SET}"}
    refused = pushing.push(app.client_id, **asked)
    assert (refused.status, refused.json["error"]) == (400, "invalid_scope")
    assert f"include:{SET}" in refused.json["error_description"]
    assert "has not published it" in refused.json["error_description"]

    record = {"$type": COLLECTION, **permission_set(SET)}
    repo_call(stage.services, alice, "putRecord", collection=COLLECTION, rkey=SET, record=record)
    pushing.clock.advance(60)
    assert pushing.push(app.client_id, **asked).status == 201


def test_set_that_nobody_speaks_for_makes_the_request_fail(pushing: Pushing, app: OAuthApp) -> None:
    scope = f"atproto include:{UNKNOWN_SET}"

    answer = pushing.push(app.client_id, redirect_uri=app.redirect_uri, scope=scope)

    assert (answer.status, answer.json["error"]) == (400, "invalid_scope")
    assert "no account of this server has the handle" in answer.json["error_description"]
