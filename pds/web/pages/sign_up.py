"""``/account/sign-up``: choose a handle, then say the rest; the new member is signed in at once.

The first step is a form whose answer is an address (``?name=alice``), so that going back and
reloading do what people expect. All rules are those of ``createAccount``; only here are longer
passwords and, where the operator has set it up, a puzzle.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from pds.errors import (
    HandleNotAvailableError,
    InvalidHandleError,
    InvalidInviteCodeError,
    InvalidPasswordError,
    PdsError,
    SignUpClosedError,
    UnsupportedDomainError,
)
from pds.services.account_creation import NewAccount
from pds.services.captcha import PuzzleUnavailableError, PuzzleUnsolvedError
from pds.services.sign_up_checks import (
    MIN_CHOSEN_PASSWORD_LENGTH,
    HandleTakenError,
    UnsupportedEmailError,
    check_chosen_password,
    check_email,
)
from pds.web.pages import browser as browsers
from pds.web.pages import budgets, forms, page
from pds.web.pages.onward import Onward, onward
from pds.xrpc.limits import CHECK_HANDLE_AVAILABILITY, CREATE_ACCOUNT, CREATE_SESSION

if TYPE_CHECKING:
    from pds.services import Services
    from pds.services.accounts import AccountRow
    from pds.services.browsers import Browser
    from pds.services.sign_in import Proof

AT = "/account/sign-up"
HANDLE_TEMPLATE = "sign_up_handle.html"
REST_TEMPLATE = "sign_up.html"
MAX_CHARS = 320
PUZZLE_FIELD = "h-captcha-response"  # what their widget calls it

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_HANDLE_ERRORS = (
    HandleNotAvailableError,
    HandleTakenError,
    InvalidHandleError,
    UnsupportedDomainError,
)
_FIELDS: forms.Fields = (
    (InvalidPasswordError, "password"),
    (InvalidInviteCodeError, "invite_code"),
    (UnsupportedEmailError, "email"),
    ((PuzzleUnsolvedError, PuzzleUnavailableError), "puzzle"),
)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What was typed, but the password."""

    name: str
    domain: str
    email: str
    invite_code: str
    onward: Onward | None

    @property
    def handle(self) -> str:
        return f"{self.name}{self.domain}"

    @property
    def sign_in(self) -> str:
        return self.onward.address if self.onward else "/account"


def blueprint(services: Services) -> Blueprint:
    routes = Blueprint("sign_up", __name__)
    sign_up = _SignUp(services)
    routes.add_url_rule(AT, "show", sign_up.show, methods=["GET"])
    routes.add_url_rule(AT, "create", sign_up.create, methods=["POST"])
    return routes


