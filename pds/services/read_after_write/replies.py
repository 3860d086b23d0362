"""Replies of an app view, completed with what the member has written since it last looked.

Nothing here may make a reply worse: what cannot be read, does not fit its Lexicon or makes the code
below fail is passed on byte for byte.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from pds.atproto import dag_json
from pds.atproto.dag_json import InvalidDataError
from pds.atproto.lexicon.validate import InvalidValueError, Validator
from pds.atproto.syntax.at_uri import AtUri, make_at_uri
from pds.config import Config
from pds.errors import PdsError, UpstreamReplyError
from pds.services.clock import Clock
from pds.services.proxying import OutgoingCall, Proxying
from pds.services.read_after_write import threads
from pds.services.read_after_write.embeds import Ask, Embeds, View
from pds.services.read_after_write.local_views import LocalViews
from pds.services.read_after_write.newer import Newer, find_newer, read_profile
from pds.services.read_after_write.pictures import Pictures
from pds.services.upstream_calls import MAX_DEPTH, UpstreamCalls
from pds.services.upstream_reply import UnreadableReplyError, UpstreamReply
from pds.services.upstream_targets import Target
from pds.storage import accounts
from pds.storage.accounts import AccountRow

logger = logging.getLogger("pds.read_after_write")

REV: Final = "atproto-repo-rev"
LAG: Final = "atproto-upstream-lag"
_REPLACED: Final = ("content-encoding", "content-type")

Munge = Callable[[View, Newer, LocalViews, dict[str, Any]], bool]
"""Changes a reply in place; False when there is nothing to change. The last are its parameters."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A query of a member, to be answered by ``target``.

    did: of the member. call: as it is sent on. params: of the query, by its Lexicon.
    """

    did: str
    call: OutgoingCall
    params: dict[str, Any]
    target: Target


@dataclass(frozen=True, slots=True)
class MungedReply:
    """A reply that was changed here: JSON, and the headers that go with it."""

    content: bytes
    headers: dict[str, str]


class ReadAfterWrite:
    """Asks the app view, and completes what it says."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        validator: Validator,
        proxying: Proxying,
        calls: UpstreamCalls,
    ) -> None:
        self._config = config
        self._clock = clock
        self._validator = validator
        self._proxying = proxying
        self._calls = calls
        self._max_bytes: int = config.proxy_max_response_size

    def answer(
        self, asked: Asked, munge: Munge, accept_encoding: str | None
    ) -> UpstreamReply | MungedReply:
        """The app view's reply, completed where that is needed and possible.

        accept_encoding: the client's.

        Raises:
            NotAcceptableError, InvalidRequestError: there is no encoding that both sides can read.
            PdsError: as ``Proxying.open`` raises them.
        """
        encoding = self._proxying.readable_encoding(accept_encoding)
        reply = self._proxying.open(asked.call, asked.target, accept_encoding=encoding)
        try:
            return self._munged(reply, asked, munge) or reply
        except BaseException:
            reply.close()
            raise

    def answer_thread(
        self, asked: Asked, accept_encoding: str | None
    ) -> UpstreamReply | MungedReply:
        """Like ``answer``, for getPostThread: also of a post that the app view does not know yet.

        Raises:
            PdsError: as ``answer``.
        """
        try:
            return self.answer(asked, threads.munge_thread, accept_encoding)
        except UpstreamReplyError as error:
            found = self._new_thread(asked, error) if error.error == "NotFound" else None
            if found is None:
                raise
            return found

    def _munged(self, reply: UpstreamReply, asked: Asked, munge: Munge) -> MungedReply | None:
        if asked.call.http_method != "GET" or not _is_json(reply):
            return None
        found = self._newer(asked, reply.headers)
        if found is None:
            return None
        account, newer = found
        value = self._read(reply, asked.call.nsid)
        if value is None:
            return None
        try:
            if munge(value, newer, self._views(account, asked), asked.params):
                return self._reply(value, newer, reply.headers)
        except Exception:
            logger.exception("a reply to %s is passed on as it came", asked.call.nsid)
        return None

    def _new_thread(self, asked: Asked, error: UpstreamReplyError) -> MungedReply | None:
        found = self._newer(asked, error.headers)
        if found is None:
            return None
        account, newer = found
        views = self._views(account, asked)
        uri = AtUri(asked.params["uri"])
        if uri.collection is None or uri.rkey is None or not views.is_of(uri.authority):
            return None
        try:
            thread = threads.thread_of(
                make_at_uri(account.did, uri.collection, uri.rkey), newer, views
            )
            if thread is None:
                return None
            self._add_parent(thread, asked)
            return self._reply({"thread": thread}, newer, error.headers)
        except Exception:
            logger.exception("a new thread cannot be shown")
            return None

    def _add_parent(self, thread: View, asked: Asked) -> None:
        """What the post replies to, as far as the app view knows it."""
        uri = threads.parent_of(thread)
        if uri is None:
            return
        height = str(asked.params["parentHeight"])
        params = {"uri": uri, "depth": "0", "parentHeight": height}
        found = self._asking(asked)("app.bsky.feed.getPostThread", params)
        if found is not None:
            thread["parent"] = found["thread"]

    def _newer(self, asked: Asked, headers: dict[str, str]) -> tuple[AccountRow, Newer] | None:
        account = accounts.find_by_did(asked.did)
        if account is None:
            return None
        newer = find_newer(account, headers.get(REV), self._validator)
        return None if newer is None else (account, newer)

    def _read(self, reply: UpstreamReply, nsid: str) -> View | None:
        """The reply as plain JSON, so that what is not changed stays as it is; None: unusable."""
        try:
            value: View = reply.read_json(self._max_bytes)
            self._validator.check_output(nsid, dag_json.from_json(value, max_depth=MAX_DEPTH))
        except (UnreadableReplyError, InvalidDataError, InvalidValueError, RecursionError) as error:
            logger.info("a reply to %s is passed on as it came: %s", nsid, error)
            return None
        return value

    def _views(self, account: AccountRow, asked: Asked) -> LocalViews:
        pictures = Pictures(self._config, account.did)
        return LocalViews(
            account,
            lambda: read_profile(account, self._validator),
            pictures,
            Embeds(pictures, self._asking(asked)),
        )

    def _asking(self, asked: Asked) -> Ask:
        """How to ask the same app view more; after one failure it is left alone."""
        has_failed = False

        def ask(nsid: str, params: dict[str, str]) -> View | None:
            nonlocal has_failed
            if has_failed:
                return None
            headers = asked.call.headers
            try:
                return self._calls.query(asked.did, nsid, params, asked.target, headers)
            except UpstreamReplyError:
                return None  # it does not know, or does not tell
            except PdsError:
                has_failed = True
                return None

        return ask

    def _reply(self, value: View, newer: Newer, headers: dict[str, str]) -> MungedReply:
        content = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        lag_ms = max(0, self._clock() - newer.oldest_us) // 1_000
        kept = {name: text for name, text in headers.items() if name not in _REPLACED}
        return MungedReply(content.encode(), {**kept, LAG: str(lag_ms)})


def _is_json(reply: UpstreamReply) -> bool:
    """App views need not say."""
    kind = reply.headers.get("content-type", "application/json")
    return reply.status == 200 and kind.partition(";")[0].strip().lower() == "application/json"
