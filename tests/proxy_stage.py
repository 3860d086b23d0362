"""A whole server with an app view, a moderation service and a stranger beside it, all real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pds.services import build_services
from tests.factories import Person, StillClock, make_account, make_config
from tests.fakes.upstream import Upstream, upstream
from tests.stage import Stage, open_stage
from tests.web.harness import Answer

if TYPE_CHECKING:
    from pds.services import Services

TIMELINE = "app.bsky.feed.getTimeline"
SEARCH = "app.bsky.feed.searchPosts"
LIST_CONVOS = "chat.bsky.convo.listConvos"


@dataclass(frozen=True)
class ProxyStage:
    """``stranger`` is known only by its DID document, as a chat or video service is."""

    stage: Stage
    services: Services
    app_view: Upstream
    moderation: Upstream
    stranger: Upstream
    alice: Person

    def ask(
        self,
        nsid: str,
        query: str = "",
        *,
        verb: str = "GET",
        body: Any = None,
        to: str | None = None,
        token: str | None = None,
        **headers: str,
    ) -> Answer:
        """Call as ``alice``; ``to`` is the atproto-proxy header, ``token`` another access token."""
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        sent.setdefault("Authorization", f"Bearer {token or self.alice.access_jwt}")
        if to is not None:
            sent["atproto-proxy"] = to
        return self.stage.web.request(verb, f"/xrpc/{nsid}{query}", body, sent)

    def echo(self, nsid: str, query: str = "", **how: Any) -> dict[str, Any]:
        """What an upstream got of a call, as it tells; the call must succeed."""
        answer = self.ask(nsid, query, **how)
        assert answer.status == 200, answer.body
        got: dict[str, Any] = json.loads(answer.body)
        return got

    @property
    def upstreams(self) -> tuple[Upstream, ...]:
        return (self.app_view, self.moderation, self.stranger)


@contextmanager
def open_proxy_stage(
    data: Path, clock: StillClock, *, configured: bool = True, **settings: str
) -> Iterator[ProxyStage]:
    """The database must be open. configured: whether the server knows app view and moderation."""
    with ExitStack() as stack:
        app_view = stack.enter_context(upstream(clock, bsky_appview="", other=""))
        moderation = stack.enter_context(upstream(clock, atproto_labeler=""))
        stranger = stack.enter_context(upstream(clock, bsky_chat="", atproto_labeler=""))
        if configured:
            settings = {
                "bsky_app_view_url": app_view.url,
                "bsky_app_view_did": app_view.did,
                "mod_service_url": moderation.url,
                "mod_service_did": moderation.did,
                **settings,
            }
        services = build_services(make_config(data, **settings), clock)
        stack.callback(services.close)
        alice = make_account(services, "alice")
        spool_bytes = services.config.proxy_max_response_size
        stage = stack.enter_context(open_stage(services, spool_bytes=spool_bytes))
        for service in (app_view, moderation, stranger):
            service.plc_url = f"http://127.0.0.1:{stage.web.port}"
        yield ProxyStage(stage, services, app_view, moderation, stranger, alice)
