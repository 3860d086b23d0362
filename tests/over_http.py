"""The whole server behind a real port, in this process: methods as clients meet them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from pds.xrpc.loading import load_methods
from tests.factories import ADMIN_PASSWORD, Person
from tests.web.harness import Answer, Running, running

if TYPE_CHECKING:
    from pds.services import Services

ADMIN_HEADER = f"Basic {base64.b64encode(f'admin:{ADMIN_PASSWORD}'.encode()).decode()}"


@dataclass(frozen=True)
class Wire:
    """``by`` is whose access token goes along, or a whole Authorization header, or nobody."""

    web: Running

    def get(self, nsid: str, by: Person | str | None = None, **params: Any) -> Answer:
        query = f"?{urlencode(params, doseq=True)}" if params else ""
        return self.web.get(f"/xrpc/{nsid}{query}", **_authorization(by))

    def post(self, nsid: str, by: Person | str | None = None, body: Any = None) -> Answer:
        if body is None:
            return self.web.post(f"/xrpc/{nsid}", **_authorization(by))
        return self.web.post(
            f"/xrpc/{nsid}",
            json.dumps(body),
            Content_Type="application/json",
            **_authorization(by),
        )


@contextmanager
def wire(services: Services) -> Iterator[Wire]:
    with running(services, load_methods()) as web:
        yield Wire(web)


def _authorization(by: Person | str | None) -> dict[str, str]:
    if by is None:
        return {}
    return {"Authorization": f"Bearer {by.access_jwt}" if isinstance(by, Person) else by}
