"""The loose ``cid`` string format of Lexicons: any multibase, any codec, never version 0.

Code that needs the CID itself uses ``Cid.parse``, which is strict.

Spec: https://atproto.com/specs/lexicon#cid
"""

from __future__ import annotations

import re
from typing import Final

_CID_STRING: Final = re.compile(r"(?!Qm)[0-9A-Za-z+/=_-]{8,256}", re.ASCII)


def is_cid_string(raw: str) -> bool:
    return _CID_STRING.fullmatch(raw) is not None
