"""createSession: logging in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pds.config import Config
from pds.errors import AccountTakedownError, AuthRequiredError, UnresolvableDidError
from pds.services.identity import Identity
from pds.storage.database import execute, transaction
from tests.factories import Person, ask, make_config, take_down

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.server.createSession"


def credentials(person: Person) -> dict[str, str]:
    return {"identifier": person.handle, "password": person.password}


def test_reply_tells_all_about_the_account(services: Services, alice: Person) -> None:
    reply = ask(services, NSID, input=credentials(alice))

    tokens = {name: reply.pop(name) for name in ("accessJwt", "refreshJwt")}
    assert reply == {
        "did": alice.did,
        "handle": "alice.test",
        "email": "alice@example.com",
        "emailConfirmed": False,
        "active": True,
    }
    assert services.sessions.verify_access(tokens["accessJwt"]).did == alice.did
    assert services.sessions.verify_refresh(tokens["refreshJwt"]).did == alice.did


def test_confirmed_mail_and_missing_names_are_shown(services: Services, alice: Person) -> None:
    with transaction():
        execute("UPDATE account SET emailConfirmedAt = '2026-01-01T00:00:00.000Z'")
    assert ask(services, NSID, input=credentials(alice))["emailConfirmed"] is True

    with transaction():
        execute("UPDATE account SET handle = NULL, email = NULL")
    by_did = {"identifier": alice.did, "password": alice.password}
    reply = ask(services, NSID, input=by_did)
    assert reply["handle"] == "handle.invalid"
    assert "email" not in reply


def test_deactivated_account_is_told_so(services: Services, alice: Person) -> None:
    services.accounts.deactivate(alice.did)

    reply = ask(services, NSID, input=credentials(alice))
    assert (reply["active"], reply["status"]) == (False, "deactivated")


def test_taken_down_account_must_ask_to_be_let_in(services: Services, alice: Person) -> None:
    take_down(alice)
    with pytest.raises(AccountTakedownError):
        ask(services, NSID, input=credentials(alice))
    with pytest.raises(AccountTakedownError):
        ask(services, NSID, input={**credentials(alice), "allowTakendown": False})

    reply = ask(services, NSID, input={**credentials(alice), "allowTakendown": True})
    assert (reply["active"], reply["status"]) == (False, "takendown")


@pytest.mark.parametrize("changes", [{"password": "wrong"}, {"identifier": "nobody.test"}])
def test_wrong_credentials_are_refused(
    services: Services, alice: Person, changes: dict[str, str]
) -> None:
    with pytest.raises(AuthRequiredError) as raised:
        ask(services, NSID, input={**credentials(alice), **changes})
    assert (raised.value.error, raised.value.status) == ("AuthenticationRequired", 401)


class TestWithDidDocuments:
    @pytest.fixture
    def config(self, tmp_path: Path) -> Config:
        return make_config(tmp_path, enable_did_doc_with_session="true")

    def test_document_comes_along(self, services: Services, alice: Person) -> None:
        reply = ask(services, NSID, input=credentials(alice))

        assert reply["didDoc"] == services.identity.did_document(alice.did)

    def test_missing_document_keeps_nobody_out(
        self, services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_args: object, **_settings: object) -> None:
            raise UnresolvableDidError

        monkeypatch.setattr(Identity, "did_document", fail)
        reply = ask(services, NSID, input=credentials(alice))

        assert reply["did"] == alice.did
        assert "didDoc" not in reply
