"""Wishes of clients are read, if they are no longer than wishes are."""

from __future__ import annotations

import pytest
from flask import Flask

from pds.web.accepting import MAX_LENGTH, languages, media_types


@pytest.fixture
def app() -> Flask:
    return Flask(__name__)


def test_wishes_are_read(app: Flask) -> None:
    said = {"Accept": "text/html, */*;q=0.5", "Accept-Language": "en;q=0.5, pt-BR"}

    with app.test_request_context(headers=said):
        assert media_types()["text/html"] == 1
        assert media_types()["image/png"] == 0.5
        assert languages() == ("pt-BR", "en")
    with app.test_request_context():
        assert not media_types()
        assert languages() == ()


def test_what_is_longer_than_wishes_are_is_not_read(app: Flask) -> None:
    longest = "en," * (MAX_LENGTH // 3)
    with app.test_request_context(headers={"Accept": longest, "Accept-Language": longest}):
        assert media_types()
        assert languages()
    too_long = f"{longest}de"
    with app.test_request_context(headers={"Accept": too_long, "Accept-Language": too_long}):
        assert not media_types()
        assert languages() == ()
