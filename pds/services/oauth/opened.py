"""A request in the browser that it belongs to, and the ways in which that can fail."""

from __future__ import annotations

from dataclasses import dataclass

from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.oauth_errors import OAuthError
from pds.services.oauth.answers import Answer
from pds.services.oauth.model import AuthorizationParameters, Client
from pds.storage.accounts import AccountRow


class UnreadableRequestError(OAuthError):
    """Nobody knows whose request it is, so there is nobody to tell."""

    error = "invalid_request"
    default_message = "There is no such request, or it was answered already"


class AnsweredRequestError(UnreadableRequestError):
    """The request has its code. ``again``: the answer, for whoever has just given it."""

    default_message = "This request was answered already"

    def __init__(self, again: Answer | None = None) -> None:
        super().__init__()
        self.again = again


class EndedRequestError(OAuthError):
    """The request is gone, and ``answer`` tells its client why."""

    error = "access_denied"

    def __init__(self, answer: Answer, message: str) -> None:
        super().__init__(message)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Choice:
    """Somebody who may answer. is_new: signed in for this very request.

    is_remembered: signed in in this browser until signed out.
    """

    account: AccountRow
    needs_password: bool
    needs_consent: bool
    is_new: bool
    is_remembered: bool

    @property
    def is_deactivated(self) -> bool:
        return self.account.deactivated_at is not None

    @property
    def is_ready(self) -> bool:
        """Whether nothing has to be asked."""
        return not (self.needs_password or self.needs_consent or self.is_deactivated)


@dataclass(frozen=True, slots=True)
class Opened:
    """A request in its browser. hinted: whom the hint names, if they have an account here."""

    id: str
    client: Client
    parameters: AuthorizationParameters
    requested: ScopeSet
    choices: tuple[Choice, ...]
    hinted: AccountRow | None

    def choice(self, did: str) -> Choice | None:
        return next((one for one in self.choices if one.account.did == did), None)

    @property
    def newcomer(self) -> Choice | None:
        """Who has signed in for this request, the last one."""
        return next((one for one in self.choices if one.is_new), None)
