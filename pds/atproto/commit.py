"""The commit object: the signed root of a repository.

Spec: https://atproto.com/specs/repository#commit-objects
"""

from __future__ import annotations

from dataclasses import dataclass

from pds.atproto import dag_cbor
from pds.atproto.cid import DAG_CBOR, Cid, cid_for_cbor
from pds.atproto.crypto.keypair import PrivateKey, PublicKey
from pds.atproto.dag_cbor import Value
from pds.atproto.syntax.did import is_did
from pds.atproto.syntax.tid import is_tid

_FIELDS = frozenset(("did", "version", "data", "rev", "prev", "sig"))


class CommitError(ValueError):
    """Not a commit of a repository."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit; ``data`` is the root of its tree.

    ``version`` is 3, or 2 in old archives: there ``prev`` means the commit before, and ``rev``
    may be missing, which is "" here. Commits of version 2 are never created.
    """

    did: str
    rev: str
    data: Cid
    sig: bytes
    prev: Cid | None = None
    version: int = 3

    def unsigned_bytes(self) -> bytes:
        """What the signature covers: the object without ``sig``."""
        return dag_cbor.encode(self._fields())

    def encode(self) -> bytes:
        return dag_cbor.encode({**self._fields(), "sig": self.sig})

    def verify(self, key: PublicKey) -> bool:
        return key.verify(self.unsigned_bytes(), self.sig)

    def _fields(self) -> dict[str, Value]:
        fields: dict[str, Value] = {
            "did": self.did,
            "version": self.version,
            "data": self.data,
            "prev": self.prev,
        }
        if self.rev:
            fields["rev"] = self.rev
        return fields


def sign_commit(did: str, rev: str, data: Cid, key: PrivateKey) -> tuple[Cid, bytes, Commit]:
    """Make a commit of version 3; returns its CID and block too."""
    signature = key.sign(Commit(did, rev, data, b"").unsigned_bytes())
    commit = Commit(did, rev, data, signature)
    block = commit.encode()
    return cid_for_cbor(block), block, commit


def decode_commit(data: bytes) -> Commit:
    """Decode a commit strictly: ``encode`` gives the same bytes again.

    Raises:
        CommitError: not canonical, a field missing, unknown or of another type, or a version
            other than 3 and 2. The signature is not checked.
    """
    try:
        fields = dag_cbor.decode(data)
    except dag_cbor.DagCborError as error:
        raise CommitError(f"the commit is not canonical CBOR: {error}") from error
    if not isinstance(fields, dict):
        raise CommitError("the commit is not a map")
    version = fields.get("version")
    if type(version) is not int or version not in (2, 3):
        raise CommitError("only commits of versions 3 and 2 are supported")
    if version == 2:
        fields = {"rev": "", "prev": None, **fields}
    if fields.keys() != _FIELDS:
        raise CommitError("the commit has a field too few or too many")
    did, rev, sig = fields["did"], fields["rev"], fields["sig"]
    if not isinstance(did, str) or not is_did(did):
        raise CommitError("the did of a commit is not a DID")
    if not isinstance(rev, str) or not (is_tid(rev) or (version == 2 and not rev)):
        raise CommitError("the rev of a commit is not a TID")
    if type(sig) is not bytes or len(sig) != 64:
        raise CommitError("the signature of a commit is 64 bytes")
    prev = None if fields["prev"] is None else _check_link(fields["prev"])
    commit = Commit(did, rev, _check_link(fields["data"]), sig, prev, version)
    if commit.encode() != data:
        raise CommitError("a field of the commit that must be present is missing or empty")
    return commit


def _check_link(link: Value) -> Cid:
    if not isinstance(link, Cid) or not link.is_blessed or link.codec != DAG_CBOR:
        raise CommitError("data and prev of a commit are links to CBOR blocks")
    return link
