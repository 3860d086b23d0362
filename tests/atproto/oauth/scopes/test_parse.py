"""Scopes are read strictly and written in one way only."""

from __future__ import annotations

import pytest

from pds.atproto.oauth.scopes.errors import InvalidScopeError
from pds.atproto.oauth.scopes.parse import parse_scope

WEB = "did:web:example.com"
PLC = "did:plc:z72i7hdynmk6r22z27h6tvur"

CANONICAL = {
    # the table of the specification
    "repo?collection=com.example.foo&action=create&action=update&action=delete": (
        "repo:com.example.foo"
    ),
    "repo?action=create&collection=com.example.foo&collection=com.example.bar": (
        "repo?collection=com.example.bar&collection=com.example.foo&action=create"
    ),
    "repo?collection=*&collection=com.example.foo&action=update": "repo:*?action=update",
    f"rpc?lxm=com.example.method1&aud={WEB}#foo": f"rpc:com.example.method1?aud={WEB}%23foo",
    "rpc?aud=*&lxm=com.example.m1&lxm=com.example.m2": (
        "rpc?lxm=com.example.m1&lxm=com.example.m2&aud=*"
    ),
    "blob?accept=image/png&accept=image/jpeg": "blob?accept=image/jpeg&accept=image/png",
    "account:email?action=read": "account:email",
    f"include?aud={WEB}%23svc&nsid=com.example.baz": f"include:com.example.baz?aud={WEB}%23svc",
    # nothing to say about these
    "atproto": "atproto",
    "transition:generic": "transition:generic",
    "transition:chat.bsky": "transition:chat.bsky",
    "transition:email": "transition:email",
    "repo:*": "repo:*",
    "account:status?action=manage": "account:status?action=manage",
    "identity:handle": "identity:handle",
    "identity:*": "identity:*",
    "include:com.example.baz": "include:com.example.baz",
    f"rpc:*?aud={PLC}%23a": f"rpc:*?aud={PLC}%23a",
    # orders, repetitions, what holds the rest
    "repo:a.b.c?action=delete&action=create&action=delete": (
        "repo:a.b.c?action=create&action=delete"
    ),
    "repo?collection=a.b.c&collection=a.b.c": "repo:a.b.c",
    "rpc?lxm=a.b.c&lxm=*&aud=did:web:a.com%23x": "rpc:*?aud=did:web:a.com%23x",
    "account?action=manage&attr=repo": "account:repo?action=manage",
    "account:email?action=manage&action=read": "account:email?action=read&action=manage",
    "identity?attr=%2A": "identity:*",
    "blob?accept=*/*&accept=image/png": "blob:*/*",
    "blob?accept=image/png&accept=image/*&accept=a/b": "blob?accept=a/b&accept=image/*",
    "blob:IMAGE/PNG": "blob:image/png",
    # escapes
    "repo:com%2Eexample.foo": "repo:com.example.foo",
    "repo:com.example.foo?": "repo:com.example.foo",
    "repo?%63ollection=a.b.c&&": "repo:a.b.c",
    "blob:image/svg+xml": "blob:image/svg+xml",
    "blob:image/svg%2Bxml": "blob:image/svg+xml",
    "blob?accept=image/svg%2Bxml": "blob:image/svg+xml",
    "blob?accept=image/svg%2Bxml&accept=a/b": "blob?accept=a/b&accept=image/svg%2Bxml",
    "blob:a/b$c": "blob:a/b%24c",
    "rpc:a.b.c?aud=did:web:a.com%23%2541": "rpc:a.b.c?aud=did:web:a.com%23%2541",
    "rpc:a.b.c?aud=did:web:a.com%23x%3Fy": "rpc:a.b.c?aud=did:web:a.com%23x%3Fy",
    "rpc:a.b.c?aud=did:web:a.com%23x?y": "rpc:a.b.c?aud=did:web:a.com%23x%3Fy",
    "rpc:a.b.c?aud=did:web:localhost%253A80%23x": "rpc:a.b.c?aud=did:web:localhost%253A80%23x",
}

