"""References to a service of somebody: a DID and the name of an entry in its document.

``did:web:api.example.com#appview``, say. The DID is of a kind that accounts and services of the
network have: did:plc, or did:web with a host alone (``localhost`` may have a port).

Spec: https://atproto.com/specs/did
"""

from __future__ import annotations

import re
from typing import Final

_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TOP_LABEL: Final = r"[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_WEB: Final = rf"(?:{_LABEL}\.)+{_TOP_LABEL}|localhost(?:%3A[0-9]{{1,5}})?"
_FRAGMENT: Final = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})+"
_SERVICE_REF: Final = re.compile(
    rf"(?=.{{1,2048}}\Z)(?:did:plc:[a-z2-7]{{24}}|did:web:(?:{_WEB}))#{_FRAGMENT}", re.ASCII
)


def is_service_ref(raw: str) -> bool:
    return _SERVICE_REF.fullmatch(raw) is not None
