"""Inputs shaped by the Lexicons and then spoilt at random: never a 500, never a lost connection."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pds.atproto.cid import cid_for_cbor, cid_for_raw
from pds.atproto.lexicon.catalog import Catalog
from pds.xrpc.loading import load_methods
from tests.hostile_client import (
    ADMIN_PASSWORD,
    POST,
    Reply,
    Site,
    basic,
    bearer,
    open_site,
    unexpected_errors,
)

pytestmark = pytest.mark.slow

CATALOG = Catalog.installed()
CID = str(cid_for_cbor(b"\xa0"))
NOBODY = "did:plc:zzzzzzzzzzzzzzzzzzzzzzzz"
NOTE = {"text": "text", "createdAt": "2026-01-01T00:00:00.000Z", "tags": ["a"], "a": {"b": [CID]}}
# Names that no resolver is asked for: these tests stay on this machine.
HANDLES = ("alice.test", "bob.test", "nobody.test", "new-one.test", "a.invalid", "ALICE.test")
PLACES: dict[str, tuple[Any, ...]] = {
    "at-identifier": (*HANDLES, NOBODY, "{bob}", *["{alice}"] * 9),
    "at-uri": ("at://alice.test", f"at://{NOBODY}/{POST}/a"),
    "cid": (CID, str(cid_for_raw(b"x")), "b" + "a" * 58, "zzzzzzzzzzz"),
    "datetime": ("2026-01-01T00:00:00.000Z", "0001-01-01T00:00:00Z"),
    "did": ("{alice}", "{alice}", "{alice}", "{bob}", NOBODY, "did:web:localhost"),
    "handle": HANDLES,
    "nsid": (POST, "com.example.note", "app.bsky.actor.profile", "app.bsky.feed.like"),
    "record-key": ("self", "a", "{rkey}", "3jzfcijpj2z2a", "x" * 512),
    "tid": ("3jzfcijpj2z2a", "2222222222222"),
}
JUNK: tuple[Any, ...] = (
    None, True,
    0, -1, 1, 2**53, -(2**63), 1.5, 1e300, "", "a", "\x00", "é" * 300, "x" * 4_000, [],
    [None], [[]] * 3, {}, {"": 0}, {"$type": None}, {"$type": "a"}, {"$link": CID}, {"$link": "b"},
    {"$bytes": "AA"},
    {"$bytes": "*"}, {"$type": "blob"}, "\ud800", "did:plc:", "at://", "a/b", "..",
    {"$type": "blob", "ref": {"$link": CID}, "mimeType": "a/b", "size": 1}, "{rkey}", "{alice}",
)  # fmt: skip
_ACTIVATION = {"com.atproto.server.activateAccount", "com.atproto.server.deactivateAccount"}
_ADMINS = ("admin", "moderator", "service")  # the kinds of caller that the admin may be
METHODS = sorted(
    method.nsid
    for method in load_methods().values()
    if method.kind != "subscription" and method.handler.__module__.startswith("pds.")
)


def shaped(chance: random.Random, schema: dict[str, Any], nsid: str) -> Any:
    """A value that fits ``schema``, more or less."""
    kind = schema["type"]
    if kind == "ref":
        owner, _, name = schema["ref"].partition("#")
        document = CATALOG.find(owner or nsid)
        assert document is not None
        return shaped(chance, document["defs"][name or "main"], owner or nsid)
    if kind == "union":
        ref = chance.choice(schema["refs"])
        value = shaped(chance, {"type": "ref", "ref": ref}, nsid)
        return {"$type": ref if not ref.startswith("#") else nsid + ref, **value}
    if kind == "object":
        return shaped_object(chance, schema, nsid)
    if kind == "array":
        return [shaped(chance, schema["items"], nsid) for _ in range(chance.randrange(4))]
    if kind == "string":
        words = schema.get("enum") or PLACES.get(schema.get("format", ""), ("text", "pass-word"))
        return chance.choice(words)
    simple = {"integer": (1, 50, 100), "boolean": (True, False), "unknown": (NOTE, {})}
    return copy.deepcopy(chance.choice(simple.get(kind, ({},))))


def shaped_object(chance: random.Random, schema: dict[str, Any], nsid: str) -> dict[str, Any]:
    required = schema.get("required", ())
    return {
        name: shaped(chance, inner, nsid)
        for name, inner in schema.get("properties", {}).items()
        if name in required or chance.random() < 0.4
    }


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in ``value`` with each of its keys."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from places(value[key])


def spoilt(chance: random.Random, value: Any) -> Any:
    """A copy of ``value`` with some of its parts replaced, left out or added."""
    value = copy.deepcopy(value)
    for _ in range(chance.choice((0, 0, 1, 1, 1, 2, 3))):
        found = list(places(value))
        if not found:
            return value
        where, key = chance.choice(found)
        change = chance.randrange(4)
        if change == 0 and isinstance(where, dict):
            del where[key]
        elif change == 1 and isinstance(where, dict):
            where[chance.choice(("extra", "$type", "$link", ""))] = copy.deepcopy(
                chance.choice(JUNK)
            )
        else:
            where[key] = copy.deepcopy(chance.choice(JUNK))
    return value


def filled(site: Site, value: Any) -> Any:
    """``value`` with the names in braces replaced by what they stand for."""
    names = {"{alice}": site.alice.did, "{bob}": site.bob.did, "{rkey}": site.rkey}
    if isinstance(value, dict):
        return {key: filled(site, item) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(site, item) for item in value]
    return names.get(value, value) if isinstance(value, str) else value


def ask(site: Site, nsid: str, chance: random.Random) -> Reply:
    document = CATALOG.find(nsid)
    assert document is not None
    main = document["defs"]["main"]
    declared = main.get("parameters") or {"type": "object"}
    params = spoilt(chance, shaped_object(chance, declared, nsid))
    text = urlencode(filled(site, params), doseq=True, errors="replace")
    kind = load_methods()[nsid].auth.kind
    headers = basic("admin", ADMIN_PASSWORD) if kind in _ADMINS else bearer(site.alice.token)
    if kind == "new_account":
        headers = {}
    elif nsid in _ACTIVATION:
        headers = bearer(site.bob.token)  # alice is to go on writing
    if main["type"] == "query":
        return site.request("GET", f"/xrpc/{nsid}?{text}", headers=headers)
    given = main.get("input")
    if given is None:
        return site.request("POST", f"/xrpc/{nsid}?{text}", b"", headers)
    if given["encoding"] != "application/json":
        body = bytes(chance.choices(range(256), k=chance.randrange(200)))
        headers["Content-Type"] = given["encoding"].replace("*/*", "image/png")
        return site.request("POST", f"/xrpc/{nsid}", body, headers)
    value = filled(site, spoilt(chance, shaped(chance, given["schema"], nsid)))
    sent = {name.replace("-", "_"): text for name, text in headers.items()}
    return site.post(f"{nsid}?{text}", value, None, **sent)


@pytest.fixture(scope="module")
def loose_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server of its own: much of what is sent here is accepted."""
    with open_site(tmp_path_factory.mktemp("random_input") / "data") as site:
        yield site


@pytest.mark.parametrize("nsid", METHODS)
def test_spoilt_input_never_breaks_the_server(loose_site: Site, nsid: str) -> None:
    log_size = loose_site.server.log.stat().st_size

    @settings(
        max_examples=30,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**32))
    def check(seed: int) -> None:
        reply = ask(loose_site, nsid, random.Random(seed))
        if reply.status != 200:
            reply.check_refused()
            assert reply.status < 500, reply

    check()
    assert unexpected_errors(loose_site.server.log, log_size) == ""
