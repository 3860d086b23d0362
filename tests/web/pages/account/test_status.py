"""Pausing, coming back, and the end."""

from __future__ import annotations

import pytest

from pds.errors import NotEnoughResourcesError
from pds.storage import accounts
from tests.browser_tools import Page
from tests.factories import Person, StillClock, read_events
from tests.grant_tools import make_grant
from tests.member_tools import Member, everything
from tests.stage import code_of


def test_account_is_paused_and_comes_back(member: Member) -> None:
    paused = member.send("/status", "/status/deactivate")

    assert paused.address == f"{member.root}/status?done=deactivated"
    assert member.person.row.status == "deactivated"
    assert read_events()[-1][1]["status"] == "deactivated"
    assert member.stage.is_signed_in(member.person)

    back = member.send("/status", "/status/reactivate")

    assert "Welcome back." in back.text
    assert member.person.row.is_active
    assert "Pause my account" in back.text


def test_a_pause_ends_what_apps_were_allowed(member: Member, bob: Person) -> None:
    services = member.stage.services
    make_grant(services, member.person)
    make_grant(services, bob)

    member.send("/status", "/status/deactivate")

    assert services.oauth.grants.list_for_account(member.person.row.id) == []
    assert len(services.oauth.grants.list_for_account(bob.row.id)) == 1


def test_pause_that_fails_half_way_changes_nothing(
    member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_grant(member.stage.services, member.person)
    before = everything()

    def fail(_account_id: int) -> None:
        raise NotEnoughResourcesError

    monkeypatch.setattr(member.stage.services.oauth.grants, "end_all", fail)
    page = member.send("/status", "/status/deactivate")

    assert page.status == 503
    assert everything() == before


def test_account_that_lives_elsewhere_cannot_come_back(member: Member) -> None:
    member.stage.services.accounts.deactivate(member.person.did, None)
    _move_away(member)
    before = everything()

    page = member.send("/status", "/status/reactivate")

    assert page.status == 400
    assert "lives on another server now" in page.text
    assert everything() == before


def _move_away(member: Member) -> None:
    services, did = member.stage.services, member.person.did
    services.plc_operations.request_signature(did)
    place = {
        "atproto_pds": {"type": "AtprotoPersonalDataServer", "endpoint": "https://new.example.com"}
    }
    code = code_of(member.person, "plc_operation")
    signed = services.plc_operations.sign(did, code, {"services": place})
    assert services.local_plc is not None
    services.local_plc.submit(did, signed)


# --- the end -------------------------------------------------------------------------------------


def delete(member: Member, **typed: str) -> Page:
    given = {"password": member.person.password, "handle": member.person.handle, **typed}
    return member.send("/delete", **given)


@pytest.fixture
def code(member: Member) -> str:
    asked = member.send("/delete", "/delete/code")
    assert asked.address == f"{member.root}/delete?done=code"
    return code_of(member.person, "delete_account")


@pytest.mark.parametrize("typed", ["alice.test", "@Alice.test "])
def test_account_is_deleted(member: Member, code: str, typed: str) -> None:
    page = delete(member, code=code, handle=typed)

    assert (page.status, page.heading) == (200, "Your account is deleted")
    assert accounts.find_by_did(member.person.did) is None
    assert read_events()[-1][1]["status"] == "deleted"
    assert member.open().address == "/account/sign-in"


def test_paused_account_is_deleted_too(member: Member, code: str) -> None:
    member.stage.services.accounts.deactivate(member.person.did, None)

    assert delete(member, code=code).heading == "Your account is deleted"


@pytest.mark.parametrize(
    ("typed", "status", "said"),
    [
        ({"password": "wrong"}, 401, "That is not your password."),
        ({"password": ""}, 401, "That is not your password."),
        ({"handle": "bob.test"}, 400, "Type alice.test to show that you mean this account."),
        ({"handle": ""}, 400, "Type alice.test"),
        ({"code": "AAAAA-BBBBB"}, 400, "This code is wrong"),
        ({"code": ""}, 400, "This code is wrong"),
    ],
)
def test_account_stays(
    member: Member, code: str, typed: dict[str, str], status: int, said: str
) -> None:
    page = delete(member, **{"code": code, **typed})

    assert page.status == status
    assert said in page.text
    assert member.person.row.is_active
    assert member.person.password not in page.html


def test_old_code_deletes_nothing(member: Member, code: str, clock: StillClock) -> None:
    clock.advance(25 * 60 * 60)

    assert "too old" in delete(member, code=code).text
    assert member.person.row.is_active


def test_code_of_another_member_deletes_nothing(member: Member, bob: Person) -> None:
    member.stage.services.email_tokens.request(bob.row, "delete_account")

    assert delete(member, code=code_of(bob, "delete_account")).status == 400
    assert member.person.row.is_active
    assert bob.row.is_active


def test_other_member_of_the_browser_stays_signed_in(
    member: Member, bob: Person, code: str
) -> None:
    other = Member(member.stage, bob, member.browser)
    other.sign_in()

    delete(member, code=code)

    assert other.open().address == other.root


def test_guesses_at_the_password_are_made_to_wait(member: Member, code: str) -> None:
    member.stage.services.rate_limits.enabled = True

    answers = [delete(member, code=code, password=f"guess {n}") for n in range(31)]

    assert answers[-1].status == 429
    assert member.person.row.is_active
