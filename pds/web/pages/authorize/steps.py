"""Which page comes when.

The first page is chosen by what the client wants and who is signed in; each form leads to the next.
An app gets its code without a question only where nothing has to be asked (``Choice.is_ready``).
"""

from __future__ import annotations

from flask import Response

from pds.services.oauth.opened import Choice
from pds.web.pages.authorize.visit import Visit, address, send

ACCOUNTS = "/accounts"
SIGN_IN = "/sign-in"
OTHER_ACCOUNT = "/other-account"
REACTIVATE = "/reactivate"
CONSENT = "/consent"
DENY = "/deny"
SIGN_UP = "/account/sign-up"


def first(visit: Visit) -> Response:
    """On to the first page that asks something."""
    opened = visit.opened
    newcomer = opened.newcomer
    if newcomer is not None:
        return towards(visit, newcomer)
    if opened.parameters.prompt == "create" and _admits_newcomers(visit):
        return Response("", 303, {"Location": sign_up_address()})
    if not opened.choices:
        return visit.go(SIGN_IN)
    if opened.parameters.login_hint and opened.parameters.prompt != "select_account":
        return towards(visit, opened.choices[0])
    return visit.go(ACCOUNTS)


def towards(visit: Visit, choice: Choice) -> Response:
    """On to what this member is asked first; to consent where nothing else is due."""
    did = choice.account.did
    if choice.needs_password:
        return visit.go(SIGN_IN, did)
    return visit.go(REACTIVATE if choice.is_deactivated else CONSENT, did)


def after_form(visit: Visit, did: str) -> Response:
    """On after a member has done something: back to the app when nothing more has to be asked."""
    choice = visit.opened.choice(did)
    if choice is None:
        return visit.go()
    if choice.is_ready:
        return send(visit.services.oauth.authorization.agree(visit.browser, visit.opened, choice))
    return towards(visit, choice)


def is_sign_up_open(visit: Visit) -> bool:
    """Whether there is a page for it, which says whom to ask while nobody can sign up."""
    return bool(visit.services.config.service_handle_domains)


def _admits_newcomers(visit: Visit) -> bool:
    """Whether somebody could get an account now."""
    return is_sign_up_open(visit) and visit.services.flood_breaker.status().is_open


def sign_up_address() -> str:
    """The page where an account is made; it leads back to ``ROOT``, and so to consent."""
    return address(root=SIGN_UP)
