"""A client's request in the member's browser: who may answer it, and what comes of it.

Terms
- open: a request belongs to the first browser that loads it, and lives five minutes longer with
  every load. Whatever does not fit (another browser, another client, too late) ends it.
- choice: somebody signed in in that browser who may answer: perhaps only after typing the password
  again, or after being asked for consent.
- answer: what the client is told: a code, or why there is none.

Tricky bits
- A ``login_hint`` binds: only the account it names can answer, until the member says explicitly
  that it shall be another. That takes the hint out of the request.
- A code follows from the request's id, so that a button pressed twice gets the same answer twice.
  The database keeps its hash alone.
- A request that has its code is not ended by being loaded again, or a reload of our page would take
  the code away from the app.

Spec: https://atproto.com/specs/oauth#authorization-requests
"""

from __future__ import annotations

import dataclasses
import hmac
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import quote

from pds.atproto.oauth.scopes.consent import consent_cards, granted_without
from pds.atproto.oauth.scopes.consent_cards import Card
from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.atproto.oauth.scopes.parse import Scope
from pds.atproto.oauth.scopes.permission_set import PermissionSet
from pds.services.browsers import GRACE_US, Browser, Browsers, SignedIn
from pds.services.clock import Clock
from pds.services.mail import Mail
from pds.services.oauth import answers
from pds.services.oauth.answers import Answer
from pds.services.oauth.consent_words import in_one_line
from pds.services.oauth.derived_keys import AUTHORIZATION_CODES, derive_key
from pds.services.oauth.model import AuthorizationParameters, Client
from pds.services.oauth.opened import (
    AnsweredRequestError,
    Choice,
    EndedRequestError,
    Opened,
    UnreadableRequestError,
)
from pds.services.oauth.refresh_tokens import hash_of
from pds.services.oauth.requests import request_id as id_of
from pds.storage import accounts, oauth_clients, oauth_requests
from pds.storage.accounts import AccountRow
from pds.storage.database import transaction
from pds.storage.oauth_requests import OAuthRequestRow

OPEN_US: Final = 5 * 60 * 1_000_000
CODE_US: Final = 5 * 60 * 1_000_000
MAX_COMPARED: Final = 10_000


class ClientSource(Protocol):
    """The part of ``Clients`` that is needed here."""

    def get(self, client_id: str) -> Client: ...


class PermissionSetSource(Protocol):
    """The part of ``PermissionSets`` that is needed here."""

    def of(self, scopes: ScopeSet) -> Mapping[str, PermissionSet]: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """The services that this one is put together from. secret: codes follow from it."""

    issuer: str
    secret: str
    clients: ClientSource
    permission_sets: PermissionSetSource
    browsers: Browsers
    mail: Mail


