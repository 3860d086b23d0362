"""The did:plc directory over HTTP, and what any directory (the embedded one too) can do.

Spec: https://web.plc.directory/spec/v0.1/did-plc
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import quote

from pds.atproto import dag_json
from pds.errors import PdsError, UpstreamFailureError
from pds.network.http_client import HttpClient, Response

Operation = dict[str, Any]

READ_TIMEOUT_S = 5.0
SUBMIT_TIMEOUT_S = 10.0  # an unanswered submission leaves the caller not knowing: wait longer
AT_ONCE = 6
WAIT_S = 1.0
MAX_LOG_BYTES = 2_000_000
MAX_REASON_CHARS = 200


class NotRegisteredError(PdsError):
    """The directory does not know this DID, or it ended with a tombstone."""

    status = 404
    default_message = "DID not registered"


class TombstonedDidError(NotRegisteredError):
    """It ended with a tombstone."""

    default_message = "DID not available"


class OperationRefusedError(PdsError):
    """The directory says that the operation is not valid."""

    default_message = "The PLC directory refused the operation"


class OperationConflictError(PdsError):
    """Another operation for the same DID came first; read the log again and rebuild."""

    status = 409
    default_message = "Another operation for this DID was accepted at the same time"


class PlcDirectory(Protocol):
    """A directory. Reads raise NotRegisteredError; every call may raise UpstreamFailureError."""

    def submit(self, did: str, operation: Operation) -> None:
        """Add an operation. Submitting one that the valid log already holds does nothing.

        Raises:
            OperationRefusedError: it is not valid.
            OperationConflictError: it lost a race.
        """

    def document(self, did: str) -> dict[str, Any]:
        """The DID document. Raises TombstonedDidError for one that has ended."""

    def data(self, did: str) -> dict[str, Any]:
        """Current values: did, rotationKeys, verificationMethods, alsoKnownAs, services."""

    def log(self, did: str) -> list[Operation]:
        """The valid operations, oldest first."""

    def audit_log(self, did: str) -> list[dict[str, Any]]:
        """All operations, nullified ones included, with cid, nullified and createdAt."""

    def last(self, did: str) -> Operation:
        """The newest valid operation, which may be a tombstone."""

    def has(self, did: str) -> bool:
        """Whether the DID was ever registered."""


class PlcDirectoryClient:
    """A directory at ``base_url``.

    So many requests may wait for it, ``AT_ONCE``; further ones fail after ``WAIT_S``, for a
    directory that is silent must not take all request threads. Whoever wants a document is not
    counted: that is for ``services.look_ups``, and strangers would leave no turn to the members.
    """

    def __init__(
        self, base_url: str, http: HttpClient, *, read_timeout_s: float = READ_TIMEOUT_S
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._http = http
        self._read_timeout_s = read_timeout_s
        self._turns = threading.BoundedSemaphore(AT_ONCE)

    def submit(self, did: str, operation: Operation) -> None:
        with self._turn():
            answer = self._http.post_json(self._url(did), operation, timeout_s=SUBMIT_TIMEOUT_S)
        if answer.is_success:
            return
        if answer.status not in (400, 409):
            raise _unexpected(answer)
        # The public directory refuses to hear the same operation twice. Whoever submits again
        # after a crash or a lost answer must not be told that it failed.
        if self._holds(did, operation):
            return
        if answer.status == 409:
            raise OperationConflictError
        raise OperationRefusedError(f"{OperationRefusedError.default_message}: {_reason(answer)}")

    def document(self, did: str) -> dict[str, Any]:
        return _object(self._get(did, ""))

    def data(self, did: str) -> dict[str, Any]:
        with self._turn():
            return _object(self._get(did, "/data"))

    def log(self, did: str) -> list[Operation]:
        with self._turn():
            return _objects(self._get(did, "/log"))

    def audit_log(self, did: str) -> list[dict[str, Any]]:
        return _objects(self._get(did, "/log/audit"))

    def last(self, did: str) -> Operation:
        with self._turn():
            return _object(self._get(did, "/log/last"))

    def has(self, did: str) -> bool:
        try:
            self.last(did)
        except NotRegisteredError:
            return False
        return True

    def _holds(self, did: str, operation: Operation) -> bool:
        try:
            return operation in self.log(did)
        except NotRegisteredError:
            return False

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=WAIT_S):
            message = "The PLC directory is slow at the moment, try again shortly"
            raise UpstreamFailureError(message)
        try:
            yield
        finally:
            self._turns.release()

    def _get(self, did: str, suffix: str) -> Any:
        answer = self._http.get(
            self._url(did) + suffix,
            accept="application/did+ld+json, application/json",
            timeout_s=self._read_timeout_s,
            max_bytes=MAX_LOG_BYTES,
        )
        if answer.status in (404, 410):  # a tombstone is 404 in its code, 410 in its documentation
            if answer.status == 410 or _reason(answer).startswith("DID not available"):
                raise TombstonedDidError(f"DID not available: {did}")
            raise NotRegisteredError(f"DID not registered: {did}")
        if not answer.is_success:
            raise _unexpected(answer)
        try:
            return dag_json.parse(answer.body)
        except dag_json.InvalidJsonError as error:
            message = "The PLC directory's answer is not JSON"
            raise UpstreamFailureError(message) from error

    def _url(self, did: str) -> str:
        return f"{self._base_url}/{quote(did, safe='')}"


def _unexpected(answer: Response) -> UpstreamFailureError:
    return UpstreamFailureError(f"The PLC directory answered with status {answer.status}")


def _reason(answer: Response) -> str:
    try:
        content = dag_json.parse(answer.body)
    except dag_json.InvalidJsonError:
        return f"status {answer.status}"
    reason = content.get("message") if isinstance(content, dict) else None
    return reason[:MAX_REASON_CHARS] if isinstance(reason, str) else f"status {answer.status}"


def _object(content: Any) -> dict[str, Any]:
    if not isinstance(content, dict):
        message = "The PLC directory's answer is not an object"
        raise UpstreamFailureError(message)
    return content


def _objects(content: Any) -> list[dict[str, Any]]:
    if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
        message = "The PLC directory's answer is not a list of operations"
        raise UpstreamFailureError(message)
    return content
