"""A page that uses every macro, for tests to read and to look at: ``/example?shape=wide``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Blueprint, Response, request

from pds.atproto.oauth.scopes.consent import consent_cards
from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.services.oauth.consent_words import words_for
from pds.web.pages import page

HERE = Path(__file__).resolve().parent
TEMPLATE = "example.html"
SCOPE = (
    "atproto account:email identity:* repo:com.example.note?action=create repo:app.bsky.feed.post"
    " rpc:com.example.getNotes?aud=* blob:image/* blob:text/plain"
)


def example_page() -> Blueprint:
    """The example page, and ``/example/bug``, which fails."""
    routes = Blueprint("example", __name__, template_folder=str(HERE))

    @routes.get("/example")
    def show() -> Response:
        asked = request.args
        texts: dict[str, Any] = {name: asked.get(name) for name in ("error", "notice", "advice")}
        may = [words_for(card) for card in consent_cards(ScopeSet.parse(SCOPE), {})]
        return page.render(TEMPLATE, shape=asked.get("shape", "narrow"), may=may, **texts)

    @routes.post("/example")
    def act() -> Response:
        """Say what was sent, in the order it came."""
        sent = "&".join(f"{name}={value}" for name, value in request.form.items(multi=True))
        return page.render("code_taken.html", title="Sent", notice=sent)

    @routes.get("/example/bug")
    def fail() -> Response:
        message = "secret detail"
        raise ValueError(message)

    @routes.get("/example/leave")
    def leave() -> Response:
        """A form that is sent as soon as it is there."""
        return page.render("example_leave.html", flow=True)

    return routes
