"""AT-URIs: their parts and what the restricted form leaves out."""

from __future__ import annotations

import pytest

from pds.atproto.syntax.at_uri import AtUri, is_at_uri, make_at_uri


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("at://did:plc:abc", ("did:plc:abc", None, None)),
        ("at://alice.test/a.b.c", ("alice.test", "a.b.c", None)),
        ("at://did:web:a.b/a.b.c/lang:", ("did:web:a.b", "a.b.c", "lang:")),
    ],
)
def test_parts_that_are_absent_are_none(text: str, parts: tuple[str, ...]) -> None:
    uri = AtUri.parse(text)

    assert (uri.authority, uri.collection, uri.rkey) == parts


def test_made_uris_parse_back() -> None:
    uri = AtUri.parse(make_at_uri("did:plc:abc", "a.b.c", "self"))

    assert (uri.authority, uri.collection, uri.rkey) == ("did:plc:abc", "a.b.c", "self")


@pytest.mark.parametrize(
    "text", ["at://did:plc:abc#/a", "at://did:plc:abc?x=1", "at://a@alice.test", "at://a.test:80"]
)
def test_queries_fragments_users_and_ports_are_refused(text: str) -> None:
    assert not is_at_uri(text)


def test_overlong_text_is_refused() -> None:
    assert not is_at_uri("at://did:plc:abc/a.b.c/" + "k" * 8192)
    assert not is_at_uri("at://" + "a.b/" * 5000)
