"""Every method, asked by every kind of caller, gives the answer of the table.

The table (``who_may_call.py``) is reviewed by hand against the specification: it says who gets in.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

from pds.config import Config
from pds.services import build_services
from pds.storage import database
from pds.xrpc.loading import load_methods
from tests.factories import StillClock, make_config
from tests.scenarios.callers import KINDS, Visitor, Visitors
from tests.scenarios.sample_calls import SAMPLES, fill
from tests.scenarios.who_may_call import ANSWERS, TABLE
from tests.web.harness import Running, running

pytestmark = pytest.mark.slow

METHODS = {
    nsid: method
    for nsid, method in load_methods().items()
    if method.handler.__module__.startswith("pds.")
}
# The event stream is no request; its own tests say who may subscribe (everybody).
CALLED = sorted(nsid for nsid, method in METHODS.items() if method.kind != "subscription")


def test_every_method_is_in_the_table() -> None:
    assert sorted(TABLE) == CALLED
    assert sorted(SAMPLES) == CALLED


@dataclass
class House:
    """A server, and visitors of every kind."""

    server: Running
    visitors: Visitors

    def answer(self, nsid: str, visitor: Visitor) -> str:
        sample = SAMPLES[nsid]
        person = visitor.person
        names = {
            "did": person.did,
            "handle": person.handle,
            "email": person.email,
            "password": person.password,
        }
        headers = {} if visitor.authorization is None else {"Authorization": visitor.authorization}
        verb, path, content = "POST", f"/xrpc/{nsid}", None
        if METHODS[nsid].kind == "query":
            verb = "GET"
            path += f"?{urlencode(fill(sample.params or {}, names))}"
        elif sample.body is not None:
            headers["Content-Type"] = sample.content_type
            content = sample.body
            if isinstance(content, dict):
                content = json.dumps(fill(content, names)).encode()
        if visitor.app is not None:
            reply = visitor.app.ask(self.server, verb, path, content, headers)
        else:
            reply = self.server.request(verb, path, content, headers)
        if reply.status == 200:
            return "ok"
        code = " code" if reply.json["message"] == "Token is invalid" else ""
        return f"{reply.status} {reply.json['error']}{code}"


@pytest.fixture
def house(tmp_path: Path, empty_database: Path) -> Iterator[House]:
    config: Config = make_config(tmp_path)
    file = tmp_path / "pds.sqlite"
    shutil.copyfile(empty_database, file)
    database.open_database(file)
    services = build_services(config, StillClock())
    try:
        visitors = Visitors(services)
        with running(services, METHODS) as server:
            yield House(server, visitors)
    finally:
        services.close()
        database.close_database()


@pytest.mark.parametrize("nsid", CALLED)
def test_answer_is_the_one_in_the_table(house: House, nsid: str) -> None:
    found = {v.kind: house.answer(nsid, v) for v in house.visitors.all(nsid)}

    assert found == {
        kind: ANSWERS.get(word, word) for kind, word in zip(KINDS, TABLE[nsid], strict=True)
    }
