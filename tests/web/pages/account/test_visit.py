"""What a page says has worked."""

from __future__ import annotations

import pytest

from pds.web.pages.account import words
from pds.web.pages.account.visit import NAVIGATION, root_of
from tests.member_tools import Member


@pytest.mark.parametrize("done", sorted(words.DONE))
def test_page_says_what_has_worked(member: Member, done: str) -> None:
    assert words.DONE[done] in member.open(f"?done={done}").text


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_links_of_other_sites_do_not_make_it_say_anything(member: Member, site: str) -> None:
    page = member.browser.open(f"{member.root}?done=password", site=site)

    assert page.status == 200
    assert 'role="status"' not in page.html


def test_page_says_nothing_that_an_address_makes_up(member: Member) -> None:
    page = member.open("?done=Your+account+was+hacked")

    assert "hacked" not in page.html
    assert 'role="status"' not in page.html


def test_refusal_hides_what_had_worked(member: Member) -> None:
    form = member.form("/handle?done=handle", "/handle/here")

    page = member.submit(form, name="ab")

    assert page.html.count('role="alert"') == 1
    assert 'role="status"' not in page.html


def test_navigation_marks_the_page_one_is_at(member: Member) -> None:
    for _, path in NAVIGATION:
        if path != "/invites":
            current = f'href="{member.root}{path}" aria-current="page"'
            assert member.open(path).html.count(current) == 1
            assert member.open(path).html.count('aria-current="page"') == 1


def test_dids_are_escaped_in_addresses() -> None:
    assert root_of("did:plc:abc") == "/account/u/did:plc:abc"
    assert root_of("did:web:localhost%3A2583") == "/account/u/did:web:localhost%253A2583"
