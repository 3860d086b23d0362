"""MST nodes of stored repos, as the protocol library wants to read them."""

from __future__ import annotations

from pds.atproto.cid import Cid
from pds.atproto.mst.tree import BlockSource, MissingBlockError
from pds.storage import blocks


class NodeSource:
    """Reads nodes by account."""

    def reader(self, account_id: int) -> BlockSource:
        """A function from CID to node bytes; raises MissingBlockError for unknown ones."""

        def read(cid: Cid) -> bytes:
            content = blocks.find_block(account_id, cid)
            if content is None:
                raise MissingBlockError(cid)
            return content

        return read
