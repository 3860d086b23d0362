"""A deactivated account is made active before it agrees to anything."""

from __future__ import annotations

import pytest

from pds.errors import IncompatibleDidDocError
from pds.services.accounts import Accounts
from tests.authorizing import open_requests
from tests.browser_tools import Page
from tests.factories import Person
from tests.stage import Stage
from tests.web.pages.authorize.conftest import Member
from tests.web.pages.authorize.outcomes import error_of, granted

REACTIVATE = "/oauth/authorize/reactivate"


@pytest.fixture
def page(member: Member, stage: Stage, alice: Person) -> Page:
    """Where somebody with a deactivated account is after signing in."""
    stage.services.accounts.deactivate(alice.did)
    return member.sign_in(member.arrive(), alice)


def test_account_is_made_active_and_goes_on(member: Member, alice: Person, page: Page) -> None:
    assert page.heading == "Activate your account?"
    assert "@alice.test" in page.text

    consent = member.browser.submit(page.form(REACTIVATE))

    assert alice.row.is_active
    assert consent.heading == "Allow this app?"
    assert granted(member.allow(consent)).account_id == alice.row.id


def test_there_is_no_way_around_it(member: Member, alice: Person, page: Page) -> None:
    consent = page.address.replace("reactivate", "consent")
    assert member.browser.open(consent).heading == "Activate your account?"

    form = page.form(REACTIVATE)
    form.action = form.action.replace("reactivate", "consent")

    assert member.browser.submit(form).heading == "Activate your account?"
    assert open_requests() == 1
    assert not alice.row.is_active


def test_account_that_has_moved_away_is_told_so(
    member: Member, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    def moved(self: Accounts, did: str) -> None:
        raise IncompatibleDidDocError

    monkeypatch.setattr(Accounts, "activate", moved)

    answer = member.browser.submit(page.form(REACTIVATE))

    assert answer.status == 400
    assert IncompatibleDidDocError().message in answer.text
    assert answer.form(REACTIVATE).buttons


def test_member_may_go_back(member: Member, alice: Person, page: Page) -> None:
    assert error_of(member.deny(page)) == "access_denied"
    assert not alice.row.is_active


def test_account_deactivated_meanwhile_does_not_agree(
    member: Member, stage: Stage, alice: Person
) -> None:
    consent = member.sign_in(member.arrive(), alice)
    stage.services.accounts.deactivate(alice.did)

    assert member.allow(consent).heading == "Activate your account?"
