"""What owners do to their did:plc themselves: operations that this server checks and passes on.

Spec: https://atproto.com/guides/account-migration#updating-identity
"""

from __future__ import annotations

from typing import Any, Protocol

from pds.atproto import plc
from pds.atproto.plc import Operation
from pds.errors import AccountNotFoundError, InvalidRequestError
from pds.services.identity import PDS_SERVICE_TYPE
from pds.services.identity_journal import IdentityJournal
from pds.services.keys import SigningKeys
from pds.storage import accounts
from pds.storage.accounts import AccountRow


class IdentityFacts(Protocol):
    """The part of ``Identity`` that is needed here."""

    public_url: str

    @property
    def server_rotation_key(self) -> str: ...

    def recommended_credentials(
        self, handle: str | None, signing_key: str, recovery_key: str | None = None
    ) -> dict[str, Any]: ...


class PlcOperations:
    """Operations by the owners of accounts here."""

    def __init__(
        self, identity: IdentityFacts, keys: SigningKeys, journal: IdentityJournal
    ) -> None:
        self._identity = identity
        self._keys = keys
        self._journal = journal

    def recommended(self, did: str) -> dict[str, Any]:
        """What the account should put into its DID document. AccountNotFoundError."""
        account = _get(did)
        return self._identity.recommended_credentials(
            account.handle,
            self._keys.get(account.id).did_key,
            accounts.find_recovery_key(account.id),
        )

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


def _check_is_plc(did: str) -> None:
    if not did.startswith("did:plc:"):
        message = "Only a did:plc has operations; this DID's document is changed by its owner"
        raise InvalidRequestError(message)
