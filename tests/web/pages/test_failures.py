"""What went wrong is told on a page to people, and as JSON to programs."""

from __future__ import annotations

import logging

import pytest
from werkzeug.exceptions import Forbidden, NotFound

from pds.errors import NotEnoughResourcesError
from pds.web.pages.failures import WORDS, failure_page
from tests.scenarios.every_page import assert_page_is_locked, assert_page_is_well_formed
from tests.web.pages.conftest import Visitor, visitor_of


def test_page_that_is_not_there(visitor: Visitor) -> None:
    response = visitor.get("/nothing")

    assert response.status_code == 404
    assert "There is no such page" in response.text
    assert_page_is_locked(response, is_http=False)
    assert_page_is_well_formed(response.data)


def test_wrong_verb_is_told_with_the_right_ones(visitor: Visitor) -> None:
    response = visitor.get("/account/confirm-email", method="DELETE")

    assert response.status_code == 405
    assert "opened in another way" in response.text
    assert {"GET", "POST"} <= set(response.headers["Allow"].split(", "))


def test_bug_shows_a_number_that_the_log_has_too(caplog: pytest.LogCaptureFixture) -> None:
    visitor = visitor_of(contact_email_address="ops@example.com")
    with caplog.at_level(logging.ERROR):
        response = visitor.get("/example/bug")

    assert response.status_code == 500
    assert "secret detail" not in response.text
    assert response.headers["X-Request-Id"] in response.text
    assert response.headers["X-Request-Id"] in caplog.text
    assert "mailto:ops@example.com" in response.text
    assert_page_is_locked(response, is_http=False)


def test_programs_get_json(visitor: Visitor) -> None:
    response = visitor.get("/example/bug", Accept="*/*")

    assert response.status_code == 500
    assert response.json == {"error": "InternalServerError", "message": "Internal Server Error"}
    assert response.headers["Vary"] == "Accept"


@pytest.mark.parametrize("status", [*WORDS, 402, 418, 502, 504])
def test_every_status_has_words_and_a_next_step(visitor: Visitor, status: int) -> None:
    with visitor.client.application.test_request_context("/"):
        response = failure_page(status, NotFound(), "number-1")

    assert response.status_code == status
    text = response.get_data(as_text=True)
    assert 'href="/">Go to the start page' in text
    assert ("number-1" in text) is (status >= 500)


def test_expected_failure_says_what_was_wrong(visitor: Visitor) -> None:
    with visitor.client.application.test_request_context("/"):
        expected = failure_page(503, NotEnoughResourcesError("Too <many> at once"), "x")
        other = failure_page(403, Forbidden("detail"), "x")

    assert "Too &lt;many&gt; at once" in expected.get_data(as_text=True)
    assert "detail" not in other.get_data(as_text=True)
