"""The OAuth services, and how they are put together."""

from __future__ import annotations

from dataclasses import dataclass

from pds.config import Config
from pds.services.clock import Clock
from pds.services.oauth.grants import Grants
from pds.services.oauth.proofs import Proofs


@dataclass(frozen=True, slots=True)
class OAuth:
    """Everything that has to do with clients and what they were allowed."""

    proofs: Proofs
    grants: Grants


def build_oauth(config: Config, clock: Clock) -> OAuth:
    """Put them together; each gets only what it needs."""
    return OAuth(
        proofs=Proofs(config.public_url, clock),
        grants=Grants(config, clock),
    )
