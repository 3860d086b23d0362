"""What app views say of posts and people, and a member whose app view lags behind."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pds.atproto.syntax.datetime import format_datetime
from tests.factories import START_US, StillClock
from tests.proxy_stage import ProxyStage, open_proxy_stage
from tests.repo_methods import CREATED_AT, OTHER_CID, POST, head_of, repo_call

PROFILE = "app.bsky.actor.profile"
THREAD = "app.bsky.feed.defs#threadViewPost"
STRANGER = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
TIMELINE = "app.bsky.feed.getTimeline"
AUTHOR_FEED = "app.bsky.feed.getAuthorFeed"
PROFILE_OF = "app.bsky.actor.getProfile"


def at(seconds: int) -> str:
    """A time after the tests' beginning, as app views write it."""
    return format_datetime(START_US + seconds * 1_000_000)


def author(did: str = STRANGER, **more: Any) -> dict[str, Any]:
    return {"did": did, "handle": "stranger.test", **more}


def post_view(rkey: str, seconds: int, did: str = STRANGER, **more: Any) -> dict[str, Any]:
    """A post by somebody that the app view indexed at that time."""
    return {
        "uri": f"at://{did}/{POST}/{rkey}",
        "cid": OTHER_CID,
        "author": author(did),
        "record": {"$type": POST, "text": rkey, "createdAt": CREATED_AT},
        "indexedAt": at(seconds),
        **more,
    }


def item(rkey: str, seconds: int, did: str = STRANGER, **more: Any) -> dict[str, Any]:
    """The same as it stands in a feed."""
    return {"post": post_view(rkey, seconds, did), **more}


def write_post(proxy: ProxyStage, text: str, **fields: Any) -> Any:
    """A post of alice's, now; the reply of createRecord."""
    record = {"$type": POST, "text": text, "createdAt": CREATED_AT, **fields}
    return repo_call(proxy.services, proxy.alice, "createRecord", collection=POST, record=record)


def write_profile(proxy: ProxyStage, **fields: Any) -> Any:
    record = {"$type": PROFILE, **fields}
    return repo_call(
        proxy.services, proxy.alice, "putRecord", collection=PROFILE, rkey="self", record=record
    )


def upload_picture(proxy: ProxyStage, content: bytes = b"\x89PNG\r\n\x1a\n") -> dict[str, Any]:
    """A blob of alice's, as it stands in a record."""
    services = proxy.services
    return services.blobs.upload(proxy.alice.row, io.BytesIO(content), "image/png").to_value()


class LaggingAppView:
    """The app view of a stage, which has seen alice's repo up to ``rev``."""

    def __init__(self, proxy: ProxyStage) -> None:
        self.proxy = proxy
        self.rev = head_of(proxy.services, proxy.alice)["rev"]

    def says(self, nsid: str, content: Any, status: int = 200, **headers: str) -> bytes:
        """Its answer from now on; returns the body."""
        body = content if isinstance(content, bytes) else json.dumps(content, indent=1).encode()
        sent = {"content-type": "application/json", "atproto-repo-rev": self.rev}
        sent |= {name.replace("_", "-"): text for name, text in headers.items()}
        self.proxy.app_view.routes[f"/xrpc/{nsid}"] = (status, sent, body)
        return body

    def catches_up(self) -> None:
        self.rev = head_of(self.proxy.services, self.proxy.alice)["rev"]

    def is_asked(self, nsid: str, query: str = "", **how: Any) -> Any:
        """What alice gets; the call must succeed."""
        answer = self.proxy.ask(nsid, query, **how)
        assert answer.status == 200, answer.body
        return answer.json


@contextmanager
def lagging_app_view(data: Path, clock: StillClock, **settings: Any) -> Iterator[LaggingAppView]:
    """A server whose alice has written what the app view knows; the rest is the test's."""
    with open_proxy_stage(data, clock, **settings) as proxy:
        write_post(proxy, "known")
        clock.advance(60)
        yield LaggingAppView(proxy)
        assert [service.refused for service in proxy.upstreams] == [[], [], []]
