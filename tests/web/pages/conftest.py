"""The web application with the example page, asked without a socket."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from pds.web.app import create_app
from tests.web.harness import make_config, make_services
from tests.web.pages.example import example_page

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


class Visitor:
    """Opens pages as a browser does."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, method: str = "GET", **headers: str) -> Any:
        return self.client.open(path, method=method, headers={**BROWSER, **headers})


def visitor_of(**settings: Any) -> Visitor:
    app = create_app(make_services(config=make_config(**settings)), {})
    app.register_blueprint(example_page())
    return Visitor(app.test_client())


@pytest.fixture(scope="session")
def visitor() -> Visitor:
    return visitor_of()
