"""What another service has answered to a call that was passed on, read as it is passed on.

A reply is either handed on whole as it came, byte for byte, or read here: ``read_json`` keeps what
it reads, so that a reply it can make nothing of can still be handed on.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pds.network.http_client import FetchError
from pds.network.streaming_client import Stream
from pds.services import content_encodings
from pds.services.content_encodings import UndecodableError

logger = logging.getLogger("pds.proxy")

# Parsed, JSON takes many times its size in memory, and a service that a client names may send
# what it likes. Pages of app views are well below this.
MAX_JSON_BYTES: Final = 2_097_152
PASSED_ON: Final = (
    "content-encoding",
    "content-type",
    "content-language",
    "atproto-repo-rev",
    "atproto-content-labelers",
    "retry-after",
)


class UnreadableReplyError(ValueError):
    """The reply is not JSON that fits into memory; it can still be passed on."""


class BrokenReplyError(OSError):
    """The other service broke off, so the client must not take what it has for the whole.

    An OSError, which the web server takes for a lost connection: it hangs up, and says no more.
    """


class UpstreamReply:
    """A reply that is not an error. Close it in any case, unless it is returned from a handler.

    headers: those that are passed on, names in lower case, without the length.
    size_bytes: of the body as it is sent, where that is known (for HEAD: as GET would send it).
    """

    def __init__(
        self, stream: Stream, body_timeout_s: float, on_end: Callable[[FetchError | None], None]
    ) -> None:
        """on_end: called once, with what cut the reply short if anything did."""
        self.status = stream.status
        self.headers = passed_on(stream.headers)
        length = stream.headers.get("content-length")
        self.size_bytes = None if length is None else int(length)
        self._stream = stream
        self._body_timeout_s = body_timeout_s
        self._on_end: Callable[[FetchError | None], None] | None = on_end
        self._held: list[bytes] = []

    def chunks(self) -> Iterator[bytes]:
        """The body as it was sent, from its start. Closes the reply.

        Raises:
            BrokenReplyError: the other service broke off or fell silent.
        """
        try:
            yield from self._held
            self._held = []
            while piece := self._read():
                yield piece
        except FetchError as error:
            raise BrokenReplyError(str(error)) from error
        finally:
            self.close()

    def read_json(self, max_bytes: int) -> Any:
        """The body as JSON, decoded; ``chunks`` gives it as it was sent all the same.

        Raises:
            UnreadableReplyError: not JSON, encoded in an unknown way, or larger than ``max_bytes``
                or ``MAX_JSON_BYTES``.
            UpstreamFailureError: the other service broke off.
        """
        max_bytes = min(max_bytes, MAX_JSON_BYTES)
        raw = self._hold(max_bytes)
        try:
            plain = content_encodings.decode(
                raw, self.headers.get("content-encoding", ""), max_bytes
            )
            return json.loads(plain)
        except (UndecodableError, ValueError, RecursionError) as error:
            raise UnreadableReplyError(str(error)) from error

    def close(self) -> None:
        """Let go of the connection. What was not read of the body is lost."""
        self._end(None)

    def _hold(self, max_bytes: int) -> bytes:
        """The whole body, and keep it."""
        size_bytes = sum(map(len, self._held))
        while size_bytes <= max_bytes:
            piece = self._read()
            if not piece:
                self._held = [b"".join(self._held)]
                return self._held[0]
            self._held.append(piece)
            size_bytes += len(piece)
        message = "the reply is too large to be read"
        raise UnreadableReplyError(message)

    def _read(self) -> bytes:
        try:
            piece = self._stream.read(self._body_timeout_s)
        except FetchError as error:
            self._end(error)
            raise
        if not piece:
            self._end(None)
        return piece

    def _end(self, error: FetchError | None) -> None:
        on_end, self._on_end = self._on_end, None
        if on_end is not None:
            self._stream.close()
            on_end(error)


def passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a reply that clients get to see."""
    return {name: headers[name] for name in PASSED_ON if name in headers}
