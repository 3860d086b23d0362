"""The whole server over HTTP in this process, with its services at hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from pds.jobs.send_mail import MailSender
from pds.storage import email_tokens
from pds.storage.database import rows
from pds.xrpc.loading import load_methods
from tests.factories import Person
from tests.over_http import ADMIN_HEADER
from tests.web.harness import Answer, Running, running

if TYPE_CHECKING:
    from pds.services import Services


class Stage:
    """Calls methods and opens pages as clients do."""

    def __init__(self, services: Services, web: Running) -> None:
        self.services = services
        self.web = web

    def post(
        self, nsid: str, body: Any = None, *, by: Person | None = None, admin: bool = False
    ) -> Answer:
        """Call a procedure; ``by`` is who signs in, with every right."""
        headers = {"Authorization": f"Bearer {by.access_jwt}"} if by else {}
        if admin:
            headers["Authorization"] = ADMIN_HEADER
        path = f"/xrpc/{nsid}"
        if body is None:
            return self.web.post(path, **headers)
        return self.web.post_json(path, body, **headers)

    def ok(self, nsid: str, body: Any = None, *, by: Person | None = None, **how: Any) -> Answer:
        """``post`` that must succeed."""
        answer = self.post(nsid, body, by=by, **how)
        assert answer.status == 200, answer.body
        return answer

    def submit(self, path: str, **fields: str) -> Answer:
        """Send a page's form."""
        kind = "application/x-www-form-urlencoded"
        return self.web.post(path, urlencode(fields), Content_Type=kind)

    def may_log_in(self, person: Person, password: str) -> bool:
        body = {"identifier": person.handle, "password": password}
        return self.post("com.atproto.server.createSession", body).status == 200

    def is_signed_in(self, person: Person) -> bool:
        headers = {"Authorization": f"Bearer {person.access_jwt}"}
        return self.web.get("/xrpc/com.atproto.server.getSession", **headers).status == 200


def code_of(person: Person, purpose: str) -> str:
    """The code that waits for a person, as the operator would read it."""
    found = email_tokens.find_token(person.row.id, purpose)
    assert found is not None
    return found.token


def queued_mail() -> list[tuple[str, str]]:
    """(topic, recipient) of what is still to be sent, oldest first."""
    found = rows("SELECT topic, recipient FROM outgoing_mail ORDER BY id")
    return [(topic, recipient) for topic, recipient in found]


@contextmanager
def open_stage(services: Services, **options: Any) -> Iterator[Stage]:
    """options: as ``running`` and ``ServerOptions`` have them."""
    with running(services, load_methods(), **options) as web:
        yield Stage(services, web)


@contextmanager
def sending_mail(services: Services) -> Iterator[None]:
    """Let the mail thread run meanwhile."""
    sender = MailSender(services)
    sender.start()
    try:
        yield
    finally:
        sender.stop()
