"""What owners do to their did:plc themselves: operations that this server checks and passes on.

Spec: https://atproto.com/guides/account-migration#updating-identity
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pds.atproto import plc
from pds.atproto.plc import Operation
from pds.errors import AccountNotFoundError, InvalidRequestError
from pds.services.email_tokens import EmailTokens, Purpose
from pds.services.identity import PDS_SERVICE_TYPE
from pds.services.identity_journal import IdentityJournal
from pds.services.keys import SigningKeys
from pds.services.mail import Mail
from pds.storage import accounts
from pds.storage.accounts import AccountRow
from pds.storage.database import transaction

PURPOSE: Purpose = "plc_operation"
# What an owner may change: the names on the wire, and those of ``plc.build_update``.
FIELDS = {
    "rotationKeys": "rotation_keys",
    "alsoKnownAs": "also_known_as",
    "verificationMethods": "verification_methods",
    "services": "services",
}
_BLANK: Operation = {
    "type": "plc_operation",
    "rotationKeys": [],
    "alsoKnownAs": [],
    "verificationMethods": {},
    "services": {},
    "prev": None,
    "sig": "",
}


class IdentityFacts(Protocol):
    """The part of ``Identity`` that is needed here."""

    public_url: str

    @property
    def server_rotation_key(self) -> str: ...

    def recommended_credentials(
        self, handle: str | None, signing_key: str, recovery_key: str | None = None
    ) -> dict[str, Any]: ...
    def last_operation(self, did: str) -> Operation: ...
    def sign_update(self, last: Operation, **changes: Any) -> Operation: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """The services that are needed here."""

    identity: IdentityFacts
    keys: SigningKeys
    journal: IdentityJournal
    codes: EmailTokens
    mail: Mail


class PlcOperations:
    """Operations by the owners of accounts here."""

    def __init__(self, parts: Parts) -> None:
        self._identity = parts.identity
        self._keys = parts.keys
        self._journal = parts.journal
        self._codes = parts.codes
        self._mail = parts.mail

    def recommended(self, did: str) -> dict[str, Any]:
        """What the account should put into its DID document. AccountNotFoundError."""
        account = _get(did)
        return self._identity.recommended_credentials(
            account.handle,
            self._keys.get(account.id).did_key,
            accounts.find_recovery_key(account.id),
        )

    def request_signature(self, did: str) -> str:
        """Issue the code that ``sign`` takes; return what to tell the member.

        Raises:
            InvalidRequestError: it is no did:plc, or the code cannot be sent.
            AccountNotFoundError, RateLimitExceededError
        """
        account = _get(did)
        _check_is_plc(did)
        return self._codes.request(account, PURPOSE)

    def sign(self, did: str, token: str | None, changes: Mapping[str, Any]) -> Operation:
        """The operation that follows the DID's last one, signed with this server's key, not sent.

        The code is used up only when there is an operation to give for it.

        changes: any of ``FIELDS``, as somebody sent them.

        Raises:
            InvalidRequestError: no code, no did:plc, or nothing a directory would accept.
            InvalidTokenError, ExpiredTokenError: about the code.
            AccountNotFoundError, UpstreamFailureError
        """
        _get(did)
        _check_is_plc(did)
        if not token:
            message = "email confirmation token required to sign PLC operations"
            raise InvalidRequestError(message)
        _check_shapes(changes)
        last = self._identity.last_operation(did)
        given = {FIELDS[name]: value for name, value in changes.items()}
        operation = self._identity.sign_update(last, **given)
        with transaction():
            account = _get(did)
            self._codes.redeem_in_transaction(account, PURPOSE, token)
            change = "this server signed an operation that the owner may send to the DID directory"
            self._mail.notify(account, "identity_changed", change=change)
        return operation

    def submit(self, did: str, operation: Any) -> None:
        """Send a signed operation on, unless it would break the account here; tell the network.

        Raises:
            InvalidRequestError: it is no operation, or it would; the message says how.
            OperationRefusedError: the directory does not want it.
            ChangeUnderWayError, AccountNotFoundError
            UpstreamFailureError: the directory does not answer. The operation is sent again until
                it does.
        """
        account = _get(did)
        _check_is_plc(did)
        try:
            plc.check_limits(operation)
        except plc.PlcError as error:
            raise InvalidRequestError(f"Invalid operation: {error}") from error
        if operation["type"] != "plc_operation":
            message = "Invalid operation"
            raise InvalidRequestError(message)
        self._check_keeps_account(account, operation)
        with self._journal.turn(account.id):
            self._journal.send(account, operation)

    def _check_keeps_account(self, account: AccountRow, operation: Operation) -> None:
        """Whether the account can go on living here under this document."""
        service = operation["services"].get("atproto_pds", {})
        alias = f"at://{account.handle}"
        for is_right, message in (
            (
                self._identity.server_rotation_key in operation["rotationKeys"],
                "Rotation keys do not include server's rotation key",
            ),
            (service.get("type") == PDS_SERVICE_TYPE, "Incorrect type on atproto_pds service"),
            (
                service.get("endpoint") == self._identity.public_url,
                "Incorrect endpoint on atproto_pds service",
            ),
            (
                operation["verificationMethods"].get("atproto")
                == self._keys.get(account.id).did_key,
                "Incorrect signing key",
            ),
            (
                account.handle is None or operation["alsoKnownAs"][:1] == [alias],
                "Incorrect handle in alsoKnownAs",
            ),
        ):
            if not is_right:
                raise InvalidRequestError(message)


def _get(did: str) -> AccountRow:
    account = accounts.find_by_did(did)
    if account is None:
        raise AccountNotFoundError
    return account


def _check_shapes(changes: Mapping[str, Any]) -> None:
    """Whether the changes could be fields of an operation. Raises InvalidRequestError."""
    try:
        plc.check_structure({**_BLANK, **changes})
    except plc.PlcError as error:
        raise InvalidRequestError(f"Invalid operation: {error}") from error


def _check_is_plc(did: str) -> None:
    if not did.startswith("did:plc:"):
        message = "Only a did:plc has operations; this DID's document is changed by its owner"
        raise InvalidRequestError(message)
