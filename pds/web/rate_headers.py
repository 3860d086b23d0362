"""Tell a client where it stands with the budget that is tightest for it.

Spec: https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-05
"""

from __future__ import annotations

from pds.services.rate_limits import Standing


def standing_headers(standing: Standing) -> list[tuple[str, str]]:
    """For the WSGI list: going through the framework's headers would cost thrice the counting."""
    return [
        ("RateLimit-Limit", str(standing.points)),
        ("RateLimit-Remaining", str(standing.remaining)),
        ("RateLimit-Reset", str(standing.reset_s)),
        ("RateLimit-Policy", f"{standing.points};w={standing.window_s}"),
    ]
