"""A move from one server to another as a client makes it, with nothing but public methods.

Every step may be repeated, as somebody does who was cut off and does not know how far they got.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.mail_server import MailServer
from tests.server_process import HttpError, ServerProcess

CREATE_ACCOUNT = "com.atproto.server.createAccount"
CAR_TYPE = "application/vnd.ipld.car"
MAIL_TAKES_S = 30.0
PAGE = 100

_CODE = re.compile(r"\b[A-Z2-7]{5}-[A-Z2-7]{5}\b")


@dataclass(frozen=True, slots=True)
class Home:
    """An account as its owner knows it on one server."""

    server: ServerProcess
    handle: str
    email: str
    password: str


@dataclass
class Move:
    """Somebody moves from ``old`` to ``new``. What a client must remember is kept here."""

    did: str
    old: Home
    new: Home
    mail: MailServer
    operation: dict[str, Any] = field(default_factory=dict)

    def enter(self) -> None:
        """An inactive account at the new server, with the word of the old one that it may be."""
        audience = self.new.server.get("com.atproto.server.describeServer")["did"]
        reply = self.old.server.get(
            "com.atproto.server.getServiceAuth",
            token=self.token(self.old),
            aud=audience,
            lxm=CREATE_ACCOUNT,
        )
        body = {
            "did": self.did,
            "handle": self.new.handle,
            "email": self.new.email,
            "password": self.new.password,
        }
        try:
            self.new.server.post(CREATE_ACCOUNT, body, token=reply["token"])
        except HttpError:
            self.token(self.new)  # it came through before, and we did not hear of it

    def bring_repo(self) -> None:
        car = self.old.server.get(
            "com.atproto.sync.getRepo", token=self.token(self.old), did=self.did
        )
        self.new.server.post(
            "com.atproto.repo.importRepo", car, token=self.token(self.new), content_type=CAR_TYPE
        )

    def bring_blobs(self, at_most: int = 1_000_000) -> None:
        """All that are missing, or only some."""
        old_token, new_token = self.token(self.old), self.token(self.new)
        for cid in self.missing()[:at_most]:
            blob = self.old.server.get(
                "com.atproto.sync.getBlob", token=old_token, did=self.did, cid=cid
            )
            self.new.server.post(
                "com.atproto.repo.uploadBlob", blob, token=new_token, content_type=_type_of(blob)
            )

    def bring_preferences(self) -> None:
        found = self.old.server.get("app.bsky.actor.getPreferences", token=self.token(self.old))
        self.new.server.post("app.bsky.actor.putPreferences", found, token=self.token(self.new))

    def get_operation(self) -> None:
        """The old server signs what the new one recommends, for a code that it sends by mail."""
        wanted = self.new.server.get(
            "com.atproto.identity.getRecommendedDidCredentials", token=self.token(self.new)
        )
        token = self.token(self.old)
        code = self.mailed_code(
            self.old.email,
            lambda: self.old.server.post(
                "com.atproto.identity.requestPlcOperationSignature", token=token
            ),
        )
        reply = self.old.server.post(
            "com.atproto.identity.signPlcOperation", {**wanted, "token": code}, token=token
        )
        self.operation = reply["operation"]

    def submit_operation(self) -> None:
        self.new.server.post(
            "com.atproto.identity.submitPlcOperation",
            {"operation": self.operation},
            token=self.token(self.new),
        )

    def activate(self) -> None:
        self.new.server.post("com.atproto.server.activateAccount", token=self.token(self.new))

    def leave(self) -> None:
        self.old.server.post("com.atproto.server.deactivateAccount", {}, token=self.token(self.old))

    # --- what a client asks in between -----------------------------------------------------------

    def token(self, home: Home) -> str:
        """Log in."""
        body = {"identifier": self.did, "password": home.password}
        return str(home.server.post("com.atproto.server.createSession", body)["accessJwt"])

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = self.new.server.get(
            "com.atproto.server.checkAccountStatus", token=self.token(self.new)
        )
        return status

    def missing(self) -> list[str]:
        """CIDs of the blobs that the new server lacks."""
        token, cids = self.token(self.new), []
        cursor: dict[str, str] = {}
        while True:
            reply = self.new.server.get(
                "com.atproto.repo.listMissingBlobs", token=token, limit=PAGE, **cursor
            )
            cids += [item["cid"] for item in reply["blobs"]]
            if not reply.get("cursor"):
                return cids
            cursor = {"cursor": reply["cursor"]}

    def mailed_code(self, address: str, ask: Callable[[], object]) -> str:
        """The code that arrives at ``address`` after ``ask()``."""
        known = len(self.mail.delivered)
        ask()
        until = time.monotonic() + MAIL_TAKES_S
        while time.monotonic() < until:
            for message in self.mail.delivered[known:]:
                found = _CODE.search(message.body()) if address in message.recipients else None
                if found:
                    return found[0]
            with self.mail.news:
                self.mail.news.wait(0.5)
        raise AssertionError(f"no code for {address} within {MAIL_TAKES_S} s")

    def abandon(self) -> None:
        """Delete what there is at the new server; the old one is not asked."""
        token = self.token(self.new)
        code = self.mailed_code(
            self.new.email,
            lambda: self.new.server.post("com.atproto.server.requestAccountDelete", token=token),
        )
        body = {"did": self.did, "password": self.new.password, "token": code}
        self.new.server.post("com.atproto.server.deleteAccount", body)


STEPS: tuple[Callable[[Move], None], ...] = (
    Move.enter,
    Move.bring_repo,
    lambda move: move.bring_blobs(at_most=2),
    Move.bring_blobs,
    Move.bring_preferences,
    Move.get_operation,
    Move.submit_operation,
    Move.activate,
    Move.leave,
)
"""In the order of https://atproto.com/guides/account-migration."""

BEFORE_THE_DID_CHANGES = 6  # so many steps can be taken back by ``abandon``


def _type_of(blob: bytes) -> str:
    return "image/png" if blob.startswith(b"\x89PNG") else "application/octet-stream"
