"""Find Lexicon documents by NSID, reading each from disk when it is first asked for.

The documents are package data of ``lexrpc``. That package is located, never imported: importing it
costs 130 ms and 29 MB. This is the one place in ``pds.atproto`` that touches the disk, and what it
reads is installed and constant.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pds.atproto.lexicon.document import check_document
from pds.atproto.syntax.nsid import is_nsid

Document = dict[str, Any]


class Catalog:
    """Lexicon documents by NSID: those given, then those below ``folder``."""

    def __init__(self, documents: Mapping[str, Document], *, folder: Path | None = None) -> None:
        self._documents: dict[str, Document] = dict(documents)
        self._folder = folder

    @classmethod
    def installed(cls) -> Catalog:
        """The documents that came with the installed package.

        Raises:
            LookupError: the package is not installed.
        """
        spec = importlib.util.find_spec("lexrpc")
        if spec is None or not spec.submodule_search_locations:
            raise LookupError("the package lexrpc, which carries the Lexicons, is not installed")
        return cls({}, folder=Path(spec.submodule_search_locations[0]) / "lexicons")

    def find(self, nsid: str) -> Document | None:
        """Return the document, shared and not to be changed, or None when there is none.

        Misses are not remembered: names come from strangers and would pile up.
        """
        document = self._documents.get(nsid)
        if document is None and self._folder is not None and is_nsid(nsid):
            document = _read(self._folder, nsid)
            if document is not None:
                self._documents[nsid] = document
        return document

    @staticmethod
    def check_document(document: Any) -> None:
        """Check a Lexicon document, such as a ``com.atproto.lexicon.schema`` record.

        Raises:
            LexiconError: it breaks a rule; the message says which and where.
        """
        check_document(document)


def _read(folder: Path, nsid: str) -> Document | None:
    """Read ``a/b/c.json``, or ``a/b/c/c.json`` where an author keeps a folder per subject.

    The id inside decides, because some file systems do not tell ``feedPost`` from ``feedpost``.
    """
    path = folder.joinpath(*nsid.split("."))
    for candidate in (path.with_name(path.name + ".json"), path / (path.name + ".json")):
        try:
            document = json.loads(candidate.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            continue
        if isinstance(document, dict) and document.get("id") == nsid:
            return document
    return None
