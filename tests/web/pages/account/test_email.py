"""The e-mail address: confirmed with a code, changed with one if it is confirmed."""

from __future__ import annotations

import pytest

from tests.factories import Person, StillClock
from tests.member_tools import Member, everything
from tests.stage import code_of, queued_mail

NEW = "alice@new.example.com"


@pytest.fixture
def confirmed(member: Member) -> Member:
    """A member whose address is confirmed."""
    member.stage.services.email_addresses.confirm_by_operator(member.person.did)
    return member


def test_address_is_confirmed_with_the_code(member: Member) -> None:
    asked = member.send("/email", "/email/confirmation")
    assert asked.address == f"{member.root}/email?done=code"
    assert member.stage.services.email_tokens.hint() in asked.text
    code = code_of(member.person, "confirm_email")

    done = member.send("/email", "/email/confirm", code=f" {code.lower()} ")

    assert "Your e-mail address is confirmed." in done.text
    assert member.person.row.is_email_confirmed
    assert "not confirmed" not in done.text


def test_confirmed_address_asks_for_nothing(confirmed: Member) -> None:
    page = confirmed.open("/email")

    assert not [form for form in page.forms if "/email/confirm" in form.action]


def test_stale_form_says_that_the_address_is_confirmed(member: Member) -> None:
    form = member.form("/email", "/email/confirmation")
    member.stage.services.email_addresses.confirm_by_operator(member.person.did)
    before = everything()

    page = member.browser.submit(form)

    assert "confirmed already" in page.text
    assert everything() == before


@pytest.mark.parametrize("code", ["AAAAA-BBBBB", "", "x" * 5_000])
def test_wrong_code_does_not_confirm(member: Member, code: str) -> None:
    member.stage.services.email_addresses.request_confirmation(member.person.did)

    page = member.send("/email", "/email/confirm", code=code)

    assert page.status == 400
    assert "This code is wrong or was used already" in page.text
    assert not member.person.row.is_email_confirmed


def test_old_code_does_not_confirm(member: Member, clock: StillClock) -> None:
    member.send("/email", "/email/confirmation")
    code = code_of(member.person, "confirm_email")
    clock.advance(25 * 60 * 60)

    page = member.send("/email", "/email/confirm", code=code)

    assert page.status == 400
    assert "too old" in page.text
    assert not member.person.row.is_email_confirmed


def test_code_is_not_sent_over_and_over(member: Member) -> None:
    answers = [member.send("/email", "/email/confirmation") for _ in range(11)]

    assert answers[-1].status == 429
    assert "Retry-After" not in answers[0].headers


# --- another one ---------------------------------------------------------------------------------


def test_address_that_is_not_confirmed_is_changed_at_once(member: Member) -> None:
    page = member.send("/email", "/email/change", email=NEW.upper())

    assert page.address == f"{member.root}/email?done=email"
    assert member.person.row.email == NEW
    assert not member.person.row.is_email_confirmed
    assert queued_mail()[-1] == ("email_changed", member.person.email)


def test_confirmed_address_is_changed_with_the_code(confirmed: Member) -> None:
    confirmed.send("/email", "/email/code")
    code = code_of(confirmed.person, "update_email")

    page = confirmed.send("/email", "/email/change", email=NEW, code=code)

    assert "Your e-mail address is changed." in page.text
    assert confirmed.person.row.email == NEW
    assert not confirmed.person.row.is_email_confirmed
    assert ("email_changed", confirmed.person.email) in queued_mail()


@pytest.mark.parametrize(
    ("code", "said"), [("", "takes a code"), ("AAAAA-BBBBB", "This code is wrong")]
)
def test_confirmed_address_is_not_changed_without_the_code(
    confirmed: Member, code: str, said: str
) -> None:
    page = confirmed.send("/email", "/email/change", email=NEW, code=code)

    assert page.status == 400
    assert said in page.text
    assert page.form(f"{confirmed.root}/email/change")["email"].value == NEW
    assert confirmed.person.row.email == confirmed.person.email
    assert confirmed.person.row.is_email_confirmed


@pytest.mark.parametrize("typed", ["", "no address", "alice@mailinator.com", "bob@example.com"])
def test_address_that_cannot_be_is_refused(member: Member, bob: Person, typed: str) -> None:
    before = everything()

    page = member.send("/email", "/email/change", email=typed)

    assert page.status == 400
    assert 'role="alert"' in page.html
    assert everything() == before


def test_taken_address_looks_like_an_unsupported_one(member: Member, bob: Person) -> None:
    taken = member.send("/email", "/email/change", email=bob.email)
    unsupported = member.send("/email", "/email/change", email="bob@mailinator.com")

    assert taken.text == unsupported.text


def test_same_address_is_no_change(member: Member) -> None:
    before = everything()

    page = member.send("/email", "/email/change", email=member.person.email)

    assert "This is your e-mail address already." in page.text
    assert everything() == before


def test_code_for_an_address_that_is_not_confirmed_is_not_needed(member: Member) -> None:
    form = member.form("/email", "/email/change")
    form.action = f"{member.root}/email/code"
    before = everything()

    page = member.submit(form)

    assert page.address == f"{member.root}/email"
    assert everything() == before
