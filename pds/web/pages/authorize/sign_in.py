"""``/oauth/authorize/sign-in``: prove who one is, for this request.

Whom the app has named (``login_hint``), or whoever was chosen before, is fixed: another account is
a decision of its own (``accounts.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from pds.errors import AuthRequiredError, PdsError
from pds.services.sign_in import Proof, SecondFactorNeeded
from pds.web.pages import browser as browsers
from pds.web.pages import budgets
from pds.web.pages.authorize import steps
from pds.web.pages.authorize.visit import ROOT, Visit, begin, begin_form
from pds.web.rate_limiting import BYPASS_HEADER
from pds.xrpc.limits import CREATE_SESSION

if TYPE_CHECKING:
    from pds.services import Services

MAX_CHARS = 2_000  # of anything that is typed here; more is refused by whoever reads it


class OtherAccountError(AuthRequiredError):
    default_message = "The app has asked for another account than this one."


class WrongPasswordError(AuthRequiredError):
    """A wrong password, or an unknown name: which, is not said."""

    default_message = "This handle, e-mail address or password is wrong."


@dataclass(frozen=True, slots=True)
class _Whom:
    """Who is to sign in. identifier: as typed or shown; account_id: where only one may.

    did: of whoever was chosen among those who are signed in.
    """

    identifier: str
    is_fixed: bool
    account_id: int | None = None
    is_remembered: bool = False
    did: str | None = None


def add(routes: Blueprint, services: Services) -> None:
    @routes.get(ROOT + steps.SIGN_IN)
    def show_sign_in() -> Response:
        visit = begin(services)
        return _show(visit, _whom(visit, ""))

    @routes.post(ROOT + steps.SIGN_IN)
    def sign_in() -> Response:
        visit = begin_form(services)
        whom = _whom(visit, _field("identifier"))
        try:
            proof = _prove(visit, whom)
            if isinstance(proof, SecondFactorNeeded):
                return _show(visit, whom, needed=proof)
            if whom.is_fixed and proof.account.id != whom.account_id:
                raise OtherAccountError
            return _enter(visit, proof)
        except PdsError as error:
            # What the ticket is for was right; another try needs no password.
            return _show(visit, whom, error=error, needed=_needed_still())


def _whom(visit: Visit, typed: str) -> _Whom:
    opened = visit.opened
    chosen = visit.chosen()
    if chosen is not None:
        account = chosen.account
        name = account.handle or account.did
        return _Whom(name, True, account.id, chosen.is_remembered, account.did)
    hint = opened.parameters.login_hint
    if hint is None:
        return _Whom(typed, False)
    if opened.hinted is None:
        return _Whom(hint, True)
    return _Whom(opened.hinted.handle or opened.hinted.did, True, opened.hinted.id)


def _prove(visit: Visit, whom: _Whom) -> Proof | SecondFactorNeeded:
    device, key = visit.browser.device, request.environ.get(BYPASS_HEADER)
    service = visit.services.sign_in
    budgets.spend(visit.services, CREATE_SESSION, identifier=whom.identifier)
    ticket = _field("ticket")
    if ticket:
        return service.finish(ticket, _field("code"), device, bypass_key=key)
    try:
        return service.begin(whom.identifier, _field("password"), device, bypass_key=key)
    except AuthRequiredError as error:
        if type(error) is not AuthRequiredError:
            raise  # its children say more, in plain words
        raise WrongPasswordError from error


def _enter(visit: Visit, proof: Proof) -> Response:
    services, browser, account = visit.services, visit.browser, proof.account
    is_known = any(one.account.id == account.id for one in services.browsers.accounts(browser))
    signed_in = services.browsers.sign_in(
        browser,
        account.id,
        remember=request.form.get("remember") == "on",
        request_id=visit.opened.id,
        settle=lambda: services.sign_in.settle(proof, is_known=is_known),
    )
    return browsers.keep(steps.after_form(visit.again(signed_in), account.did), signed_in)


def _show(
    visit: Visit,
    whom: _Whom,
    *,
    error: PdsError | None = None,
    needed: SecondFactorNeeded | None = None,
) -> Response:
    return visit.show(
        "sign_in.html",
        error,
        whom=whom,
        needed=needed,
        remember=request.form.get("remember") == "on" if request.form else whom.is_remembered,
        has_hint=visit.opened.parameters.login_hint is not None,
        others=bool(visit.opened.choices),
        sign_up=steps.sign_up_address() if steps.is_sign_up_open(visit) else None,
        host=visit.services.config.public_url.partition("://")[2],
    )


def _needed_still() -> SecondFactorNeeded | None:
    ticket = _field("ticket")
    return SecondFactorNeeded(_field("kind"), _field("hint"), ticket) if ticket else None


def _field(name: str) -> str:
    return request.form.get(name, "")[:MAX_CHARS]
