"""checkSignupQueue: nobody waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.factories import Person, ask

if TYPE_CHECKING:
    from pds.services import Services


def test_whoever_has_an_account_is_in(services: Services, alice: Person) -> None:
    reply = ask(services, "com.atproto.temp.checkSignupQueue", alice.caller)

    assert reply == {"activated": True}
