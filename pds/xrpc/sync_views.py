"""What the sync methods share: CIDs in parameters and CAR files in replies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pds.atproto.cid import Cid, InvalidCidError
from pds.errors import InvalidRequestError
from pds.xrpc.method import Body

if TYPE_CHECKING:
    from pds.services.repo_export import CarFile

CAR_TYPE: Final = "application/vnd.ipld.car"


def parse_cid(text: str) -> Cid:
    """The CID in a parameter; InvalidRequestError when it is none that a repo can hold."""
    try:
        return Cid.parse(text)
    except InvalidCidError as error:
        message = f"Not a CID: {text}"
        raise InvalidRequestError(message) from error


def car_file(car: CarFile) -> Body:
    return Body(car.file, CAR_TYPE, size_bytes=car.size_bytes)
