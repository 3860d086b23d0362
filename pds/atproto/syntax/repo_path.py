"""Repository paths: ``<collection>/<record key>``, the keys of the tree.

Spec: https://atproto.com/specs/repository#repo-paths
"""

from __future__ import annotations

from pds.atproto.syntax.nsid import Nsid, is_nsid
from pds.atproto.syntax.record_key import RecordKey, is_record_key


class InvalidRepoPathError(ValueError):
    """Not a collection and a record key with one slash between."""


def parse_repo_path(path: str) -> tuple[Nsid, RecordKey]:
    """Split a path into its two checked parts.

    Raises:
        InvalidRepoPathError: either part, or the number of slashes, is wrong.
    """
    collection, _, rkey = path.partition("/")
    # A second slash would be part of the record key, where no slash is allowed.
    if not is_nsid(collection) or not is_record_key(rkey):
        raise InvalidRepoPathError("not a repository path of collection and record key")
    return Nsid(collection), RecordKey(rkey)


def is_repo_path(path: str) -> bool:
    collection, _, rkey = path.partition("/")
    return is_nsid(collection) and is_record_key(rkey)
