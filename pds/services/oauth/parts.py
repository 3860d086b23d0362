"""The OAuth services, and how they are put together."""

from __future__ import annotations

from dataclasses import dataclass

from pds.config import Config
from pds.services.clock import Clock


@dataclass(frozen=True, slots=True)
class OAuth:
    """Everything that has to do with clients and what they were allowed."""


def build_oauth(config: Config, clock: Clock) -> OAuth:
    """Put them together; each gets only what it needs."""
    del config, clock
    return OAuth()
