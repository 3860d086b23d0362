"""``/static/`` and ``/branding.css``: what pages are made of besides their HTML.

There are few and they are small, so they are read once and kept. Pages name them with a digest of
their bytes (``address``); such an address can be kept by browsers for ever, because a changed file
has another one. Without the digest, or with an old one, browsers ask each time.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, request

from pds.web import branding

if TYPE_CHECKING:
    from pds.config import Config

FOLDER = Path(__file__).resolve().parents[2] / "static"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
}
FOR_EVER = "public, max-age=31536000, immutable"
ASK_EACH_TIME = "public, no-cache"
HEADERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    # A picture that is opened by itself is a document, and SVG could hold scripts.
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    content: bytes
    content_type: str
    digest: str


class StaticFiles:
    """The files by path, ``/static/hearth.css``."""

    def __init__(self, config: Config, folder: Path = FOLDER) -> None:
        contents = {
            f"/static/{file.relative_to(folder).as_posix()}": file.read_bytes()
            for file in sorted(folder.rglob("*"))
            if file.is_file()
        }
        contents["/branding.css"] = branding.stylesheet(config).encode()
        self._files = {
            path: StaticFile(content, TYPES[Path(path).suffix], _digest(content))
            for path, content in contents.items()
        }

    def address(self, path: str) -> str:
        """The address of the file as it is now, for a page. Raises KeyError: no such file."""
        return f"{path}?v={self._files[path].digest}"

    def find(self, path: str) -> StaticFile | None:
        return self._files.get(path)


def blueprint(files: StaticFiles) -> Blueprint:
    routes = Blueprint("static_files", __name__)

    @routes.get("/branding.css")
    @routes.get("/static/<path:name>")
    def send(name: str = "") -> Response:
        file = files.find(f"/static/{name}" if name else "/branding.css")
        if file is None:
            abort(404)
        response = Response(file.content, headers=HEADERS, content_type=file.content_type)
        is_current = request.args.get("v") == file.digest
        response.headers["Cache-Control"] = FOR_EVER if is_current else ASK_EACH_TIME
        response.set_etag(file.digest)
        response.make_conditional(request)
        return response

    return routes


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
