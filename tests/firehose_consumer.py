"""A strict firehose consumer: believes nothing that it has not checked, like a careful relay.

For every #commit it checks the order of seq, the commit's fields and signature against the DID
document, that the operations invert on the blocks of this frame alone to prevData, and that
prevData and since continue what it saw last of that repo.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from websockets.sync.client import connect

from pds.atproto.car import read_car
from pds.atproto.cid import Cid, cid_for_cbor
from pds.atproto.commit import Commit, decode_commit
from pds.atproto.crypto.keypair import PublicKey
from pds.atproto.did_document import parse_did_document
from pds.atproto.firehose_frames import decode_frame
from pds.atproto.repo import RepoOp, invert_ops
from pds.atproto.syntax.tid import Tid

KINDS = {"#commit", "#sync", "#identity", "#account", "#info"}


@dataclass(slots=True)
class RepoState:
    """What the consumer knows of a repo: its last rev, its MST root, its records."""

    rev: str | None = None
    data: Cid | None = None
    records: dict[str, Cid] = field(default_factory=dict)
    active: bool = True


@dataclass
class Consumer:
    """``fetch_document(did)`` returns the DID document as the network would see it."""

    fetch_document: Callable[[str], dict[str, Any]]
    last_seq: int = 0
    repos: dict[str, RepoState] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    commits: set[tuple[str, str]] = field(default_factory=set)
    infos: list[str] = field(default_factory=list)

    def follow(
        self,
        url: str,
        *,
        until: Callable[[], bool],
        timeout_s: float = 60,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        """Read on from the last event seen, until ``until()`` holds after one."""
        path = f"/xrpc/com.atproto.sync.subscribeRepos?cursor={self.last_seq}"
        address = url.replace("http", "ws", 1) + path
        # Without pings: on a busy machine they wait behind the backlog for longer than they may.
        with connect(
            address, ssl=trust, compression=None, max_size=None, ping_interval=None
        ) as socket:
            while not until():
                frame = socket.recv(timeout=timeout_s)
                assert isinstance(frame, bytes)
                self.accept(frame)

    def accept(self, frame: bytes) -> None:
        """Check one frame and remember what it says."""
        header, payload = decode_frame(frame)
        assert header["op"] == 1, payload
        kind = header["t"]
        assert kind in KINDS
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if kind == "#info":
            self.infos.append(payload["name"])
            return
        assert payload["seq"] > self.last_seq, "seq must rise"
        self.last_seq = payload["seq"]
        repo = self.repos.setdefault(payload.get("repo") or payload["did"], RepoState())
        if kind == "#commit":
            self._accept_commit(repo, payload)
        elif kind == "#sync":
            self._accept_sync(repo, payload)
        elif kind == "#account":
            repo.active = payload["active"]

    def _accept_commit(self, repo: RepoState, payload: dict[str, Any]) -> None:
        roots, blocks = read_car(payload["blocks"])
        assert roots == [payload["commit"]]
        commit = self._signed_commit(payload["repo"], payload["commit"], blocks)
        assert (commit.did, commit.rev) == (payload["repo"], payload["rev"])
        assert not payload["tooBig"]
        assert not payload["rebase"]
        assert payload["blobs"] == []
        assert payload["since"] == repo.rev
        assert payload.get("prevData") == repo.data
        Tid.parse(commit.rev)
        assert repo.rev is None or commit.rev > repo.rev
        ops = [RepoOp(op["action"], op["path"], op["cid"], op.get("prev")) for op in payload["ops"]]
        if ops:
            assert invert_ops(blocks, commit.data, ops) == repo.data
            assert invert_ops(blocks, commit.data, list(reversed(ops))) == repo.data
        else:
            assert repo.data is None or commit.data == repo.data
        for op in ops:
            self._apply(repo, op, blocks)
        repo.rev, repo.data = commit.rev, commit.data
        self.commits.add((payload["repo"], commit.rev))

    def _apply(self, repo: RepoState, op: RepoOp, blocks: dict[Cid, bytes]) -> None:
        assert op.prev == repo.records.get(op.path)
        if op.cid is None:
            del repo.records[op.path]
            return
        assert cid_for_cbor(blocks[op.cid]) == op.cid
        repo.records[op.path] = op.cid

    def _accept_sync(self, repo: RepoState, payload: dict[str, Any]) -> None:
        roots, blocks = read_car(payload["blocks"])
        assert list(blocks) == roots
        commit = self._signed_commit(payload["did"], roots[0], blocks)
        assert (commit.did, commit.rev) == (payload["did"], payload["rev"])
        assert repo.rev is None or commit.rev >= repo.rev, "rev must rise"
        if repo.rev is not None and repo.rev == commit.rev:
            assert repo.data == commit.data
            return
        repo.rev, repo.data = commit.rev, commit.data

    def _signed_commit(self, did: str, cid: Cid, blocks: dict[Cid, bytes]) -> Commit:
        assert cid_for_cbor(blocks[cid]) == cid
        commit = decode_commit(blocks[cid])
        document = parse_did_document(self.fetch_document(did), did)
        assert document.signing_key is not None
        assert commit.verify(PublicKey.from_did_key(document.signing_key)), "signature"
        return commit
