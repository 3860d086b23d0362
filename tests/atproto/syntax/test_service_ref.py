"""References to services: a DID of the network and a fragment."""

from __future__ import annotations

import pytest

from pds.atproto.syntax.service_ref import is_service_ref

PLC = "did:plc:z72i7hdynmk6r22z27h6tvur"


@pytest.mark.parametrize(
    "raw",
    [
        f"{PLC}#atproto_labeler",
        "did:web:api.bsky.app#bsky_appview",
        "did:web:localhost#x",
        "did:web:localhost%3A2584#x",
        "did:web:example.com#a/b?c=%2F",
    ],
)
def test_accepted(raw: str) -> None:
    assert is_service_ref(raw)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "*",
        "#x",
        PLC,
        f"{PLC}#",
        f"{PLC}#a#b",
        f"{PLC}#a b",
        f"{PLC}#%zz",
        f"{PLC}#x\n",
        "did:plc:111#x",
        f"{PLC}a#x",
        PLC.upper() + "#x",
        "did:foo:bar#x",
        "did:web:example.com",
        "did:web:example#x",
        "did:web:example.com:path#x",
        "did:web:example.com%3A8080#x",
        "did:web:localhost:8080#x",
        "did:web:127.0.0.1#x",
        "did:web:-a.com#x",
        "did:web:" + "a." * 1100 + "com#x",
    ],
)
def test_refused(raw: str) -> None:
    assert not is_service_ref(raw)
