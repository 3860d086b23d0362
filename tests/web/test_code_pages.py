"""The pages that take a code: opened without effect, sent with one; nothing leaks."""

from __future__ import annotations

import logging
import re

import pytest

from tests.factories import Person, StillClock
from tests.leftovers import all_rows
from tests.stage import Stage, code_of

RESET = "/account/reset-password"
CONFIRM = "/account/confirm-email"


@pytest.fixture
def reset_code(stage: Stage, alice: Person) -> str:
    stage.services.password_changes.request_reset(alice.email)
    return code_of(alice, "reset_password")


@pytest.fixture
def confirm_code(stage: Stage, alice: Person) -> str:
    stage.services.email_addresses.request_confirmation(alice.did)
    return code_of(alice, "confirm_email")


def notice(body: bytes) -> str:
    found = re.search(r'<p class="notice [a-z]+"[^>]*>(.*?)</p>', body.decode(), re.DOTALL)
    assert found, body
    return found[1]


def error_of_code(body: bytes) -> str:
    found = re.search(r'<p class="error" id="f-code-error">(.*?)</p>', body.decode())
    assert found, body
    return found[1]


@pytest.mark.parametrize("path", [RESET, CONFIRM])
def test_page_is_filled_in_and_names_no_other_site(stage: Stage, path: str) -> None:
    answer = stage.web.get(f"{path}?code=ABCDE-FGHIJ")

    assert answer.status == 200
    assert b'value="ABCDE-FGHIJ"' in answer.body
    assert b"http" not in answer.body


@pytest.mark.parametrize("path", [RESET, CONFIRM])
def test_what_the_address_says_is_only_text(stage: Stage, path: str) -> None:
    attack = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E" + "x" * 500
    body = stage.web.get(f"{path}?code={attack}").body

    assert body.count(b"<script") == 1  # the page's own file
    assert b"x" * 200 not in body


@pytest.mark.parametrize("path", [RESET, CONFIRM])
def test_code_in_the_address_is_not_logged(
    stage: Stage, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stage.web.get(f"{path}?code=ABCDE-FGHIJ")
    stage.submit(path, code="ABCDE-FGHIJ", password="s3cret")

    assert "ABCDE" not in caplog.text
    assert "s3cret" not in caplog.text


def test_opening_the_links_uses_nothing_up(
    stage: Stage, alice: Person, reset_code: str, confirm_code: str
) -> None:
    before = all_rows()
    links = [pending.link for pending in stage.services.email_tokens.pending()]
    for link in links:
        assert link is not None
        for _ in range(3):
            assert stage.web.get(link.removeprefix("http://localhost:2583")).status == 200

    assert len(links) == 2
    assert all_rows() == before


def test_address_is_confirmed(stage: Stage, alice: Person, confirm_code: str) -> None:
    answer = stage.submit(CONFIRM, code=confirm_code)

    assert answer.status == 200
    assert "is confirmed" in notice(answer.body)
    assert alice.row.is_email_confirmed


@pytest.mark.parametrize("path", [RESET, CONFIRM])
@pytest.mark.parametrize("code", ["", "AAAAA-AAAAA", "é\ud83d".encode("utf-8", "replace").decode()])
def test_wrong_code_is_told_plainly(stage: Stage, alice: Person, path: str, code: str) -> None:
    before = all_rows()

    answer = stage.submit(path, code=code, password="a new password")
    assert answer.status == 400
    told = "This code is wrong or was used already. Ask for a new one."
    assert error_of_code(answer.body) == told
    assert all_rows() == before


@pytest.mark.parametrize("path", [RESET, CONFIRM])
def test_lapsed_code_is_told_plainly(
    stage: Stage, path: str, reset_code: str, confirm_code: str, clock: StillClock
) -> None:
    clock.advance(15 * 60)
    code = reset_code if path == RESET else confirm_code

    answer = stage.submit(path, code=code, password="a new password")
    assert answer.status == 400
    assert "too old" in error_of_code(answer.body)


def test_other_verbs_and_empty_forms_do_no_harm(stage: Stage, alice: Person) -> None:
    before = all_rows()

    assert stage.web.request("PUT", RESET).status == 405
    assert stage.web.post(RESET, b"").status == 303
    assert stage.web.post(RESET, b"\xff\x00%", Content_Type="multipart/form-data").status in (
        *(303, 400),
    )
    assert all_rows() == before
