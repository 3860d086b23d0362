"""``/account/sign-in``, and ``…/confirm``: the password once more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from pds.errors import PdsError
from pds.services.log_in_check import wrong_password
from pds.services.sign_in import SecondFactorNeeded
from pds.web.pages import browser as browsers
from pds.web.pages import budgets, page
from pds.web.pages.account import words
from pds.web.pages.account.desk import CONFIRM, SIGN_IN, Desk
from pds.web.pages.account.visit import Visit, field, on_to, root_of
from pds.web.rate_limiting import BYPASS_HEADER
from pds.xrpc.limits import CREATE_SESSION

if TYPE_CHECKING:
    from pds.services import Services
    from pds.services.browsers import Browser
    from pds.services.sign_in import Proof


def add(services: Services, routes: Blueprint) -> None:
    def show(error: PdsError | None = None, needed: SecondFactorNeeded | None = None) -> Response:
        browser = browsers.current(services)
        response = page.render(
            "account/sign_in.html",
            200 if error is None else error.status,
            browser=browser,
            identifier=field("identifier"),
            needed=needed,
            may_sign_up=bool(services.config.service_handle_domains),
            remember=request.method == "GET" or "remember" in request.form,
            error=None if error is None else _refusal(error),
        )
        if error is not None and error.retry_after is not None:
            response.headers["Retry-After"] = error.retry_after
        return response

    @routes.get(SIGN_IN)
    def ask() -> Response:
        return show()

    @routes.post(SIGN_IN)
    def sign_in() -> Response:
        browser = browsers.current(services)
        browsers.check_form(services, browser)
        try:
            proof = _prove(services, browser)
            if isinstance(proof, SecondFactorNeeded):
                return show(needed=proof)
            signed_in = _enter(services, browser, proof, remember="remember" in request.form)
        except PdsError as error:
            # What the ticket is for was right; another try needs no password.
            return show(error, _needed_still())
        return browsers.keep(on_to(root_of(proof.account.did)), signed_in)


def add_confirm(desk: Desk) -> None:
    def show(visit: Visit) -> Response:
        return visit.show("account/confirm.html", next=desk.find_next())

    def confirm(visit: Visit) -> Response:
        services, browser = visit.services, visit.browser
        proof = prove_again(visit)
        remember = visit.signed_in.is_remembered
        signed_in = _enter(services, browser, proof, remember=remember)
        return browsers.keep(visit.go(desk.find_next(), "signed-in"), signed_in)

    desk.page(CONFIRM, show, admits_stale=True)
    desk.form(CONFIRM, "", confirm, limits=CREATE_SESSION, admits_stale=True)


def _prove(services: Services, browser: Browser) -> Proof | SecondFactorNeeded:
    """Look at the password, or at the answer to what was asked for after it."""
    identifier, ticket = field("identifier"), field("ticket")
    key = request.environ.get(BYPASS_HEADER)
    budgets.spend(services, CREATE_SESSION, identifier=identifier)
    if ticket:
        return services.sign_in.finish(ticket, field("code"), browser.device, bypass_key=key)
    password = field("password")
    return services.sign_in.begin(identifier, password, browser.device, bypass_key=key)


def _needed_still() -> SecondFactorNeeded | None:
    ticket = field("ticket")
    return SecondFactorNeeded(field("kind"), field("hint"), ticket) if ticket else None


def _refusal(error: PdsError) -> str:
    """A wrong password and an unknown name look the same."""
    is_about_both = error.message == wrong_password().message
    return words.SIGN_IN_REFUSED if is_about_both else words.of(error)


def prove_again(visit: Visit) -> Proof:
    """The proof that a member who is signed in has typed the right password into this form.

    Raises what ``SignIn.confirm`` raises: wrong ones count as they do when signing in.
    """
    key = request.environ.get(BYPASS_HEADER)
    confirm = visit.services.sign_in.confirm
    return confirm(visit.account, visit.did, field("password"), visit.browser.device, key)


def _enter(services: Services, browser: Browser, proof: Proof, *, remember: bool) -> Browser:
    account_id = proof.account.id
    is_known = any(one.account.id == account_id for one in services.browsers.accounts(browser))

    return services.browsers.sign_in(
        browser,
        account_id,
        remember=remember,
        settle=lambda: services.sign_in.settle(proof, is_known=is_known),
    )
