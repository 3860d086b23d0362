"""``…/apps``: what the member has allowed apps to do, and an end to it."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as attribute
from typing import TYPE_CHECKING

from flask import Response, request

from pds.atproto.oauth import client_id as client_ids
from pds.atproto.oauth.scopes.consent import consent_cards
from pds.services.oauth.consent_words import CardWords, words_for
from pds.web import accepting
from pds.web.pages.account.desk import Desk
from pds.web.pages.account.times import Shown, shown_day, shown_time
from pds.web.pages.account.visit import Visit, field

if TYPE_CHECKING:
    from pds.services.oauth.grants import Grant

AT = "/apps"
SHOWN = 100
LOOPBACK_NAME = "An app on your own computer"


@dataclass(frozen=True, slots=True)
class Access:
    """One time that the member let an app in, until it ends."""

    id: str
    since: Shown
    used: Shown
    may: tuple[CardWords, ...]


@dataclass(frozen=True, slots=True)
class App:
    """is_local: it runs on the member's own machine, and nobody vouches for which one it is."""

    client_id: str
    name: str
    is_local: bool
    accesses: list[Access] = attribute(default_factory=list)


def add(desk: Desk) -> None:
    desk.page(AT, _show)
    desk.form(AT, "revoke", _revoke)


def _show(visit: Visit) -> Response:
    found = visit.services.oauth.grants.list_for_account(visit.account.id)
    shown = found if "all" in request.args else found[:SHOWN]
    return visit.show("account/apps.html", apps=_by_app(shown), count=len(found), shown=len(shown))


def _by_app(grants: list[Grant]) -> list[App]:
    apps: dict[str, App] = {}
    languages = accepting.languages()
    for grant in grants:
        app = apps.get(grant.client_id)
        if app is None:
            app = apps[grant.client_id] = _app(grant)
        app.accesses.append(
            Access(
                grant.id,
                shown_day(grant.created_at_us),
                shown_time(grant.used_at_us),
                tuple(words_for(card) for card in consent_cards(grant.scope, {}, languages)),
            )
        )
    return list(apps.values())


def _app(grant: Grant) -> App:
    is_local = grant.client_id.startswith("http://localhost")
    name = grant.client_name or client_ids.display_name(grant.client_id)
    return App(grant.client_id, LOOPBACK_NAME if is_local else name, is_local)


def _revoke(visit: Visit) -> Response:
    """End one access, or all that an app has."""
    grants, account_id = visit.services.oauth.grants, visit.account.id
    client_id = field("client")
    wanted = (
        [one.id for one in grants.list_for_account(account_id) if one.client_id == client_id]
        if client_id
        else [field("access")]
    )
    ended = [grants.revoke_for_member(account_id, one) for one in wanted]
    return visit.go(AT, "app" if any(ended) else "no-app")
