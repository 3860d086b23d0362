"""Whatever strangers send as a request is admitted or refused in OAuth's words; nothing breaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from pds.oauth_errors import OAuthError
from pds.services.oauth.fields import fields_of
from pds.services.oauth.model import AuthorizationParameters, Client
from pds.services.oauth.request_parameters import admit_parameters, read_parameters
from tests.atproto.oauth.scopes.scope_strategies import scopes
from tests.fakes.no_permission_sets import NoPermissionSets
from tests.oauth_client import ASKED, make_metadata

NAMES = [
    *ASKED,
    "response_mode",
    "login_hint",
    "prompt",
    "display",
    "ui_locales",
    "max_age",
    "dpop_jkt",
    "nonce",
    "unknown",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


Result = TypeVar("Result")


def outcome(work: Callable[[], Result]) -> Result | OAuthError:
    try:
        return work()
    except OAuthError as error:
        return error


@given(st.dictionaries(st.sampled_from(NAMES), st.text(min_size=1)))
def test_any_fields_are_read_or_refused(changes: dict[str, str]) -> None:
    fields = {**ASKED, **changes}

    found = outcome(lambda: read_parameters(fields))

    if isinstance(found, OAuthError):
        assert found.status == 400
        assert found.message.split(":")[0] in changes
    else:
        assert found.state == fields["state"]


@given(st.dictionaries(st.text(), JSON))
def test_any_json_is_read_or_refused(content: dict[str, Any]) -> None:
    found = outcome(lambda: fields_of(content))

    if isinstance(found, OAuthError):
        assert found.status == 400
    else:
        assert all(found.values())
        assert found.keys() <= content.keys()


TOKENS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1).filter(
    lambda text: '"' not in text and "\\" not in text
)


@settings(max_examples=200)
@given(st.lists(st.one_of(TOKENS, scopes.map(str)), max_size=8, unique=True))
def test_what_is_admitted_was_asked_for_and_comes_back_the_same(tokens: list[str]) -> None:
    declared = ("atproto", *(token for token in tokens if token != "atproto"))
    client = Client(make_metadata("https://app.example.com/client.json", scope=declared))
    requested = read_parameters({**ASKED, "scope": " ".join(declared)})

    found = outcome(lambda: admit_parameters(requested, client, NoPermissionSets()))

    if isinstance(found, OAuthError):
        assert found.error == "invalid_scope"
        assert "openid" in tokens or any(token.startswith("include") for token in tokens)
    else:
        assert found.scope.split(" ")[0] == "atproto"
        assert set(found.scope.split(" ")) <= set(declared)
        assert AuthorizationParameters.from_json(found.to_json()) == found
