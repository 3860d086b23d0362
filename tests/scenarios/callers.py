"""Everybody who may knock: one account for each kind of caller, and what they hold.

Each kind has an account of its own, so that what one call changes cannot decide another.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pds.atproto.service_auth import create_service_token
from pds.services.keys import SigningKeys
from tests.factories import ADMIN_PASSWORD, Person, make_account, take_down
from tests.oauth_tools import App, let_in

if TYPE_CHECKING:
    from pds.services import Services

KINDS: Final = (
    "nobody",
    "access",
    "refresh",
    "app password",
    "privileged app password",
    "deactivated",
    "taken down",
    "admin",
    "service token",
    "wrong audience",
    "app",
)


@dataclass(frozen=True)
class Visitor:
    """One kind of caller: the account the call is about, and how the caller shows who it is.

    app: of the one that calls with a proof, whatever ``authorization`` says.
    """

    kind: str
    person: Person
    authorization: str | None
    app: App | None = None


class Visitors:
    """One visitor of each kind; ``lxm`` is what their service tokens are for."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._people = {
            kind: make_account(services, f"visitor{number}") for number, kind in enumerate(KINDS)
        }
        self._tokens: dict[str, str] = {
            "access": f"Bearer {self._people['access'].access_jwt}",
            "refresh": f"Bearer {self._people['refresh'].refresh_jwt}",
            "app password": self._with_app_password("app password", privileged=False),
            "privileged app password": self._with_app_password(
                "privileged app password", privileged=True
            ),
            "deactivated": f"Bearer {self._people['deactivated'].access_jwt}",
        }
        services.accounts.deactivate(self._people["deactivated"].did)
        self._tokens["taken down"] = self._taken_down(self._people["taken down"])
        encoded = base64.b64encode(f"admin:{ADMIN_PASSWORD}".encode()).decode()
        self._tokens["admin"] = f"Basic {encoded}"
        self._app = let_in(services, self._people["app"], "atproto transition:generic")

    def of(self, kind: str, nsid: str) -> Visitor:
        person = self._people[kind]
        authorization = self._tokens.get(kind)
        if kind == "service token":
            authorization = self._service_token(person, nsid, self._services.config.service_did)
        elif kind == "wrong audience":
            authorization = self._service_token(person, nsid, "did:web:other.example.com")
        return Visitor(kind, person, authorization, self._app if kind == "app" else None)

    def all(self, nsid: str) -> Iterator[Visitor]:
        for kind in KINDS:
            yield self.of(kind, nsid)

    def _with_app_password(self, kind: str, *, privileged: bool) -> str:
        person = self._people[kind]
        made = self._services.app_passwords.create(person.did, "phone", privileged=privileged)
        session = self._services.sessions.login(person.did, made.password)
        return f"Bearer {session.tokens.access_jwt}"

    def _taken_down(self, person: Person) -> str:
        take_down(person)
        session = self._services.sessions.login(person.did, person.password, allow_takendown=True)
        return f"Bearer {session.tokens.access_jwt}"

    def _service_token(self, person: Person, nsid: str, audience: str) -> str:
        key = SigningKeys(self._services.identity.rotation_key).get(person.row.id)
        now_s = self._services.clock() // 1_000_000
        token = create_service_token(
            iss=person.did, aud=audience, lxm=nsid, key=key, now=now_s, jti=f"{nsid} {audience}"
        )
        return f"Bearer {token}"
