"""Whether the blob store that the settings name is the one in which the blobs are.

Another directory or bucket is one line in a file; without this look nobody would notice before
members miss their pictures.
"""

from __future__ import annotations

import logging
from typing import Final

from pds.config import ConfigError
from pds.errors import UpstreamFailureError
from pds.storage import blobs, server_state
from pds.storage.blob_store import BlobStore, folder_name
from pds.storage.blobs import OwnedBlob
from pds.storage.database import transaction

logger = logging.getLogger("pds.blobs")

_HOME: Final = "blob_store"
_LOOKED_AT: Final = 20


def check_home(store: BlobStore) -> None:
    """Let a server start with its own store, or with one that its blobs have been copied to.

    Blobs that are lost one by one are reported elsewhere (``sweep_blobs``); here it is most of the
    newest ones that must be there.

    Raises:
        ConfigError: they are somewhere else.
    """
    known = server_state.find_value(_HOME)
    if known == store.name:
        return
    newest = blobs.newest(_LOOKED_AT)
    try:
        missing = [blob for blob in newest if not _is_there(store, blob)]
    except UpstreamFailureError:
        return  # the store is away and has said so in the log; the next start looks again
    if known is not None and 2 * len(missing) > len(newest):
        problem = (
            f"pictures and videos were kept in {known}, the settings now name {store.name}, where"
            f" {len(missing)} of the {len(newest)} newest are missing; copy them there with"
            " pdsadmin blobs migrate, or set PDS_BLOBSTORE_… back; if they are lost, see what is"
            " left with pdsadmin blobs verify, and the server will start"
        )
        raise ConfigError([problem])
    if missing:
        logger.warning("%d of the newest blobs are not in %s", len(missing), store.name)
    remember_home(store)


def remember_home(store: BlobStore) -> None:
    """From now on the blobs are where ``store`` is."""
    with transaction():
        server_state.save_value(_HOME, store.name)


def _is_there(store: BlobStore, blob: OwnedBlob) -> bool:
    try:
        store.open(folder_name(blob.did), blob.cid, 0, 1).close()
    except FileNotFoundError:
        return False
    return True