class Authorization:
    """Opens requests, and answers them."""

    def __init__(self, parts: Parts, clock: Clock) -> None:
        self._parts = parts
        self._clock = clock
        self._key = derive_key(parts.secret, AUTHORIZATION_CODES)

    # --- opening ---------------------------------------------------------------------------------

    def open(self, browser: Browser, client_id: str, request_uri: str) -> Opened:
        """Take up a request in the browser that loads one of its pages.

        Raises:
            UnreadableRequestError: unknown, or too old to be remembered.
            AnsweredRequestError: it has its code.
            EndedRequestError: it was loaded by another browser, for another client, or too late.
            OAuthError: the client cannot be found (any more).
        """
        row = self._find(client_id, request_uri)
        if row.code_hash is not None:
            raise AnsweredRequestError(self._again(browser, row))
        if row.expires_at_us <= self._clock():
            raise self._end(row, "This took too long. Go back to the app and begin again.")
        client = self._parts.clients.get(row.client_id)
        with transaction():
            row = self._find(client_id, request_uri)  # while the client was looked for
            if row.code_hash is not None:
                raise AnsweredRequestError(self._again(browser, row))
            is_ours = self._bind(browser, row)
        if not is_ours:
            raise self._end(row, "This was begun in another browser. Begin again in this one.")
        return self._opened(browser, row, client)

    def _bind(self, browser: Browser, row: OAuthRequestRow) -> bool:
        """Make a request this browser's and longer-lived; False when it is another one's.

        The caller holds the transaction.
        """
        until_us = self._clock() + OPEN_US
        if row.browser_hash is not None and self._is_bound(browser, row.browser_hash):
            oauth_requests.extend(row.id, until_us)
            return True
        return oauth_requests.bind_browser(row.id, browser.id, until_us)

    def end_without_cookies(self, client_id: str, request_uri: str) -> Answer:
        """Tell the client that its member's browser keeps no cookies.

        Raises:
            UnreadableRequestError, EndedRequestError
        """
        row = self._find(client_id, request_uri)
        return self._end(row, "ERR_COOKIES_UNSUPPORTED", "invalid_request").answer

    def drop_hint(self, opened: Opened) -> None:
        """The member wants to be asked for an account, whatever the client has hinted at."""
        free = dataclasses.replace(opened.parameters, login_hint=None)
        with transaction():
            oauth_requests.set_parameters(opened.id, free.to_json())

    def _find(self, client_id: str, request_uri: str) -> OAuthRequestRow:
        found_id = id_of(request_uri)
        row = None if found_id is None else oauth_requests.find(found_id)
        if row is None:
            raise UnreadableRequestError
        if row.client_id != client_id and row.code_hash is None:
            raise self._end(row, "The request is another client's.")
        return row

    def _end(
        self, row: OAuthRequestRow, why: str, error: str = "access_denied"
    ) -> EndedRequestError:
        with transaction():
            oauth_requests.delete(row.id)
        parameters = AuthorizationParameters.from_json(row.parameters)
        return EndedRequestError(answers.refused(self._parts.issuer, parameters, error, why), why)

    def _again(self, browser: Browser, row: OAuthRequestRow) -> Answer | None:
        """The answer that was given just now in this browser."""
        given_at_us = row.expires_at_us - CODE_US
        is_just_now = self._clock() - given_at_us <= GRACE_US
        if not is_just_now or not self._is_bound(browser, row.browser_hash or ""):
            return None
        parameters = AuthorizationParameters.from_json(row.parameters)
        return answers.granted(self._parts.issuer, parameters, self._code(row.id))

    def _is_bound(self, browser: Browser, browser_id: str) -> bool:
        return self._parts.browsers.is_bound(browser, browser_id)

    # --- who may answer --------------------------------------------------------------------------

    def _opened(self, browser: Browser, row: OAuthRequestRow, client: Client) -> Opened:
        parameters = AuthorizationParameters.from_json(row.parameters)
        requested = ScopeSet.parse(parameters.scope)
        hint = parameters.login_hint
        hinted = None if hint is None else accounts.find_account(hint)
        signed_in = self._parts.browsers.accounts(browser, row.id)
        choices = tuple(
            self._choice(one, row.id, client, parameters, requested)
            for one in signed_in
            if not one.account.is_taken_down
            and (hint is None or (hinted is not None and one.account.id == hinted.id))
        )
        return Opened(row.id, client, parameters, requested, choices, hinted)

    def _choice(
        self,
        signed_in: SignedIn,
        request_id: str,
        client: Client,
        parameters: AuthorizationParameters,
        requested: ScopeSet,
    ) -> Choice:
        is_new = signed_in.request_id == request_id
        is_stale = not signed_in.is_fresh or (parameters.prompt == "login" and not is_new)
        approved = oauth_clients.find(signed_in.account.id, client.id)
        needs_consent = (
            # Anybody can pass for a client that proves nothing.
            (client.is_public and not client.is_trusted)
            or parameters.prompt == "consent"
            or approved is None
            or not ScopeSet.parse(approved).covers(requested)
        )
        return Choice(signed_in.account, is_stale, needs_consent, is_new, signed_in.is_remembered)

    # --- answering -------------------------------------------------------------------------------

    def at_once(self, browser: Browser, opened: Opened) -> Answer | None:
        """The answer that needs nobody's help, if there is one; for the first page of a request.

        ``prompt=none`` has one in any case. Otherwise who is named by the hint, signed in and has
        agreed before is not asked again.
        """
        prompt, hint = opened.parameters.prompt, opened.parameters.login_hint
        candidates = [one for one in opened.choices if hint and not one.is_deactivated]
        first = candidates[0] if candidates else None
        if prompt == "none":
            if first is None or first.needs_password:
                return self.refuse(opened, "login_required", "The member has to sign in.")
            if first.needs_consent:
                return self.refuse(opened, "consent_required", "The member has to agree.")
        if prompt in (None, "none") and first is not None and first.is_ready:
            return self.agree(browser, opened, first)
        return None

    def refuse(
        self,
        opened: Opened,
        error: str = "access_denied",
        why: str = "The member has refused.",
    ) -> Answer:
        """End a request, and tell its client so."""
        with transaction():
            oauth_requests.delete(opened.id)
        return answers.refused(self._parts.issuer, opened.parameters, error, why)

    def cards(self, opened: Opened, languages: Sequence[str] = ()) -> tuple[Card, ...]:
        """What the client asks for, one card for each kind of thing. languages: the reader's."""
        sets = self._parts.permission_sets.of(opened.requested)
        return consent_cards(opened.requested, sets, languages)

    def agree(
        self,
        browser: Browser,
        opened: Opened,
        choice: Choice,
        without: Collection[str] = (),
    ) -> Answer:
        """Give the client a code for the account of ``choice``, from which no password is due.

        without: names of optional cards that the member refuses; others are not heeded.

        Raises:
            AnsweredRequestError: it has its code already.
            EndedRequestError: it has lapsed, or the account cannot agree any more.
        """
        # Not looked up where nothing is new: an app that was allowed before must not have to wait
        # for the author of a permission set.
        cards = self.cards(opened) if choice.needs_consent or without else ()
        refused = [card for card in cards if card.optional and card.name in without]
        granted = granted_without(opened.requested, refused)
        code = self._code(opened.id)
        with transaction():
            row = oauth_requests.find(opened.id)
            if row is not None and row.code_hash is not None:
                raise AnsweredRequestError(self._again(browser, row))
            is_done = (
                row is not None
                and granted.is_atproto
                and self._may_agree(browser, row, opened, choice)
                and oauth_requests.set_granted(
                    row.id,
                    choice.account.id,
                    _as_written(opened.parameters.scope, granted),
                    hash_of(code),
                    self._clock() + CODE_US,
                )
            )
            if is_done:
                kept = [card for card in cards if card not in refused]
                self._note_approval(opened, choice.account, granted, kept)
        if is_done:
            return answers.granted(self._parts.issuer, opened.parameters, code)
        answer = self.refuse(opened, why="The account cannot agree to this any more.")
        raise EndedRequestError(answer, "This account cannot agree to it any more. Begin again.")

    def _may_agree(
        self, browser: Browser, row: OAuthRequestRow, opened: Opened, choice: Choice
    ) -> bool:
        """Whether all is as it was when it was opened. The caller holds the transaction."""
        if row.expires_at_us <= self._clock() or row.browser_hash is None:
            return False
        if not self._is_bound(browser, row.browser_hash):
            return False
        now = self._opened(browser, row, opened.client).choice(choice.account.did)
        if now is None or now.needs_password or now.is_deactivated:
            return False
        return choice.needs_consent or not now.needs_consent

    def _note_approval(
        self, opened: Opened, account: AccountRow, granted: ScopeSet, cards: Sequence[Card]
    ) -> None:
        """Remember it, and tell the member what is new. The caller holds the transaction."""
        client = opened.client
        found = oauth_clients.find(account.id, client.id)
        approved = ScopeSet.parse(found or "")
        if found is None or not approved.covers(granted):
            self._parts.mail.notify(
                account,
                "app_allowed",
                app=client.name,
                scopes=in_one_line(cards),
                link=f"{self._parts.issuer}/account/u/{quote(account.did, safe=':')}/apps",
            )
        if not client.is_loopback:
            refused = opened.requested.without(granted.scopes)
            kept = _without_parts(approved, refused)
            both = ScopeSet.of((*kept, *granted.scopes))
            oauth_clients.save(account.id, client.id, str(both), self._clock())

    def _code(self, request_id: str) -> str:
        return "cod-" + hmac.digest(self._key, request_id.encode(), "sha256").hex()


def _without_parts(approved: ScopeSet, refused: ScopeSet) -> tuple[Scope, ...]:
    """What stays agreed to: nothing of which a part was refused this time.

    Where that would be long work, nothing: then the member is asked once more.
    """
    if len(approved.scopes) * len(refused.scopes) > MAX_COMPARED:
        return ()
    parts = [ScopeSet((scope,)) for scope in refused.scopes]
    return tuple(
        scope
        for scope in approved.scopes
        if not any(ScopeSet((scope,)).covers(part) for part in parts)
    )


def _as_written(requested: str, granted: ScopeSet) -> str:
    """The scopes granted, as the client wrote them."""
    kept = set(granted.scopes)
    return " ".join(
        token for token in requested.split(" ") if kept.intersection(ScopeSet.parse(token).scopes)
    )
