"""Bring an account here from the server where it lives now, at its operator's console.

What a member does with a tool for moving, without one: the server itself is the tool. Each step may
be repeated, so what was cut off is begun again from the first one and loses nothing.

That the account is theirs who ask is shown by their password at the old server.
Spec: https://atproto.com/guides/account-migration
"""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from pds.atproto.cid import Cid
from pds.atproto.did_document import DidDocument
from pds.atproto.plc.limits import MAX_ROTATION_KEYS
from pds.atproto.syntax.did import is_did
from pds.errors import InvalidRequestError, PdsError
from pds.network.http_client import FetchError
from pds.network.other_home import OtherHome, RefusedError
from pds.network.streaming_client import StreamingClient
from pds.services.account_activation import AccountCheck
from pds.services.account_creation import NewAccount
from pds.services.accounts import Accounts
from pds.services.blobs import Blobs
from pds.services.plc_operations import PlcOperations
from pds.services.preferences import Preferences
from pds.services.repo_import import RepoImport
from pds.storage import accounts
from pds.storage.accounts import AccountRow

UNKNOWN_TYPE: Final = "application/octet-stream"
GIVE_UP_AFTER: Final = 5  # blobs in a row for which the other server could not be reached
_PAGE: Final = 200
# Whose names are a provider's and no member's own domain, whatever a single server of theirs says.
_PROVIDERS: Final = (".bsky.social",)

Tell = Callable[[int, int], None]
"""How far the pictures are: done, of how many."""


class SecondFactorError(FetchError):
    """The old server wants a second factor."""

    default_message = "the old server wants the code that it has just sent by mail"


class Directory(Protocol):
    """The part of ``Identity`` that is needed here."""

    public_url: str

    def parsed_document(self, did: str, *, force: bool = False) -> DidDocument: ...
    def last_operation(self, did: str) -> dict[str, Any]: ...


