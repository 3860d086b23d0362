"""The official npm client does all with an account that takes a code, with mail and without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.code_servers import CodeServer, server_with_mail, server_without_mail
from tests.fakes.web_server import Asked, Route, web_server
from tests.interop.npm import require_packages, run_script

pytestmark = [pytest.mark.slow, pytest.mark.needs_node]


@pytest.fixture(params=[server_with_mail, server_without_mail], ids=["mail", "no-mail"])
def code_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CodeServer]:
    require_packages()
    start: Callable[[Path], AbstractContextManager[CodeServer]] = request.param
    with start(tmp_path) as running:
        yield running


def test_client_lives_an_accounts_whole_life(code_server: CodeServer) -> None:
    def answer(asked: Asked) -> Route:
        [purpose] = parse_qs(urlsplit(asked.path).query)["purpose"]
        return 200, {}, code_server.next_code(purpose).encode()

    with web_server() as codes:
        codes.otherwise = answer
        figures = run_script(
            "accounts.mjs",
            code_server.server.url,
            codes.url,
            code_server.handle_domain,
            code_server.invite_code,
        )

    assert figures["refusals"] >= 15
    assert "Traceback" not in code_server.server.log.read_text()
