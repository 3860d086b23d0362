"""Whose token a feed wants: the service behind it.

The app view shows a feed, and asks the feed's own service for what is in it, with the token that
came with the call. So that token is made for that service.
"""

from __future__ import annotations

from typing import Final

from pds.atproto.syntax.at_uri import AtUri
from pds.atproto.syntax.did import is_did
from pds.errors import UnknownFeedError, UpstreamReplyError
from pds.services.upstream_calls import UpstreamCalls
from pds.services.upstream_targets import Target

GENERATOR: Final = "app.bsky.feed.generator"
_GET_RECORD: Final = "com.atproto.repo.getRecord"


class FeedGenerators:
    """Looks feeds up at the app view."""

    def __init__(self, calls: UpstreamCalls) -> None:
        self._calls = calls

    def service_of(self, feed: str, caller_did: str, app_view: Target) -> str:
        """The DID of the service behind a feed, named by its AT-URI.

        Raises:
            UnknownFeedError: there is no such feed, or it names no service.
            UpstreamFailureError and others: as ``UpstreamCalls``.
        """
        uri = AtUri(feed)
        if uri.collection != GENERATOR or uri.rkey is None:
            raise UnknownFeedError
        params = {"repo": uri.authority, "collection": uri.collection, "rkey": uri.rkey}
        try:
            found = self._calls.query(caller_did, _GET_RECORD, params, app_view)
        except UpstreamReplyError as error:
            if error.status in (400, 404):
                raise UnknownFeedError from error
            raise
        did = found["value"].get("did")
        if not isinstance(did, str) or not is_did(did):
            raise UnknownFeedError
        return did
