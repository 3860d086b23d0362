"""Is this record in that repo? Believed by the signature, not by who says so.

A proof is a CAR of the signed commit, the nodes of the tree on the path to the record, and the
record. Who passes it on can leave it out or serve an old one, but make none up.

Spec: https://atproto.com/specs/sync, com.atproto.sync.getRecord
"""

from __future__ import annotations

from pds.atproto import dag_cbor
from pds.atproto.car import CarError, read_car
from pds.atproto.commit import CommitError, decode_commit
from pds.atproto.crypto.keypair import PublicKey
from pds.atproto.dag_cbor import Value
from pds.atproto.mst.check import verified_source
from pds.atproto.mst.node import MissingBlockError, MstError
from pds.atproto.mst.tree import Tree


class RecordProofError(ValueError):
    """It proves nothing; the message says why."""


class RecordAbsentError(RecordProofError):
    """It proves that there is no such record."""


def read_record_proof(proof: bytes, *, did: str, key: PublicKey, path: str) -> Value:
    """The record at ``path`` (collection, slash, record key) in the repo of ``did``.

    key: the one that signs for ``did``.

    Raises:
        RecordAbsentError: there is none.
        RecordProofError: not a CAR, not a commit of this repo, signed by another key, a block
            missing, or a record that is not canonical.
    """
    try:
        roots, blocks = read_car(proof)
        if len(roots) != 1 or roots[0] not in blocks:
            raise RecordProofError("the file has no commit as its one root")
        commit = decode_commit(blocks[roots[0]])
        if commit.did != did:
            raise RecordProofError("the commit is of another repo")
        if not commit.verify(key):
            raise RecordProofError("the signature does not verify")
        source = verified_source(blocks)
        cid = Tree(source, commit.data).get(path)
        if cid is None:
            raise RecordAbsentError("there is no such record")
        return dag_cbor.decode(source(cid))
    except MissingBlockError as error:
        raise RecordProofError("a block on the way to the record is missing") from error
    except (CarError, CommitError, MstError, dag_cbor.DagCborError) as error:
        raise RecordProofError(str(error)) from error
