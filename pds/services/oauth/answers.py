"""What a client is told by way of the member's browser: a code, or why there is none.

Every answer names the issuer, so that a client of several servers knows whose it is.
Specs: RFC 6749 §4.1.2, RFC 9207, OAuth 2.0 Multiple Response Types §2.1, OAuth 2.0 Form Post
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from pds.services.oauth.model import AuthorizationParameters


@dataclass(frozen=True, slots=True)
class Answer:
    """Parameters for a redirect URI. form_post: in the body of a form that the browser sends there.

    ``url``: where to send the browser otherwise. ``fields``: the parameters by name.
    """

    redirect_uri: str
    fields: dict[str, str] = field(repr=False)
    mode: str

    @property
    def is_form(self) -> bool:
        return self.mode == "form_post"

    @property
    def url(self) -> str:
        base, has_fragment, fragment = self.redirect_uri.partition("#")
        # Not a plus sign for a blank: behind a # many read it as it stands.
        text = urlencode(self.fields, quote_via=quote)
        if self.mode == "fragment":
            return f"{base}#{text}"
        joint = "" if base.endswith(("?", "&")) else "&" if "?" in base else "?"
        return f"{base}{joint}{text}" + (f"#{fragment}" if has_fragment else "")


def granted(issuer: str, parameters: AuthorizationParameters, code: str) -> Answer:
    return _answer(issuer, parameters, {"code": code})


def refused(
    issuer: str, parameters: AuthorizationParameters, error: str, description: str
) -> Answer:
    """error: one of RFC 6749 §4.1.2.1 or OpenID Connect Core §3.1.2.6."""
    return _answer(issuer, parameters, {"error": error, "error_description": description})


def _answer(issuer: str, parameters: AuthorizationParameters, outcome: dict[str, str]) -> Answer:
    fields = {"iss": issuer, "state": parameters.state, **outcome}
    return Answer(parameters.redirect_uri, fields, parameters.response_mode)
