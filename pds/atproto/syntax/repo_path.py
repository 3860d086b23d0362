"""Repository paths: ``<collection>/<record key>``, the keys of the tree.

Spec: https://atproto.com/specs/repository#repo-paths
"""

from __future__ import annotations

from pds.atproto.syntax.nsid import is_nsid
from pds.atproto.syntax.record_key import is_record_key


def is_repo_path(path: str) -> bool:
    collection, _, rkey = path.partition("/")
    # A second slash would be part of the record key, where no slash is allowed.
    return is_nsid(collection) and is_record_key(rkey)
