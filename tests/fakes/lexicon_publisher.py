"""Somebody who publishes Lexicons: a DID, a key, a repo, and the server that it is on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from pds.atproto import dag_cbor, plc
from pds.atproto.car import write_car
from pds.atproto.cid import cid_for_cbor
from pds.atproto.crypto.keypair import PrivateKey
from pds.atproto.mst.proof import path_proof
from pds.atproto.mst.store import NodeStore
from tests.fakes.web_server import Asked, Route, WebServer, web_server
from tests.foreign_repo import ForeignRepo, simple_records

if TYPE_CHECKING:
    from pds.services import Services

COLLECTION = "com.atproto.lexicon.schema"


def permission_set(nsid: str, *permissions: dict[str, Any], **main: Any) -> dict[str, Any]:
    """The Lexicon document of a set; by default it grants one collection of its own group."""
    group = nsid.rpartition(".")[0]
    usual = {"type": "permission", "resource": "repo", "collection": [f"{group}.event"]}
    definition = {
        "type": "permission-set",
        "title": "Calendar",
        "permissions": list(permissions or (usual,)),
        **main,
    }
    return {"lexicon": 1, "id": nsid, "defs": {"main": definition}}


@dataclass
class Publisher:
    """``publish`` puts a document into the repo. Change ``repo`` to tamper with it."""

    did: str
    server: WebServer
    repo: ForeignRepo
    operation: dict[str, Any]
    owner_key: PrivateKey

    @property
    def times_asked(self) -> int:
        return len(self.server.asked)

    def publish(self, document: Any, nsid: str | None = None) -> None:
        record = {"$type": COLLECTION, **document}
        self.repo.records[f"{COLLECTION}/{nsid or document['id']}"] = dag_cbor.encode(record)

    def blocks(self, path: str) -> list[tuple[bytes, bytes]]:
        """The proof of what is at ``path``: commit, nodes, record."""
        root, nodes = self.repo.nodes()
        proof = path_proof(NodeStore(nodes.__getitem__), root, path)
        record = self.repo.records.get(path)
        found = [] if record is None else [(cid_for_cbor(record), record)]
        return [self.repo.commit(), *proof.items(), *found]

    def answer(self, asked: Asked) -> Route:
        wanted = parse_qs(urlsplit(asked.path).query)
        if wanted["did"] != [self.did]:
            return 400, {}, b'{"error": "RepoNotFound"}'
        blocks = self.blocks(f"{wanted['collection'][0]}/{wanted['rkey'][0]}")
        return (
            200,
            {"content-type": "application/vnd.ipld.car"},
            write_car([blocks[0][0]], blocks),
        )

    def change_did(self, services: Services, *, pds: str, key: PrivateKey) -> None:
        """Have the DID document name another server, or another key."""
        self.operation = plc.build_update(
            self.operation,
            signer=self.owner_key,
            rotation_keys=[self.owner_key.did_key],
            also_known_as=[],
            verification_methods={"atproto": key.did_key},
            services={"atproto_pds": {"type": "AtprotoPersonalDataServer", "endpoint": pds}},
        )
        assert services.local_plc is not None
        services.local_plc.submit(self.did, self.operation)


@contextmanager
def publisher(services: Services, pds: str | None = None) -> Iterator[Publisher]:
    """In the directory of ``services``. pds: where its server is said to be, if not where it is."""
    key, owner_key = PrivateKey.generate(), PrivateKey.generate()
    with web_server() as server:
        did, operation = plc.build_genesis(
            rotation_keys=[owner_key.did_key],
            signing_key=key.did_key,
            handle="lexicons.ours.net",
            pds_endpoint=pds or server.url,
            signer=owner_key,
        )
        assert services.local_plc is not None
        services.local_plc.submit(did, operation)
        repo = ForeignRepo(did, key, simple_records(20))
        found = Publisher(did, server, repo, operation, owner_key)
        server.otherwise = found.answer
        yield found
