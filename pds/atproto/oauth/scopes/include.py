"""``include:``: the permissions of a published permission set.

Such a scope permits nothing until it is replaced by the set's own scopes (``permission_set.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pds.atproto.oauth.scopes.needs import Need
from pds.atproto.oauth.scopes.schema import Parameter, Schema, Values
from pds.atproto.syntax.nsid import Nsid, is_nsid
from pds.atproto.syntax.service_ref import is_service_ref

SCHEMA: Final = Schema(
    "include", (Parameter("nsid", is_nsid), Parameter("aud", is_service_ref, default=()))
)


@dataclass(frozen=True, slots=True)
class IncludeScope:
    """The set's NSID, and the service for which the set leaves open which one it is."""

    nsid: Nsid
    audience: str | None = None

    @classmethod
    def from_values(cls, values: Values) -> IncludeScope:
        return cls(Nsid(values["nsid"][0]), values["aud"][0] if values["aud"] else None)

    def __str__(self) -> str:
        audience = () if self.audience is None else (self.audience,)
        return SCHEMA.write({"nsid": (self.nsid,), "aud": audience})

    def permits(self, _need: Need) -> bool:
        return False
