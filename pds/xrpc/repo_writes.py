"""The wire form of what the writing methods share: swap conditions in, commit and results out."""

from __future__ import annotations

from typing import Any

from pds.atproto.cid import Cid, InvalidCidError
from pds.atproto.oauth.scopes.needs import RepoAction
from pds.errors import InvalidRequestError
from pds.services.record_writes import Swap
from pds.services.repos import CommitResult, WriteResult


def optional_cid(given: dict[str, Any], name: str) -> Cid | None:
    """The CID in field ``name``; None when the field is absent or null."""
    text = given.get(name)
    if text is None:
        return None
    try:
        return Cid.parse(text)
    except InvalidCidError as error:
        message = f"{name}: not a CID of a commit or record"
        raise InvalidRequestError(message) from error


def optional_swap(given: dict[str, Any]) -> Swap | None:
    """``swapRecord``: absent means no condition, null that the record must not exist."""
    if "swapRecord" not in given:
        return None
    return Swap(optional_cid(given, "swapRecord"))


def action_of(write: dict[str, Any]) -> RepoAction:
    """What an entry of applyWrites does."""
    kind = write["$type"].partition("#")[2]
    return kind if kind in ("create", "update") else "delete"


def written_view(result: WriteResult) -> dict[str, Any]:
    view = {"uri": result.uri, "cid": str(result.cid)}
    if result.validation_status is not None:
        view["validationStatus"] = result.validation_status
    return view


def commit_view(result: CommitResult) -> dict[str, Any]:
    """``{"commit": …}``, or nothing when no commit was needed."""
    if result.cid is None:
        return {}
    return {"commit": {"cid": str(result.cid), "rev": result.rev}}
