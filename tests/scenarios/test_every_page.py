"""Every page there is, also those that say no, is locked and well-formed."""

from __future__ import annotations

from pathlib import Path

import pytest

from pds.config import Config
from tests.factories import make_config
from tests.scenarios.every_page import (
    assert_page_is_locked,
    assert_page_is_well_formed,
    page_routes,
)
from tests.stage import Stage

ACCEPT = "text/html,application/xhtml+xml,*/*;q=0.8"
FORM = "application/x-www-form-urlencoded"
MEMBERS = "/account/u/"


@pytest.fixture(params=["localhost", "pds.example.com"])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Config:
    return make_config(tmp_path, hostname=request.param, did_plc_url="http://127.0.0.1:9")


def test_pages_are_found_by_their_routes(stage: Stage) -> None:
    routes = page_routes(stage.web.app, "GET")

    assert {"/", "/account/reset-password", "/account/confirm-email"} <= set(routes)


@pytest.mark.parametrize("verb", ["GET", "POST", "PUT"])
def test_every_page_is_locked_whatever_is_asked_of_it(stage: Stage, verb: str) -> None:
    app = stage.web.app
    is_http = stage.services.config.is_local
    paths = {*page_routes(app, "GET"), *page_routes(app, "POST"), "/no-such-page"}
    pages = 0
    for path in sorted(paths):
        body = b"" if verb != "GET" else None
        answer = stage.web.request(
            verb,
            path,
            body,
            {"Accept": ACCEPT, "Content-Type": FORM} if body is not None else {"Accept": ACCEPT},
        )
        assert answer.status < 500, path
        if answer.headers["Location"] is None:
            assert_page_is_locked(answer, is_http=is_http, leads_out=path.startswith("/oauth/"))
            assert_page_is_well_formed(answer.body)
            pages += 1
    # Pages of members lead to signing in; tests/web/pages/account looks at them from inside.
    open_to_all = [path for path in page_routes(app, "POST") if not path.startswith(MEMBERS)]
    assert pages >= len(open_to_all)


def test_programs_get_json_where_there_is_no_page(stage: Stage) -> None:
    for path, accept in (
        ("/no-such-page", "*/*"),
        ("/xrpc/com.atproto.server.nope", ACCEPT),
        ("/xrpc/", ACCEPT),
        ("/.well-known/nope", ACCEPT),
    ):
        answer = stage.web.get(path, Accept=accept)
        assert answer.headers["Content-Type"].startswith("application/json"), path
        assert "error" in answer.json
