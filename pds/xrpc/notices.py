"""What a reply without a body tells the member all the same.

The methods that send a code have no output in the Lexicon, and the official client refuses a reply
that has a body where none is declared. So the text goes into a header, which programs that do not
know it pass over.
"""

from __future__ import annotations

from pds.xrpc.method import NoBody

HEADER = "Hearth-Notice"


def told(hint: str) -> NoBody:
    """An empty reply with ``hint`` for the member."""
    return NoBody({HEADER: hint.encode("ascii", "replace").decode("ascii")})
