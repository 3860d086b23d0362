"""Signing up: what there is afterwards, and that a refused sign-up leaves nothing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pds.atproto.crypto.keypair import PrivateKey
from pds.errors import (
    AuthRequiredError,
    HandleNotAvailableError,
    InvalidHandleError,
    InvalidInviteCodeError,
    InvalidPasswordError,
    InvalidRequestError,
    PdsError,
    UnresolvableDidError,
    UnsupportedDomainError,
)
from pds.services.account_creation import NewAccount
from pds.services.keys import SigningKeys
from pds.services.session_scopes import Scope
from pds.services.sign_up_checks import HandleTakenError
from pds.storage import accounts, events
from pds.storage.database import execute, rows, transaction
from tests.factories import (
    Person,
    dump_tables,
    invite_only_creation,
    make_code,
    new_account,
    race,
    read_events,
    take_down,
)
from tests.firehose_consumer import Consumer

if TYPE_CHECKING:
    from pds.services import Services

UNKNOWN_DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
NO_SUPPORT = "This email address is not supported, please use a different email."


# --- with a new DID ------------------------------------------------------------------------------


def test_new_account_is_active_and_can_log_in(services: Services) -> None:
    created = services.accounts.create(
        NewAccount("Alice.Test", "Alice@Example.COM", "correct horse")
    )

    account = accounts.find_by_did(created.did)
    assert account is not None
    assert created.handle == account.handle == "alice.test"
    assert (account.email, account.is_active) == ("alice@example.com", True)
    assert not account.is_email_confirmed
    assert services.sessions.login("alice.test", "correct horse").account == account
    claims = services.sessions.verify_access(created.tokens.access_jwt)
    assert (claims.did, claims.scope) == (created.did, Scope.ACCESS)
    refreshed = services.sessions.verify_refresh(created.tokens.refresh_jwt)
    assert refreshed.token_id is not None
    assert services.sessions.refresh(created.did, refreshed.token_id).account == account


def test_directory_knows_the_new_did(services: Services) -> None:
    created = services.accounts.create(new_account())

    document = services.identity.did_document(created.did, force=True)
    assert created.did_document == document
    assert document["alsoKnownAs"] == ["at://alice.test"]
    assert document["service"][0]["serviceEndpoint"] == services.config.public_url
    row = accounts.find_by_did(created.did)
    assert row is not None
    key = SigningKeys(services.identity.rotation_key).get(row.id)
    services.identity.check_account_document(created.did, key.did_key)


def test_own_recovery_key_ranks_above_the_servers(services: Services) -> None:
    recovery = PrivateKey.generate("p256").did_key

    created = services.accounts.create(new_account(recovery_key=recovery))

    operation = services.identity.last_operation(created.did)
    assert operation["rotationKeys"] == [recovery, services.identity.rotation_key.did_key]
    account = services.accounts.get_account(created.did)
    assert accounts.find_recovery_key(account.id) == recovery


def test_new_account_is_announced_by_four_consecutive_events(services: Services) -> None:
    created = services.accounts.create(new_account())

    announced = read_events()
    assert [kind for kind, _ in announced] == ["#identity", "#account", "#commit", "#sync"]
    identity, account, commit, sync = (payload for _, payload in announced)
    first_seq = identity["seq"]
    assert [payload["seq"] - first_seq for _, payload in announced] == [0, 1, 2, 3]
    assert (identity["did"], identity["handle"]) == (created.did, "alice.test")
    assert (account["did"], account["active"], account.get("status")) == (created.did, True, None)
    assert (commit["repo"], commit["since"], commit["ops"]) == (created.did, None, [])
    assert sync["rev"] == commit["rev"]


def test_strict_consumer_accepts_the_announcement(services: Services) -> None:
    created = services.accounts.create(new_account())

    consumer = Consumer(services.identity.did_document)
    for _, frame in events.frames_between(0, events.last_seq(), 1_000_000):
        consumer.accept(frame)

    account = services.accounts.get_account(created.did)
    head = services.repos.get_head(account.id)
    assert consumer.repos[created.did].records == {}
    assert consumer.repos[created.did].rev == head.rev


def test_new_repo_has_two_blocks(services: Services, alice: Person) -> None:
    assert services.repos.counts(alice.row.id) == (2, 0)


def test_account_without_a_password_has_a_session_but_no_login(services: Services) -> None:
    created = services.accounts.create(new_account(password=None))

    assert services.sessions.verify_access(created.tokens.access_jwt).did == created.did
    with pytest.raises(AuthRequiredError):
        services.sessions.login("alice.test", "")


def test_longest_password_is_accepted(services: Services) -> None:
    password = "\N{PILE OF POO}" * 128

    services.accounts.create(new_account(password=password))

    assert services.sessions.login("alice.test", password).account.handle == "alice.test"


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"password": "x" * 257}, InvalidPasswordError, "Password too long"),
        ({"password": "\N{PILE OF POO}" * 129}, InvalidPasswordError, "Password too long"),
        ({"password": ""}, InvalidPasswordError, "password is empty"),
        ({"email": None}, InvalidRequestError, "Email is required"),
        ({"email": ""}, InvalidRequestError, "Email is required"),
        ({"email": "alice"}, InvalidRequestError, NO_SUPPORT),
        ({"email": "alice@mailinator.com"}, InvalidRequestError, NO_SUPPORT),
        ({"handle": "al.test"}, InvalidHandleError, "Handle too short"),
        ({"handle": "a.b.test"}, InvalidHandleError, "Invalid characters in handle"),
        ({"handle": "admin.test"}, HandleNotAvailableError, "Reserved handle"),
        ({"handle": "alice.example.org"}, UnsupportedDomainError, "Not a supported handle domain"),
        ({"invite_code": "nonsense"}, InvalidInviteCodeError, "Provided invite code not available"),
        ({"recovery_key": "did:key:zNonsense"}, InvalidRequestError, "recoveryKey"),
        ({"handle": "bob.test"}, InvalidRequestError, "Handle already taken: bob.test"),
        ({"handle": "BOB.test"}, InvalidRequestError, "Handle already taken: bob.test"),
        ({"email": "bob@example.com"}, InvalidRequestError, NO_SUPPORT),
        ({"email": "BOB@Example.com"}, InvalidRequestError, NO_SUPPORT),
        ({"did": UNKNOWN_DID}, AuthRequiredError, "Missing auth to create account with did"),
        (
            {"did": UNKNOWN_DID, "issuer": "did:plc:somebodyelse"},
            AuthRequiredError,
            "Missing auth to create account with did",
        ),
        ({"did": UNKNOWN_DID, "issuer": UNKNOWN_DID}, UnresolvableDidError, "resolve DID"),
    ],
)
def test_refused_sign_up_changes_nothing(
    services: Services, bob: Person, changes: dict[str, Any], error: type[PdsError], message: str
) -> None:
    before = dump_tables()

    with pytest.raises(error, match=message) as raised:
        services.accounts.create(new_account(**changes))

    assert raised.value.error == error.error
    assert dump_tables() == before


@pytest.mark.parametrize("name", ["handle", "email"])
@pytest.mark.parametrize("state", ["deactivated", "takendown", "pending"])
def test_names_of_inactive_accounts_are_taken(
    services: Services, bob: Person, name: str, state: str
) -> None:
    if state == "deactivated":
        services.accounts.deactivate(bob.did)
    elif state == "takendown":
        take_down(bob)
    else:
        with transaction():
            execute("UPDATE account SET \"pendingOperation\" = '{}'")
    before = dump_tables()

    message = {"handle": "Handle already taken", "email": NO_SUPPORT}[name]
    with pytest.raises(InvalidRequestError, match=message):
        services.accounts.create(new_account(**{name: getattr(bob, name)}))
    assert dump_tables() == before


def test_account_that_lost_a_race_for_the_handle_leaves_nothing(services: Services) -> None:
    outcomes = race(
        [
            partial(services.accounts.create, new_account(email=f"alice{number}@example.com"))
            for number in range(4)
        ]
    )

    errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert len(errors) == 3
    assert {str(error) for error in errors} == {"Handle already taken: alice.test"}
    assert {type(error) for error in errors} == {HandleTakenError}
    assert len(rows("SELECT id FROM account")) == len(rows("SELECT id FROM plc_operation")) == 1
    assert len(read_events()) == 4


# --- invite codes --------------------------------------------------------------------------------


def test_invite_only_server_demands_a_code(services: Services) -> None:
    before = dump_tables()

    with pytest.raises(InvalidInviteCodeError, match="No invite code provided"):
        invite_only_creation(services).create(new_account())
    with pytest.raises(InvalidInviteCodeError, match="not available"):
        invite_only_creation(services).create(new_account(invite_code="nonsense"))
    assert dump_tables() == before


def test_without_a_good_code_nobody_learns_who_has_an_account(
    services: Services, bob: Person
) -> None:
    creation = invite_only_creation(services)

    for taken in ({"email": bob.email}, {"handle": bob.handle}, {"email": "nonsense"}):
        with pytest.raises(InvalidInviteCodeError, match="not available"):
            creation.create(new_account(invite_code="nonsense", **taken))


def test_owner_of_a_taken_address_learns_of_it(services: Services, bob: Person) -> None:
    for _ in range(2):
        with pytest.raises(InvalidRequestError, match=NO_SUPPORT):
            services.accounts.create(new_account(email=bob.email))
        with pytest.raises(InvalidRequestError, match="Handle already taken"):
            services.accounts.create(new_account(email=bob.email, handle=bob.handle))

    assert rows("SELECT topic, recipient FROM outgoing_mail") == [("sign_up_attempt", bob.email)]


def test_operator_is_told_that_an_address_is_taken(services: Services, bob: Person) -> None:
    with pytest.raises(InvalidRequestError, match=f"^Email already taken: {bob.email}$"):
        services.accounts.create(new_account(email=bob.email, by_operator=True))


def test_operator_needs_no_code_and_may_give_reserved_names(services: Services) -> None:
    creation = invite_only_creation(services)

    created = creation.create(new_account("admin", by_operator=True))

    assert created.handle == "admin.test"
    assert services.accounts.get_account(created.did).is_active


def test_code_is_spent_by_the_account_it_let_in(services: Services) -> None:
    code = make_code(services)

    created = invite_only_creation(services).create(new_account(invite_code=code))

    assert rows("SELECT code, used_by FROM invite_code_use") == [(code, created.did)]
    with pytest.raises(InvalidInviteCodeError):
        invite_only_creation(services).create(new_account("bob", invite_code=code))


def test_code_is_spent_also_where_none_is_needed(services: Services) -> None:
    code = make_code(services)
    services.accounts.create(new_account(invite_code=code))

    with pytest.raises(InvalidInviteCodeError):
        services.accounts.create(new_account("bob", invite_code=code))


def test_code_with_one_use_lets_one_of_eight_in(services: Services) -> None:
    creation, code = invite_only_creation(services), make_code(services)

    outcomes = race(
        [
            partial(creation.create, new_account(f"guest{number}", invite_code=code))
            for number in range(8)
        ]
    )

    errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert [type(error) for error in errors] == [InvalidInviteCodeError] * 7
    assert len(rows("SELECT id FROM account")) == len(rows("SELECT id FROM plc_operation")) == 1
    assert len(rows("SELECT * FROM invite_code_use")) == 1
    assert len(read_events()) == 4
