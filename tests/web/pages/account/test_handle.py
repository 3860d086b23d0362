"""Another handle: a name of this server, or a domain."""

from __future__ import annotations

import pytest

from pds.services.handles import Handles
from tests.factories import Person, read_events
from tests.member_tools import Member, everything
from tests.stage import queued_mail

HERE, DOMAIN = "/handle/here", "/handle/domain"


@pytest.mark.parametrize("typed", ["alicia", "Alicia", " @alicia ", "alicia.test"])
def test_name_of_this_server(member: Member, typed: str) -> None:
    page = member.send("/handle", "/handle/here", name=typed)

    assert (page.status, page.address) == (200, f"{member.root}/handle?done=handle")
    assert "You are @alicia.test" in page.text
    assert "Your handle is changed" in page.text
    assert member.person.row.handle == "alicia.test"
    assert read_events()[-1][1]["handle"] == "alicia.test"
    assert queued_mail()[-1] == ("identity_changed", member.person.email)


def point(monkeypatch: pytest.MonkeyPatch, domains: dict[str, str]) -> None:
    """What the network says of domains."""

    monkeypatch.setattr(Handles, "_external_did", lambda _, handle: domains.get(handle))


@pytest.mark.parametrize(
    "typed", ["alice.example.com", "https://alice.example.com/", "@Alice.Example.com"]
)
def test_own_domain(member: Member, monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    point(monkeypatch, {"alice.example.com": member.person.did})

    page = member.send("/handle", "/handle/domain", handle=typed)

    assert page.status == 200
    assert member.person.row.handle == "alice.example.com"


def test_page_says_what_to_enter_for_a_domain(member: Member) -> None:
    text = member.open("/handle").text

    assert f"did={member.person.did}" in text
    assert "_atproto" in text
    assert "/.well-known/atproto-did" in text


@pytest.mark.parametrize(
    ("where", "typed", "said"),
    [
        (HERE, "bob", "Somebody has this handle already"),
        (HERE, "admin", "This name is reserved"),
        (HERE, "ab", "too short"),
        (HERE, "a" * 19, "too long"),
        (HERE, "a b", "cannot be a handle"),
        (HERE, "", "cannot be a handle"),
        (DOMAIN, "alice.example.com", "does not point to your account yet"),
        (DOMAIN, "bobs.example.com", "does not point to your account yet"),
        (DOMAIN, "bob.test", "Somebody has this handle already"),
        (DOMAIN, "alice.local", "cannot end like this"),
        (DOMAIN, "<script>", "cannot be a handle"),
    ],
)
def test_handle_that_cannot_be_is_refused_and_nothing_changes(
    member: Member, bob: Person, monkeypatch: pytest.MonkeyPatch, where: str, typed: str, said: str
) -> None:
    point(monkeypatch, {"bobs.example.com": bob.did})
    field = "name" if where == HERE else "handle"
    before = everything()

    page = member.send("/handle", where, **{field: typed})

    assert page.status == 400
    assert said in page.text
    assert page.form(member.root + where)[field].value == typed
    assert everything() == before


def test_changes_of_the_handle_share_the_budget_of_the_method(member: Member) -> None:
    member.stage.services.rate_limits.enabled = True
    answers = [member.send("/handle", "/handle/here", name="ab") for _ in range(11)]

    assert [answer.status for answer in answers] == [400] * 10 + [429]
