"""The program behind a User-Agent header, as people call it: "Firefox on Windows".

Only for showing: the header is the program's own word. A table of the browsers that nearly
everybody has is enough, as what is not in it calls itself by its name. A library (why none:
docs/decisions/0009-dependencies.md) also knows every telephone ever sold.

Tricky bit: browsers claim to be each other. Chrome says it is Safari, Edge that it is Chrome; hence
the order.
"""

from __future__ import annotations

import re
from typing import Final

UNNAMED: Final = "a program that does not say its name"
MAX_LENGTH: Final = 60

_BROWSERS: Final = (
    (re.compile(r"\b(?:Edg|EdgA|EdgiOS|Edge)/"), "Edge"),
    (re.compile(r"\b(?:OPR|OPT|Opera)/"), "Opera"),
    (re.compile(r"\bSamsungBrowser/"), "Samsung Internet"),
    (re.compile(r"\bVivaldi/"), "Vivaldi"),
    (re.compile(r"\bYaBrowser/"), "Yandex Browser"),
    (re.compile(r"\b(?:Ddg|DuckDuckGo)/"), "DuckDuckGo"),
    (re.compile(r"\b(?:Firefox|FxiOS)/"), "Firefox"),
    (re.compile(r"\b(?:Chrome|CriOS|Chromium|HeadlessChrome)/"), "Chrome"),
    (re.compile(r"\bVersion/[\d.]+ .*\bSafari/"), "Safari"),
)
_SYSTEMS: Final = (
    (re.compile(r"\biPhone\b"), "iPhone"),
    (re.compile(r"\biPad\b"), "iPad"),
    (re.compile(r"\bAndroid\b"), "Android"),
    (re.compile(r"\bWindows\b"), "Windows"),
    (re.compile(r"\bCrOS\b"), "Chromebook"),
    (re.compile(r"\b(?:Macintosh|Mac OS X)\b"), "Mac"),
    (re.compile(r"\bDarwin/"), "an Apple device"),
    (re.compile(r"\bLinux\b"), "Linux"),
)
# What programs are called that are parts of others.
_LIBRARIES: Final = {
    "okhttp": "an Android app",
    "dart": "an app",
    "node": "a program (Node.js)",
    "undici": "a program (Node.js)",
    "deno": "a program (Deno)",
    "bun": "a program (Bun)",
    "go-http-client": "a program (Go)",
    "python-httpx": "a program (Python)",
    "python-requests": "a program (Python)",
    "python-urllib": "a program (Python)",
    "aiohttp": "a program (Python)",
    "axios": "a program (JavaScript)",
    "reqwest": "a program (Rust)",
}
_PRODUCT: Final = re.compile(r"([^\s/()][^/()]*)(?:/|$)")


def program_name(user_agent: str | None) -> str:
    """What to call the program, and its system where that is told; at most ``MAX_LENGTH`` long."""
    if not user_agent or not user_agent.strip():
        return UNNAMED
    text = user_agent.strip()
    program = _first(_BROWSERS, text) if text.startswith("Mozilla/") else _own_name(text)
    system = _first(_SYSTEMS, text)
    if program is None:
        return _short(f"a browser on {system}" if system else text)
    return _short(f"{program} on {system}" if system else program)


def _first(table: tuple[tuple[re.Pattern[str], str], ...], text: str) -> str | None:
    return next((name for pattern, name in table if pattern.search(text)), None)


def _own_name(text: str) -> str | None:
    """The first product of the header: ``Bluesky`` of ``Bluesky/1.100 CFNetwork/1.0``."""
    found = _PRODUCT.match(text)
    if found is None:
        return None
    name = found[1].strip()
    return _LIBRARIES.get(name.lower(), name)


def _short(text: str) -> str:
    return text if len(text) <= MAX_LENGTH else text[: MAX_LENGTH - 1] + "…"
