"""Are all pictures and videos there? All by their size, some by every byte."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from typing import Final

from pds.errors import UpstreamFailureError
from pds.services.blob_moves import state_of
from pds.services.blob_stores import configured_store
from pds.services.doctor.members import out_of
from pds.services.doctor.model import Check, Finding, Patient, all_well
from pds.storage import accounts, blobs
from pds.storage.blob_store import BlobStore, folder_name
from pds.storage.blobs import OwnedBlob

_PAGE: Final = 500
_WITHIN_S: Final = 60.0  # for comparing: a bucket is asked once for each account
_READ: Final = 100  # how many are read whole
_CHANCE: Final = secrets.SystemRandom()
_READ_S: Final = 10.0  # and no longer than this
_REMEDY: Final = (
    "pdsadmin blobs verify names all; bring them back from a backup: docs/troubleshooting.md#{name}"
)


def _look(patient: Patient) -> Sequence[Finding]:
    store = configured_store(patient.config)
    seen, missing, damaged, sound = 0, [], [], []
    until_s = time.monotonic() + _WITHIN_S
    try:
        for blob, size_bytes in _compared(store):
            seen += 1
            if size_bytes is None:
                missing.append(blob)
            elif size_bytes >= 0:
                sound.append(blob)
            else:
                damaged.append(blob)
            if time.monotonic() > until_s:
                break
        damaged += _read_some(store, sound)
    except UpstreamFailureError as error:
        remedy = "check the PDS_BLOBSTORE_S3_ settings and the service"
        found = f"the bucket does not do its part: {error.message}"
        return [Finding("blobs-store", "bad", found, remedy)]
    findings = [*_tell("blobs-missing", missing, seen), *_tell("blobs-damaged", damaged, seen)]
    if findings:
        return findings
    total = max(seen, blobs.count_all()) if time.monotonic() > until_s else seen
    return all_well("blobs", f"{out_of(seen, total)} are there")


def _compared(store: BlobStore) -> Iterator[tuple[OwnedBlob, int | None]]:
    """Each with its size in the store: None when it is not there, -1 when it is another."""
    folder, present = "", dict[bytes, int]()
    for blob in _in_turn():
        if folder != folder_name(blob.did):
            folder = folder_name(blob.did)
            present = {bytes(found.cid): found.size_bytes for found in store.list(folder)}
        row = blobs.find_blob(blob.account_id, blob.cid)
        if row is None:
            continue  # deleted meanwhile
        size_bytes = present.get(bytes(blob.cid))
        if size_bytes is None and state_of(store, blob, row) != "missing":
            size_bytes = row.size_bytes  # uploaded since the folder was read
        yield blob, size_bytes if size_bytes in (None, row.size_bytes) else -1


def _in_turn() -> Iterator[OwnedBlob]:
    """All, account by account. Anybody may come first: there may not be time for everybody."""
    first = _CHANCE.randrange(accounts.count() + 1)
    yield from _after(first)
    for blob in _after(0):
        if blob.account_id >= first:
            return
        yield blob


def _after(account_id: int) -> Iterator[OwnedBlob]:
    """Those of this account and all later ones."""
    after: tuple[int, bytes] = (account_id, b"")
    while page := blobs.owned_page(after, _PAGE):
        yield from page
        after = (page[-1].account_id, page[-1].cid)


def _read_some(store: BlobStore, sound: Sequence[OwnedBlob]) -> Iterator[OwnedBlob]:
    """Those that are damaged among a few picked by chance."""
    until = time.monotonic() + _READ_S
    for blob in _CHANCE.sample(sound, min(_READ, len(sound))):
        row = blobs.find_blob(blob.account_id, blob.cid)
        if row is not None and state_of(store, blob, row) == "damaged":
            yield blob
        if time.monotonic() > until:
            return


def _tell(name: str, wrong: Sequence[OwnedBlob], total: int) -> Sequence[Finding]:
    if not wrong:
        return []
    what = name.removeprefix("blobs-")
    found = (
        f"{len(wrong)} of {total} pictures and videos are {what}, like {wrong[0].cid} of"
        f" {wrong[0].did}"
    )
    return [Finding(name, "bad", found, _REMEDY.format(name=name))]


CHECK = Check(
    "blobs",
    _look,
    limit_s=90.0,
    findings=("blobs-store", "blobs-missing", "blobs-damaged"),
    needs="database",
    lane="blobs",
)
