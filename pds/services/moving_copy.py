"""Bring an account here whose server is gone or does not help: its owner has a copy and a key.

The key is a rotation key of the DID. With it nobody is asked for leave, and it shows that the
account is theirs who hold it. The copy is a CAR file of the repo, or a folder with ``repo.car`` in
it, pictures anywhere below that are named by their CIDs, and perhaps ``preferences.json``: what the
copy of all data holds that members download here (``data_export``).
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from pds.atproto import plc
from pds.atproto.cid import Cid, InvalidCidError
from pds.atproto.crypto.keypair import PrivateKey
from pds.errors import BlobNotFoundError, InvalidRequestError
from pds.services.moving_in import Arrival, Parts

REPO_NAME: Final = "repo.car"
PREFERENCES_NAME: Final = "preferences.json"


@dataclass(frozen=True, slots=True)
class Copy:
    """What the owner has kept. ``blobs``: files by CID; ``preferences``: None if there are none."""

    repo: Path
    blobs: dict[str, Path]
    preferences: list[dict[str, Any]] | None


def open_copy(path: Path) -> Copy:
    """What is at ``path``, a CAR file or a folder. InvalidRequestError when it holds no repo."""
    folder = path if path.is_dir() else None
    repo = path if folder is None else folder / REPO_NAME
    if not os.access(repo, os.R_OK):
        message = (
            f"the server's user may not read {repo}, or it is not there; put the copy into a folder"
            " such as /var/tmp/copy and let everybody read it: chmod -R a+rX /var/tmp/copy"
        )
        raise InvalidRequestError(message)
    if folder is None:
        return Copy(repo, {}, None)
    return Copy(repo, _blobs_below(folder), _preferences(folder / PREFERENCES_NAME))


class Rescue(Arrival):
    """One account and its owner's key; the methods are the steps, in their order."""

    def __init__(self, did: str, key: PrivateKey, copy: Copy, parts: Parts, work: Path) -> None:
        """Raises InvalidRequestError unless ``key`` may change the DID, UpstreamFailureError."""
        super().__init__(did, parts, work)
        self._key = key
        self._copy = copy
        if not did.startswith("did:plc:"):
            message = f"{did} is its owner's own file; only a did:plc has rotation keys"
            raise InvalidRequestError(message)
        if key.did_key not in self._last()["rotationKeys"]:
            message = f"the key is {key.did_key}, which is no rotation key of {did}"
            raise InvalidRequestError(message)

    def old_handle(self) -> str | None:
        """The handle that the DID claims."""
        return self._parts.directory.parsed_document(self.did, force=True).handle

    def bring_repo(self) -> None:
        """Take over the records of the copy. Raises as ``RepoImport.import_repo``."""
        with self._copy.repo.open("rb") as file:
            self.import_repo(file)

    def bring_preferences(self) -> bool:
        """Take over the private settings; whether the copy has any."""
        if self._copy.preferences is None:
            return False
        self.put_preferences(self._copy.preferences)
        return True

    def fetch_blob(self, cid: str, file: BinaryIO) -> str:
        found = self._copy.blobs.get(cid)
        if found is None:
            message = "the copy does not have it"
            raise BlobNotFoundError(message)
        with found.open("rb") as source:
            shutil.copyfileobj(source, file)
        return ""

    def change_did(self) -> None:
        """Let the DID point here, and no key but the owner's and this server's change it.

        Raises:
            InvalidRequestError: the directory would not accept it.
            UpstreamFailureError
        """
        wanted = self.wanted_document([self._key.did_key])
        try:
            operation = plc.build_update(
                self._last(),
                signer=self._key,
                rotation_keys=wanted["rotationKeys"],
                also_known_as=wanted["alsoKnownAs"],
                verification_methods=wanted["verificationMethods"],
                services=wanted["services"],
            )
        except plc.PlcError as error:
            raise InvalidRequestError(f"Invalid operation: {error}") from error
        self._parts.plc_operations.submit(self.did, operation)

    def _last(self) -> plc.Operation:
        return plc.normalize(self._parts.directory.last_operation(self.did))


def _blobs_below(folder: Path) -> dict[str, Path]:
    found = {}
    for path in folder.rglob("*"):
        name = path.name.partition(".")[0]
        try:
            cid = Cid.parse(name)
        except InvalidCidError:
            continue
        if path.is_file():
            found[str(cid)] = path
    return found


def _preferences(file: Path) -> list[dict[str, Any]] | None:
    if not file.exists():
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if isinstance(found, dict):  # as getPreferences answers
        found = found.get("preferences")
    if not isinstance(found, list) or not all(
        isinstance(item, dict) and isinstance(item.get("$type"), str) for item in found
    ):
        message = f"{file} holds no preferences; mend it or take it away"
        raise InvalidRequestError(message)
    return found
