"""A server that somebody else runs, and the PLC directory that both servers use."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from pds.atproto.crypto.keypair import PublicKey
from pds.atproto.did_document import parse_did_document
from tests.server_process import ServerProcess

PAGE = 100


class Peer(ServerProcess):
    """The client half of a server process: calls, but nothing to start or stop."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")


@dataclass(frozen=True, slots=True)
class Directory:
    """A PLC directory over HTTP."""

    url: str

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/{path}", timeout=30) as reply:
            return json.loads(reply.read())

    def signing_key(self, did: str) -> PublicKey:
        key = parse_did_document(self.get(did), did).signing_key
        assert key is not None
        return PublicKey.from_did_key(key)


@dataclass(frozen=True, slots=True)
class Reference:
    """The reference server; ``mail_port``: where it expects its mail server."""

    server: Peer
    directory: Directory
    mail_port: int


def find_reference() -> Reference:
    """The reference server that the environment names; without one the test is skipped."""
    names = ("HEARTH_REFERENCE_URL", "HEARTH_REFERENCE_PLC_URL", "HEARTH_REFERENCE_MAIL_PORT")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        pytest.skip(f"no reference server: {', '.join(missing)} not set (tests/interop/README.md)")
    url, plc_url, port = (os.environ[name] for name in names)
    return Reference(Peer(url), Directory(plc_url.rstrip("/")), int(port))


def all_pages(server: ServerProcess, nsid: str, field: str, **params: Any) -> Iterator[Any]:
    """Every item of a query that answers in pages. ``token`` among the params is the session's."""
    cursor: dict[str, str] = {}
    while True:
        reply = server.get(nsid, limit=PAGE, **params, **cursor)
        yield from reply[field]
        if not reply.get("cursor") or not reply[field]:
            return
        cursor = {"cursor": reply["cursor"]}


def all_records(server: ServerProcess, did: str) -> dict[str, tuple[str, Any]]:
    """CID and JSON value of each record by path, as the server lists them."""
    found = {}
    for collection in server.get("com.atproto.repo.describeRepo", repo=did)["collections"]:
        for item in all_pages(
            server, "com.atproto.repo.listRecords", "records", repo=did, collection=collection
        ):
            path = item["uri"].removeprefix(f"at://{did}/")
            found[path] = (item["cid"], item["value"])
    return found


def get_blob(server: ServerProcess, did: str, cid: str) -> bytes:
    blob = server.get("com.atproto.sync.getBlob", did=did, cid=cid)
    # A blob of JSON would come back decoded; none of ours is.
    assert isinstance(blob, bytes), quote(cid)
    return blob