class _SignUp:
    def __init__(self, services: Services) -> None:
        self._services = services

    def show(self) -> Response:
        """The step that the address asks for: the second one if it has a handle that is free."""
        wanted = self._wanted()
        try:
            self._services.flood_breaker.check()
            if not wanted.name:
                return self._ask_handle(wanted)
            budgets.spend(self._services, CHECK_HANDLE_AVAILABILITY)
            self._check_handle(wanted)
        except PdsError as error:
            return self._ask_handle(wanted, error)
        return self._ask_rest(wanted)

    def create(self) -> Response:
        browser = browsers.current(self._services)
        browsers.check_form(self._services, browser)
        wanted = self._wanted()
        try:
            budgets.spend(self._services, CREATE_ACCOUNT)
            wrong = _wrong_fields(wanted)
            if wrong:
                return self._ask_rest(wanted, wrong=wrong)
            _check_name(wanted)
            made = self._made_before(wanted, browser)
            if made is not None:
                settle = partial(self._services.sign_in.settle, made, is_known=True)
                return self._enter(made.account, wanted, browser, settle)
            self._services.captcha.check(forms.field(PUZZLE_FIELD), browser.device.ip)
            account = self._create(wanted, browser)
        except (*_HANDLE_ERRORS, SignUpClosedError) as error:
            return self._ask_handle(wanted, error)
        except PdsError as error:
            return self._ask_rest(wanted, error)
        return self._enter(account, wanted, browser)

    # --- doing it --------------------------------------------------------------------------------

    def _check_handle(self, wanted: _Wanted) -> None:
        _check_name(wanted)
        handle = self._services.handles.check_new(wanted.handle)
        if not self._services.handle_suggestions.check(handle).is_available:
            message = (
                "Somebody has this handle already. If that is you, sign in; else choose another."
            )
            raise HandleTakenError(message)

    def _made_before(self, wanted: _Wanted, browser: Browser) -> Proof | None:
        """The account, when its form is sent again: the answer to the first one may have got lost.

        Counted as what it is, a try to sign in.
        """
        services = self._services
        if services.handle_suggestions.check(wanted.handle).is_available:
            return None
        try:
            budgets.spend(services, CREATE_SESSION, identifier=wanted.handle)
            proof = services.sign_in.check(wanted.handle, forms.field("password"), browser.device)
        except PdsError:
            return None
        return proof if proof.account.email == wanted.email.lower() else None

    def _create(self, wanted: _Wanted, browser: Browser) -> AccountRow:
        """The new account; a code to confirm its address is on its way."""
        services = self._services
        new = NewAccount(
            handle=wanted.handle,
            email=wanted.email,
            password=forms.field("password"),
            invite_code=wanted.invite_code or None,
            device=browser.device,
        )
        did = services.accounts.create(new).did
        account = services.accounts.get_account(did)
        services.sessions.end_all(account.id)  # the one for apps that sign up by themselves
        if services.mail.mode != "none":
            services.email_addresses.request_confirmation(did)
        return account

    def _enter(
        self,
        account: AccountRow,
        wanted: _Wanted,
        browser: Browser,
        settle: Callable[[], bool] | None = None,
    ) -> Response:
        """Sign the member in here. settle: as ``Browsers.sign_in`` has it."""
        services = self._services
        # Whoever comes from an app is signed in for that alone, as on the page where apps ask.
        request_id = wanted.onward.request_id if wanted.onward else None
        if request_id and not services.browsers.holds_request(browser, request_id):
            request_id = None
        signed_in = services.browsers.sign_in(
            browser,
            account.id,
            remember=request_id is None,
            request_id=request_id,
            settle=settle,
        )
        return browsers.keep(forms.on_to(wanted.sign_in), signed_in)

    # --- showing it ------------------------------------------------------------------------------

    def _wanted(self) -> _Wanted:
        """What the address or the form says. A whole handle is taken apart."""
        domains = self._services.handles.domains
        said = {name: text.strip()[:MAX_CHARS] for name, text in request.values.items()}
        name = said.get("name", "").lower().removeprefix("@")
        domain = said.get("domain", "")
        ours = self._services.handles.domain_of(name)
        if ours is not None:
            name, domain = name.removesuffix(ours), ours
        return _Wanted(
            name,
            domain if domain in domains else domains[0],
            said.get("email", ""),
            said.get("invite_code", ""),
            onward(),
        )

    def _ask_handle(self, wanted: _Wanted, error: PdsError | None = None) -> Response:
        services = self._services
        suggestions = []
        if isinstance(error, (HandleTakenError, HandleNotAvailableError)):
            suggestions = services.handle_suggestions.check(wanted.handle).suggestions
        return self._page(
            HANDLE_TEMPLATE,
            wanted,
            error,
            fields=((_HANDLE_ERRORS, "name"),),
            pairs=[(domain, domain) for domain in services.handles.domains],
            suggestions=[each.handle for each in suggestions],
            is_closed=isinstance(error, SignUpClosedError),
        )

    def _ask_rest(
        self,
        wanted: _Wanted,
        error: PdsError | None = None,
        wrong: dict[str, str] | None = None,
    ) -> Response:
        site_key = self._services.captcha.site_key
        config = self._services.config
        return self._page(
            REST_TEMPLATE,
            wanted,
            error,
            fields=_FIELDS,
            wrong=wrong,
            captcha=site_key is not None,
            site_key=site_key,
            shortest=MIN_CHOSEN_PASSWORD_LENGTH,
            needs_invite=config.invite_required,
            terms=config.terms_of_service_url,
            privacy=config.privacy_policy_url,
        )

    def _page(
        self,
        template: str,
        wanted: _Wanted,
        error: PdsError | None,
        *,
        wrong: dict[str, str] | None = None,
        **shown: Any,
    ) -> Response:
        browser = browsers.current(self._services)
        shown = {
            "browser": browser,
            "flow": wanted.onward is not None,  # the way on may lead out to the app
            "wanted": wanted,
            "along": wanted.onward.fields if wanted.onward else {},
            **shown,
        }
        if wrong:
            del shown["fields"]
            return page.render(template, 400, wrong=wrong, error=forms.LOOK_BELOW, **shown)
        return forms.answer(template, error, **shown)


def _check_name(wanted: _Wanted) -> None:
    """Say what is wrong with a name in more words than programs get."""
    if "." in wanted.name:
        message = (
            f"Handles on this server end with {wanted.domain}. Choose one of those now; you can"
            " change to a domain of your own later."
        )
        raise UnsupportedDomainError(message)
    if not _NAME.fullmatch(wanted.name):
        message = (
            "Use letters, digits and hyphens only, with no hyphen at the beginning or the end."
        )
        raise InvalidHandleError(message)


def _wrong_fields(wanted: _Wanted) -> dict[str, str]:
    """What can be said of each field by itself, all at once."""
    wrong = {}
    for name, check, value in (
        ("email", check_email, wanted.email),
        ("password", check_chosen_password, forms.field("password")),
    ):
        try:
            check(value)
        except PdsError as error:
            wrong[name] = error.message
    return wrong