INVALID = [
    # characters and escapes
    ("", "Malformed"),
    ("atproto atproto", "Malformed"),
    ('repo:"a.b.c', "Malformed"),
    ("repo:a.b.c\\", "Malformed"),
    ("repo:ä.b.c", "Malformed"),
    ("atproto\n", "Malformed"),
    ("repo:%zz", "Malformed"),
    ("repo:a.b.c%", "Malformed"),
    ("repo:a.b.c?action=%2", "Malformed"),
    ("repo:%FF", "Malformed"),
    ("repo:a.b.c?action=%C3", "Malformed"),
    # names
    ("Atproto", "UnknownScope"),
    ("openid", "UnknownScope"),
    ("atproto?x=1", "UnknownScope"),
    ("transition:other", "UnknownScope"),
    ("transition:generic?", "UnknownScope"),
    (":a.b.c", "UnknownScope"),
    ("rep%6F:a.b.c", "UnknownScope"),
    ("https://example.com/scope", "UnknownScope"),
    # repo
    ("repo", "MissingParameter"),
    ("repo?", "MissingParameter"),
    ("repo?action=create", "MissingParameter"),
    ("repo:", "InvalidValue"),
    ("repo:invalid", "InvalidValue"),
    ("repo:.foo", "InvalidValue"),
    ("repo:bar.", "InvalidValue"),
    ("repo:com.example.*", "InvalidValue"),
    ("repo:com.example.foo%20", "InvalidValue"),
    ("repo:com.example.foo+", "InvalidValue"),
    ("repo:com.example.foo%252E", "InvalidValue"),
    ("repo?collection=com.example.foo&collection=", "InvalidValue"),
    ("repo:*?action=*", "InvalidValue"),
    ("repo:com.example.foo?action=invalid", "InvalidValue"),
    ("repo:com.example.foo?action=create&action=read", "InvalidValue"),
    ("repo:com.example.foo?action", "InvalidValue"),
    ("repo:a.b.c?collection=d.e.f", "RepeatedParameter"),
    ("repo:a.b.c?aud=*", "UnknownParameter"),
    ("repo:a.b.c?=x", "UnknownParameter"),
    # rpc
    ("rpc:*", "MissingParameter"),
    ("rpc:com.example.m", "MissingParameter"),
    (f"rpc?aud={WEB}%23foo", "MissingParameter"),
    ("rpc:*?aud=*", "InvalidValue"),
    ("rpc?lxm=a.b.c&lxm=*&aud=*", "InvalidValue"),
    ("rpc:foo.bar?aud=*", "InvalidValue"),
    (f"rpc:com.example.m?aud={WEB}", "InvalidValue"),
    ("rpc:com.example.m?aud=did:plc:111%23x", "InvalidValue"),
    ("rpc:com.example.m?aud=did:foo:bar%23x", "InvalidValue"),
    (f"rpc:com.example.m?aud={WEB}%23", "InvalidValue"),
    ("rpc:com.example.m?aud=", "InvalidValue"),
    ("rpc:?aud=*", "InvalidValue"),
    (f"rpc:a.b.c?aud={WEB}%23x&lxm=d.e.f", "RepeatedParameter"),
    (f"rpc:a.b.c?aud={WEB}%23x&aud={WEB}%23x", "RepeatedParameter"),
    (f"rpc:a.b.c?aud={WEB}%23x&extra=1", "UnknownParameter"),
    # blob
    ("blob", "MissingParameter"),
    ("blob:", "InvalidValue"),
    ("blob:*", "InvalidValue"),
    ("blob:/image", "InvalidValue"),
    ("blob:image/", "InvalidValue"),
    ("blob:*/png", "InvalidValue"),
    ("blob:*/**", "InvalidValue"),
    ("blob:invalid", "InvalidValue"),
    ("blob:image/png/x", "InvalidValue"),
    ("blob:image/%20png", "InvalidValue"),
    ("blob?accept=image/svg+xml", "InvalidValue"),  # a plus sign there is a blank
    ("blob:image/%E2%84%AA", "InvalidValue"),  # a sign whose lower case is k
    ("blob?accept=image/png&accept=*", "InvalidValue"),
    ("blob:image/png?accept=image/png", "RepeatedParameter"),
    # account and identity
    ("account", "MissingParameter"),
    ("account:", "InvalidValue"),
    ("account:invalid", "InvalidValue"),
    ("account:*", "InvalidValue"),
    ("account:email?action=invalid", "InvalidValue"),
    ("account?attr=email&attr=repo", "RepeatedParameter"),
    ("identity", "MissingParameter"),
    ("identity:invalid", "InvalidValue"),
    ("identity:*?action=manage", "UnknownParameter"),
    # include
    ("include", "MissingParameter"),
    ("include:", "InvalidValue"),
    ("include:com.example", "InvalidValue"),
    ("include:nsid", "InvalidValue"),
    ("include:9com.example.foo", "InvalidValue"),
    ("include:com..example", "InvalidValue"),
    ("include:*", "InvalidValue"),
    ("include:com.example.baz?aud=", "InvalidValue"),
    (f"include:com.example.baz?aud={WEB}", "InvalidValue"),
    ("include:com.example.baz?aud=*", "InvalidValue"),
    ("include?nsid=a.b.c&nsid=d.e.f", "RepeatedParameter"),
]


@pytest.mark.parametrize(("token", "canonical"), CANONICAL.items())
def test_a_scope_has_one_canonical_text(token: str, canonical: str) -> None:
    scope = parse_scope(token)

    assert str(scope) == canonical
    assert parse_scope(canonical) == scope


@pytest.mark.parametrize(("token", "error"), INVALID)
def test_what_is_no_scope_is_refused_by_name(token: str, error: str) -> None:
    with pytest.raises(InvalidScopeError) as caught:
        parse_scope(token)
    assert caught.value.error == error
