"""createAccount: from the wire to a sign-up and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pds.errors import AuthRequiredError, InvalidInviteCodeError, InvalidRequestError
from pds.xrpc.method import Caller
from tests.factories import Person, ask, dump_tables, make_code, make_newcomer
from tests.fakes.did_web import did_web
from tests.over_http import wire

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.server.createAccount"
NO_SUPPORT = "This email address is not supported, please use a different email."
INPUT = {"handle": "carol.test", "email": "carol@example.com", "password": "a password"}


def test_reply_names_the_account_and_opens_a_session(services: Services) -> None:
    reply = ask(services, NSID, input=INPUT)

    assert set(reply) == {"handle", "did", "didDoc", "accessJwt", "refreshJwt"}
    assert reply["handle"] == "carol.test"
    assert reply["didDoc"] == services.identity.did_document(reply["did"])
    assert services.sessions.verify_access(reply["accessJwt"]).did == reply["did"]
    assert services.sessions.verify_refresh(reply["refreshJwt"]).did == reply["did"]
    assert services.sessions.login("carol@example.com", "a password").account.is_active


def test_invite_code_and_recovery_key_are_passed_on(services: Services) -> None:
    code = make_code(services)
    recovery_key = "did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169"

    did = ask(services, NSID, input={**INPUT, "inviteCode": code, "recoveryKey": recovery_key})[
        "did"
    ]

    assert services.identity.last_operation(did)["rotationKeys"][0] == recovery_key
    with pytest.raises(InvalidInviteCodeError):
        services.invites.check(code)


def test_unsupported_and_unused_fields(services: Services) -> None:
    before = dump_tables()
    with pytest.raises(InvalidRequestError, match='Unsupported input: "plcOp"'):
        ask(services, NSID, input={**INPUT, "plcOp": {}})
    assert dump_tables() == before

    ignored = {"verificationCode": "1", "verificationPhone": "2"}
    assert ask(services, NSID, input={**INPUT, **ignored})


def test_owner_of_a_did_moves_in(services: Services) -> None:
    newcomer = make_newcomer(services)

    reply = ask(
        services, NSID, Caller("service", newcomer.did), input={**INPUT, "did": newcomer.did}
    )

    assert reply["did"] == newcomer.did
    assert services.accounts.get_account(newcomer.did).status == "deactivated"


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"handle": "al.test"}, "InvalidHandle"),
        ({"handle": "alice.invalid"}, "InvalidHandle"),
        ({"handle": "f4-gg0t.test"}, "InvalidHandle"),
        ({"handle": "admin.test"}, "HandleNotAvailable"),
        ({"handle": "carol.example.com"}, "UnsupportedDomain"),
        ({"password": "x" * 257}, "InvalidPassword"),
        ({"password": ""}, "InvalidPassword"),
        ({"inviteCode": "nonsense"}, "InvalidInviteCode"),
        ({"handle": "alice.test"}, "InvalidRequest"),
        ({"email": "alice@example.com"}, "InvalidRequest"),
        ({"email": "nonsense"}, "InvalidRequest"),
        ({"recoveryKey": "did:key:zNonsense"}, "InvalidRequest"),
        ({"plcOp": {}}, "InvalidRequest"),
        ({"handle": "nonsense"}, "InvalidRequest"),
        ({"did": "did:plc:ewvi7nxzyoun6zhxrhs64oiz"}, "AuthenticationRequired"),
    ],
)
def test_refusals_are_named_and_change_nothing(
    services: Services, alice: Person, changes: dict[str, Any], name: str
) -> None:
    before = dump_tables()
    with wire(services) as http:
        answer = http.post(NSID, None, {**INPUT, **changes})

    assert answer.error[:2] == (401 if name == "AuthenticationRequired" else 400, name)
    assert dump_tables() == before


def test_move_of_a_did_that_is_gone_or_here_is_refused(services: Services, alice: Person) -> None:
    with did_web() as dora, wire(services) as http:
        token = f"Bearer {dora.token(services, NSID)}"
        body = {**INPUT, "did": dora.did}
        dora.vanish()
        before = dump_tables()
        assert http.post(NSID, token, body).error[:2] == (400, "UnresolvableDid")
        assert http.post(NSID, token, {**INPUT, "did": alice.did}).error[:2] == (
            400,
            "UnresolvableDid",
        )
        assert dump_tables() == before

        dora.publish("https://old.example.com")
        services.identity.refresh_after_change(dora.did)
        assert http.post(NSID, token, body).status == 200
        assert http.post(NSID, token, {**body, "handle": "carol2.test"}).error[:2] == (
            400,
            "AlreadyExists",
        )


@pytest.mark.parametrize("caller", [Caller("anonymous"), Caller("service", "did:plc:other")])
def test_did_of_somebody_else_is_refused(services: Services, caller: Caller) -> None:
    newcomer = make_newcomer(services)
    before = dump_tables()

    with pytest.raises(AuthRequiredError, match=f"Missing auth .* did: {newcomer.did}"):
        ask(services, NSID, caller, input={**INPUT, "did": newcomer.did})
    assert dump_tables() == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"handle": "alice.test"}, "Handle already taken: alice.test"),
        (
            {"email": "alice@example.com"},
            NO_SUPPORT,
        ),
    ],
)
def test_taken_names_are_refused_in_the_protocols_words(
    services: Services, alice: Person, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        ask(services, NSID, input={**INPUT, **changes})
    assert (raised.value.error, raised.value.status) == ("InvalidRequest", 400)
    assert raised.value.message == message
