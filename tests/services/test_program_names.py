"""Programs get the names that people know them by."""

from __future__ import annotations

import time

import pytest

from pds.services.devices import MAX_USER_AGENT_LENGTH
from pds.services.program_names import MAX_LENGTH, UNNAMED, program_name

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT}"
ANDROID = f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT}"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (f"{WINDOWS} Chrome/140.0.0.0 Safari/537.36", "Chrome on Windows"),
        (f"{WINDOWS} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0", "Edge on Windows"),
        (f"{WINDOWS} Chrome/140.0.0.0 Safari/537.36 OPR/120.0.0.0", "Opera on Windows"),
        (f"{WINDOWS} Chrome/140.0.0.0 Safari/537.36 Vivaldi/7.5", "Vivaldi on Windows"),
        (
            "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox on Windows",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox on Linux",
        ),
        (f"{ANDROID} Chrome/140.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
        (
            f"{ANDROID} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
            "Samsung Internet on Android",
        ),
        (f"{MAC} Version/18.5 Safari/605.1.15", "Safari on Mac"),
        (
            f"{IPHONE} (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        (
            f"{IPHONE} (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1",
            "Chrome on iPhone",
        ),
        (f"{IPHONE} (KHTML, like Gecko) FxiOS/140.0 Mobile/15E148", "Firefox on iPhone"),
        (f"{IPHONE} (KHTML, like Gecko) Mobile/15E148", "a browser on iPhone"),
        (IPHONE.replace("iPhone;", "iPad;").replace("iPhone OS", "OS"), "a browser on iPad"),
        (
            f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/140.0.0.0 Safari/537.36",
            "Chrome on Chromebook",
        ),
        ("Bluesky/1.105.0 CFNetwork/1568.1 Darwin/24.0.0", "Bluesky on an Apple device"),
        ("okhttp/4.12.0", "an Android app"),
        ("Graysky/2 (Android 14)", "Graysky on Android"),
        ("My App/1.0", "My App"),
        ("node", "a program (Node.js)"),
        ("python-httpx/0.28.1", "a program (Python)"),
        ("curl/8.5.0", "curl"),
        ("Mozilla/5.0", "Mozilla/5.0"),
        ("(nothing but a comment)", "(nothing but a comment)"),
        ("/", "/"),
        ("", UNNAMED),
        ("   ", UNNAMED),
        (None, UNNAMED),
    ],
)
def test_program_is_named(user_agent: str | None, name: str) -> None:
    assert program_name(user_agent) == name


@pytest.mark.parametrize(
    "text", ["x", "x/", "Mozilla/ ", "Version/1 Mozilla/", "a b(", "Mozilla/5.0 Version/1 "]
)
def test_long_names_are_cut_and_none_takes_long(text: str) -> None:
    long = (text * MAX_USER_AGENT_LENGTH)[:MAX_USER_AGENT_LENGTH]

    started = time.perf_counter()
    name = program_name(long)

    assert 0 < len(name) <= MAX_LENGTH
    assert time.perf_counter() - started < 0.05
