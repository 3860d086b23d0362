"""Times as members read them. The server does not know their time zone, so it names its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from pds.atproto.syntax.datetime import datetime_us


@dataclass(frozen=True, slots=True)
class Shown:
    """iso: for programs; text: for people."""

    iso: str
    text: str


def shown_time(at_us: int) -> Shown:
    """A moment, to the minute. at_us: Unix microseconds."""
    at = datetime.fromtimestamp(at_us / 1_000_000, UTC)
    return Shown(at.strftime("%Y-%m-%dT%H:%M:%SZ"), at.strftime("%-d %B %Y, %H:%M UTC"))


def shown_day(at: str | int) -> Shown:
    """A day. at: a datetime of the protocol, or Unix microseconds."""
    at_us = at if isinstance(at, int) else datetime_us(at)
    moment = datetime.fromtimestamp(at_us / 1_000_000, UTC)
    return Shown(moment.strftime("%Y-%m-%d"), moment.strftime("%-d %B %Y"))
