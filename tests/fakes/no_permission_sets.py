"""Where no permission set is to be found: what includes one is refused."""

from __future__ import annotations

from collections.abc import Mapping

from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.atproto.oauth.scopes.permission_set import PermissionSet


class NoPermissionSets:
    def of(self, _scopes: ScopeSet) -> Mapping[str, PermissionSet]:
        return {}
