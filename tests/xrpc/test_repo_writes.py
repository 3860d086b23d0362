"""What the writing methods share on the wire."""

from __future__ import annotations

import pytest

from pds.atproto.cid import cid_for_cbor
from pds.errors import InvalidRequestError
from pds.services.record_writes import Swap
from pds.services.repos import CommitResult, WriteResult
from pds.xrpc.repo_writes import commit_view, optional_cid, optional_swap, written_view

CID = cid_for_cbor(b"\xa0")


def test_swap_is_absent_null_or_a_version() -> None:
    assert optional_swap({}) is None
    assert optional_swap({"swapRecord": None}) == Swap(None)
    assert optional_swap({"swapRecord": str(CID)}) == Swap(CID)


def test_cid_is_absent_null_or_parsed() -> None:
    assert optional_cid({}, "swapCommit") is None
    assert optional_cid({"swapCommit": None}, "swapCommit") is None
    assert optional_cid({"swapCommit": str(CID)}, "swapCommit") == CID


@pytest.mark.parametrize("text", ["", "bafy", str(CID).upper(), f"{CID}a", "Qm" + "a" * 44])
def test_text_that_is_no_cid_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="swapCommit: not a CID"):
        optional_cid({"swapCommit": text}, "swapCommit")
    with pytest.raises(InvalidRequestError, match="swapRecord: not a CID"):
        optional_swap({"swapRecord": text})


def test_commit_is_shown_when_there_was_one() -> None:
    assert commit_view(CommitResult(None, None, [])) == {}
    shown = commit_view(CommitResult(CID, "3jzfcijpj2z2a", []))
    assert shown == {"commit": {"cid": str(CID), "rev": "3jzfcijpj2z2a"}}


def test_status_is_shown_when_somebody_looked() -> None:
    uri = "at://did:plc:a/com.example.note/a"
    assert written_view(WriteResult(uri, CID, None)) == {"uri": uri, "cid": str(CID)}
    assert written_view(WriteResult(uri, CID, "valid"))["validationStatus"] == "valid"
