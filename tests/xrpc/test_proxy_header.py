"""Which ``atproto-proxy`` headers mean us."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from pds.xrpc.method import ANONYMOUS, Call
from pds.xrpc.proxy_header import names_other_service

APP_VIEW = "did:web:api.bsky.app"


def call(header: str | None, ours: str | None = APP_VIEW) -> Call:
    services: Any = SimpleNamespace(config=SimpleNamespace(bsky_app_view_did=ours))
    headers = {} if header is None else {"atproto-proxy": header}
    return Call(cast("Any", services), {}, {}, ANONYMOUS, headers=headers)


@pytest.mark.parametrize(
    ("header", "ours"),
    [
        (None, APP_VIEW),
        (None, None),
        ("", APP_VIEW),
        (f"{APP_VIEW}#bsky_appview", APP_VIEW),
        (f"{APP_VIEW}#bsky_appview", None),
        ("did:plc:another#bsky_appview", None),
    ],
)
def test_no_header_and_the_app_view_mean_us(header: str | None, ours: str | None) -> None:
    assert not names_other_service(call(header, ours))


@pytest.mark.parametrize("ours", [APP_VIEW, None])
@pytest.mark.parametrize(
    "header",
    ["nonsense", "#bsky_appview", APP_VIEW, f"{APP_VIEW}#", f"{APP_VIEW}#bsky_chat", "x" * 999],
)
def test_anything_else_means_others(header: str, ours: str | None) -> None:
    assert names_other_service(call(header, ours))


def test_app_view_of_others_is_another_where_one_is_configured() -> None:
    assert names_other_service(call("did:plc:another#bsky_appview"))