class Names(Protocol):
    """The part of ``Handles`` that is needed here."""

    def resolve(self, handle: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """The services that a move is put together from."""

    directory: Directory
    names: Names
    accounts: Accounts
    repo_import: RepoImport
    blobs: Blobs
    preferences: Preferences
    plc_operations: PlcOperations


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes: the largest repo and the largest blob that are taken."""

    repo: int
    blob: int


@dataclass(frozen=True, slots=True)
class Lost:
    """A blob that did not come, and why."""

    cid: str
    reason: str


class Arrival(ABC):
    """An account that is to live here; the steps that need nobody else."""

    def __init__(self, did: str, parts: Parts, work: Path) -> None:
        self.did = did
        self._parts = parts
        self._work = work

    @property
    def account(self) -> AccountRow | None:
        """The account here, once there is one."""
        return accounts.find_by_did(self.did)

    def settle(self, handle: str, email: str, password: str) -> AccountRow:
        """Make the inactive account here. Raises as ``AccountCreation.create``."""
        new = NewAccount(handle, email, password, did=self.did, issuer=self.did, by_operator=True)
        self._parts.accounts.create(new)
        return self._parts.accounts.get_account(self.did)

    def import_repo(self, file: BinaryIO) -> None:
        """Take over the records of a CAR file. Raises as ``RepoImport.import_repo``."""
        self._parts.repo_import.import_repo(self._parts.accounts.get_account(self.did), file)

    def bring_blobs(self, tell: Tell) -> list[Lost]:
        """Take over the pictures and videos that are missing here; those that do not come.

        Raises: FetchError when the other server cannot be reached any more.
        """
        account = self._parts.accounts.get_account(self.did)
        expected, present = self._parts.blobs.counts(account.id)
        lost: list[Lost] = []
        unreached = 0  # one after the other
        for cid in self._missing(account):
            try:
                self._bring_blob(account, cid)
                present, unreached = present + 1, 0
            except PdsError as error:
                unreached = unreached + 1 if isinstance(error, FetchError) else 0
                if unreached == GIVE_UP_AFTER:
                    raise
                lost.append(Lost(str(cid), error.message))
            tell(present + len(lost), expected)
        return lost

    def _missing(self, account: AccountRow) -> Iterator[Cid]:
        cursor: str | None = None
        while True:
            page, cursor = self._parts.blobs.list_missing(account, limit=_PAGE, cursor=cursor)
            yield from (missing.cid for missing in page)
            if cursor is None:
                return

    def _bring_blob(self, account: AccountRow, cid: Cid) -> None:
        with tempfile.TemporaryFile(dir=self._work) as file:
            content_type = self.fetch_blob(str(cid), file)
            file.seek(0)
            blob = self._parts.blobs.upload(account, file, content_type or UNKNOWN_TYPE)
        if blob.cid != cid:
            message = "something else was there in its place"
            raise InvalidRequestError(message)

    @abstractmethod
    def fetch_blob(self, cid: str, file: BinaryIO) -> str:
        """Write a blob to ``file``; its type, or "". Raises PdsError when it is not to be had."""

    def put_preferences(self, found: list[dict[str, Any]]) -> None:
        """Take over private settings. Raises as ``Preferences.put``."""
        account = self._parts.accounts.get_account(self.did)
        self._parts.preferences.put(account, found, full_access=True)

    def check(self) -> AccountCheck:
        """How complete it is here."""
        return self._parts.accounts.check_status(self.did)

    def points_here(self) -> bool:
        """Whether the DID names this server, so that the account can become active."""
        return self.check().valid_did

    def wanted_document(self, own_keys: Sequence[str] = ()) -> dict[str, Any]:
        """What the DID shall say: this server's address and keys, behind ``own_keys``.

        own_keys: rotation keys of the member's own, as did:key.

        Raises: InvalidRequestError when they are too many.
        """
        wanted = self._parts.plc_operations.recommended(self.did)
        keys = list(dict.fromkeys([*own_keys, *wanted["rotationKeys"]]))
        if len(keys) > MAX_ROTATION_KEYS:
            message = f"a DID has at most {MAX_ROTATION_KEYS} rotation keys, not {len(keys)}"
            raise InvalidRequestError(message)
        return {**wanted, "rotationKeys": keys}

    def wake(self) -> None:
        """Make the account active here. Raises as ``AccountActivation.activate``."""
        self._parts.accounts.activate(self.did)


class Mover(Arrival):
    """One that comes from the server where it lives; the methods are the steps, in their order."""

    def __init__(self, did: str, home: OtherHome, parts: Parts, work: Path, limits: Limits) -> None:
        super().__init__(did, parts, work)
        self.home = home
        self._limits = limits
        self.old_handle = ""
        self.old_email: str | None = None

    def log_in(self, password: str, code: str | None = None) -> None:
        """Show at the old server that the account is ours.

        Raises:
            SecondFactorError: the old server wants a code, which it has sent.
            RefusedError, FetchError
        """
        try:
            found = self.home.log_in(self.did, password, code)
        except RefusedError as error:
            if error.name == "AuthFactorTokenRequired":
                raise SecondFactorError from error
            raise
        if found.get("did") != self.did:
            message = f"the old server let in {found.get('did')}, not {self.did}"
            raise InvalidRequestError(message)
        self.old_handle = str(found.get("handle", ""))
        email = found.get("email")
        self.old_email = email if isinstance(email, str) else None

    def keeps_handle(self) -> bool:
        """Whether the handle is a domain of the member's own, which moves along."""
        domains = self.home.query_list("com.atproto.server.describeServer", "availableUserDomains")
        return not self.old_handle.endswith((*_PROVIDERS, *map(str, domains)))

    def bring_repo(self) -> None:
        """Take over the records. Raises as ``RepoImport.import_repo``, RefusedError, FetchError."""
        with tempfile.TemporaryFile(dir=self._work) as file:
            self.home.download(file, self._limits.repo, "com.atproto.sync.getRepo", did=self.did)
            file.seek(0)
            self.import_repo(file)

    def fetch_blob(self, cid: str, file: BinaryIO) -> str:
        nsid = "com.atproto.sync.getBlob"
        return self.home.download(file, self._limits.blob, nsid, did=self.did, cid=cid)

    def bring_preferences(self) -> None:
        """Take over the private settings. Raises as ``Preferences.put``."""
        self.put_preferences(self.home.query_list("app.bsky.actor.getPreferences", "preferences"))

    def old_record_count(self) -> int | None:
        """How many records the old server counts; None if it does not say."""
        with suppress(PdsError):
            status = self.home.query("com.atproto.server.checkAccountStatus")
            count = status.get("indexedRecords")
            return count if isinstance(count, int) else None
        return None

    def ask_code(self) -> None:
        """Have the old server send the code that ``change_did`` takes."""
        self.home.call("com.atproto.identity.requestPlcOperationSignature")

    def unclaimed_keys(self) -> list[str]:
        """Rotation keys of the DID that the old server does not name as its own.

        They may be the member's, or ones that the old server keeps quiet about.
        """
        claimed: list[Any] = []
        with suppress(RefusedError):  # who was taken down there may not ask
            claimed = self.home.query_list(
                "com.atproto.identity.getRecommendedDidCredentials", "rotationKeys"
            )
        now = self._parts.directory.last_operation(self.did).get("rotationKeys") or ()
        return [key for key in now if key not in claimed]

    def change_did(self, code: str, document: dict[str, Any]) -> None:
        """Have the old server sign what the DID shall say, and publish it.

        Raises:
            RefusedError: the code is wrong or too old, or the old server does not want to.
            InvalidRequestError: it signed something else than it was asked to; nothing is changed.
            UpstreamFailureError
        """
        reply = self.home.call(
            "com.atproto.identity.signPlcOperation", {**document, "token": code.strip()}
        )
        operation = reply.get("operation")
        # A key of its own that it slipped in would let the old server take the account back.
        if not isinstance(operation, dict) or any(
            operation.get(name) != wanted for name, wanted in document.items()
        ):
            message = (
                f"{self.home.origin} signed something else than it was asked to, which was not"
                " published; the DID is as it was"
            )
            raise InvalidRequestError(message)
        self._parts.plc_operations.submit(self.did, operation)

    def leave(self) -> None:
        """Make it inactive at the old server. Raises RefusedError, FetchError."""
        self.home.call("com.atproto.server.deactivateAccount", {})


class MovingIn:
    """Finds the account that is to come."""

    def __init__(
        self,
        parts: Parts,
        client: StreamingClient,
        work: Path,
        limits: Limits,
        wait: Callable[[float], None],
    ) -> None:
        """work: a directory for what is on its way. wait: as of ``OtherHome``."""
        self._parts = parts
        self._client = client
        self._work = work
        self._limits = limits
        self._wait = wait

    def find(self, who: str, origin: str | None = None) -> Mover:
        """The account with a handle or DID, at the server its DID names, or at ``origin``.

        Raises:
            InvalidRequestError: it cannot be found, or its DID points here and no other is named.
            UnresolvableDidError
        """
        name = who.strip().removeprefix("@").lower()
        did = who.strip() if is_did(who.strip()) else self._parts.names.resolve(name)
        named = self._parts.directory.parsed_document(did, force=True).pds_endpoint
        if origin is None and named == self._parts.directory.public_url:
            message = f"{who} points to this server already; to go on, name the old server: --from"
            raise InvalidRequestError(message)
        address = origin or named
        if address is None:
            message = f"the DID document of {did} names no server; name it with --from"
            raise InvalidRequestError(message)
        home = OtherHome(self._client, address.rstrip("/"), self._wait)
        return Mover(did, home, self._parts, self._work, self._limits)
