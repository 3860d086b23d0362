"""Operations by owners: what is recommended, what passes, and that a crash repairs itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pds.atproto import plc
from pds.atproto.crypto.keypair import PrivateKey
from pds.errors import AccountNotFoundError, InvalidRequestError
from pds.network.plc_directory import OperationRefusedError
from pds.services.identity import Identity
from pds.storage.database import rows
from tests.factories import (
    ROTATION_KEY,
    Person,
    dump_tables,
    make_account,
    make_newcomer,
    read_events,
)

if TYPE_CHECKING:
    from pds.services import Services

NOBODY = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
OWN_KEY = PrivateKey.generate("p256")


def next_operation(
    services: Services, did: str, signer: PrivateKey = ROTATION_KEY, **changes: Any
) -> plc.Operation:
    return plc.build_update(services.identity.last_operation(did), signer=signer, **changes)


def state() -> dict[str, list[tuple[Any, ...]]]:
    return dump_tables("account", "event", "plc_operation", "identity_change")


def test_recommended_is_what_a_new_account_has(services: Services, alice: Person) -> None:
    carol = make_account(services, "carol", recovery_key=OWN_KEY.did_key)

    for person in (alice, carol):
        operation = services.identity.last_operation(person.did)
        assert services.plc_operations.recommended(person.did) == {
            name: operation[name]
            for name in ("rotationKeys", "alsoKnownAs", "verificationMethods", "services")
        }
    assert services.plc_operations.recommended(carol.did)["rotationKeys"][0] == OWN_KEY.did_key
    with pytest.raises(AccountNotFoundError):
        services.plc_operations.recommended(NOBODY)


def test_submitted_operation_is_published_and_announced(services: Services, alice: Person) -> None:
    keys = [OWN_KEY.did_key, ROTATION_KEY.did_key]
    operation = next_operation(services, alice.did, rotation_keys=keys)

    services.plc_operations.submit(alice.did, operation)

    assert services.identity.last_operation(alice.did) == operation
    assert [(kind, payload["did"], payload["handle"]) for kind, payload in read_events(4)] == [
        ("#identity", alice.did, "alice.test")
    ]
    assert rows("SELECT * FROM identity_change") == []
    [(topic, text)] = rows("SELECT topic, text FROM outgoing_mail")
    assert topic == "identity_changed"
    assert "its DID document was changed" in text


def test_own_key_may_sign_what_is_submitted(services: Services, alice: Person) -> None:
    keys = [OWN_KEY.did_key, ROTATION_KEY.did_key]
    services.plc_operations.submit(
        alice.did, next_operation(services, alice.did, rotation_keys=keys)
    )
    aliases = ["at://alice.test", "https://alice.example.com"]

    services.plc_operations.submit(
        alice.did, next_operation(services, alice.did, OWN_KEY, also_known_as=aliases)
    )

    assert services.identity.did_document(alice.did)["alsoKnownAs"] == aliases


def test_account_that_moves_in_submits_while_deactivated(services: Services) -> None:
    newcomer = make_newcomer(services)
    services.accounts.create(newcomer.wants())
    wanted = services.plc_operations.recommended(newcomer.did)
    operation = plc.build_update(
        newcomer.operation,
        signer=newcomer.key,
        rotation_keys=[newcomer.key.did_key, *wanted["rotationKeys"]],
        also_known_as=wanted["alsoKnownAs"],
        verification_methods=wanted["verificationMethods"],
        services=wanted["services"],
    )

    services.plc_operations.submit(newcomer.did, operation)
    services.accounts.activate(newcomer.did)

    assert services.accounts.get_account("carol.test").is_active
    assert [kind for kind, _ in read_events()][:2] == ["#identity", "#account"]


def test_submitting_again_changes_nothing_in_the_directory(
    services: Services, alice: Person
) -> None:
    operation = next_operation(
        services, alice.did, rotation_keys=[OWN_KEY.did_key, ROTATION_KEY.did_key]
    )
    services.plc_operations.submit(alice.did, operation)

    services.plc_operations.submit(alice.did, operation)

    assert len(rows("SELECT * FROM plc_operation WHERE did = ?", (alice.did,))) == 2


def test_what_the_directory_refuses_changes_nothing(services: Services, alice: Person) -> None:
    first = services.identity.last_operation(alice.did)
    services.plc_operations.submit(
        alice.did,
        next_operation(services, alice.did, rotation_keys=[OWN_KEY.did_key, ROTATION_KEY.did_key]),
    )
    before = state()

    stale = plc.build_update(first, signer=ROTATION_KEY, rotation_keys=[ROTATION_KEY.did_key])
    forged = next_operation(services, alice.did, PrivateKey.generate())
    for operation in (stale, forged):
        with pytest.raises(OperationRefusedError):
            services.plc_operations.submit(alice.did, operation)
    assert state() == before


def test_tombstone_is_not_for_owners_to_submit(services: Services, alice: Person) -> None:
    tombstone = plc.build_tombstone(services.identity.last_operation(alice.did), ROTATION_KEY)
    before = state()

    with pytest.raises(InvalidRequestError, match=r"^Invalid operation$"):
        services.plc_operations.submit(alice.did, tombstone)
    assert state() == before


class Crash(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("arrived", [True, False])
def test_submission_cut_off_by_a_crash_is_finished_at_the_next_start(
    services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch, arrived: bool
) -> None:
    operation = next_operation(
        services, alice.did, rotation_keys=[OWN_KEY.did_key, ROTATION_KEY.did_key]
    )
    submit = Identity.submit_operation

    def crash(self: Identity, did: str, operation: plc.Operation) -> None:
        if arrived:
            submit(self, did, operation)
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(Identity, "submit_operation", crash)
        with pytest.raises(Crash):
            services.plc_operations.submit(alice.did, operation)
    assert len(read_events()) == 4

    services.resume()

    assert services.identity.last_operation(alice.did) == operation
    assert [kind for kind, _ in read_events(4)] == ["#identity"]
    assert rows("SELECT * FROM identity_change") == []
    assert alice.row.handle == "alice.test"
