from __future__ import annotations

import re
from pathlib import Path

import pytest

from pds.web.static_files import FOLDER, StaticFiles
from tests.factories import make_config
from tests.web.harness import Running

ADDRESSES = ["/static/hearth.css", "/static/hearth.js", "/static/icon.svg", "/branding.css"]


@pytest.fixture
def files(tmp_path: Path) -> StaticFiles:
    return StaticFiles(make_config(tmp_path))


def current(web: Running, path: str) -> str:
    """The address that pages have for the file."""
    found = re.search(rf'"({path}\?v=[0-9a-f]+)"', web.get("/", Accept="text/html").body.decode())
    assert found
    return found[1]


def test_static_files_have_their_type(web: Running) -> None:
    types = {path: web.get(path).headers["Content-Type"] for path in ADDRESSES}

    assert types == {
        "/static/hearth.css": "text/css; charset=utf-8",
        "/static/hearth.js": "text/javascript; charset=utf-8",
        "/static/icon.svg": "image/svg+xml; charset=utf-8",
        "/branding.css": "text/css; charset=utf-8",
    }


@pytest.mark.parametrize("path", ADDRESSES)
def test_address_with_the_digest_may_be_kept_for_ever(web: Running, path: str) -> None:
    answer = web.get(current(web, path))

    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("query", ["", "?v=", "?v=0123456789abcdef"])
def test_other_addresses_are_asked_for_each_time(web: Running, query: str) -> None:
    answer = web.get("/static/hearth.css" + query)

    assert answer.headers["Cache-Control"] == "public, no-cache"
    again = web.get("/static/hearth.css" + query, If_None_Match=answer.headers["ETag"])
    assert (again.status, again.body) == (304, b"")


def test_bytes_are_those_of_the_file(web: Running) -> None:
    assert web.get("/static/hearth.css").body == (FOLDER / "hearth.css").read_bytes()


def test_head_sends_no_body(web: Running) -> None:
    answer = web.request("HEAD", "/static/hearth.css")

    assert answer.body == b""
    assert answer.headers["Content-Length"] == str((FOLDER / "hearth.css").stat().st_size)


@pytest.mark.parametrize("file", ["../app.py", "%2e%2e/app.py", "/etc/passwd", "", "hearth.css/x"])
def test_static_route_does_not_leave_its_folder(web: Running, file: str) -> None:
    raw = web.exchange(f"GET /static/{file} HTTP/1.1\r\nHost: a\r\n\r\n".encode())

    assert raw.startswith(b"HTTP/1.1 404 ")


def test_changed_file_has_another_address(tmp_path: Path) -> None:
    folder = tmp_path / "static"
    folder.mkdir()
    addresses = set()
    for content in ("a{}", "b{}"):
        (folder / "x.css").write_text(content)
        addresses.add(StaticFiles(make_config(tmp_path), folder).address("/static/x.css"))

    assert len(addresses) == 2


def test_changed_branding_has_another_address(tmp_path: Path, files: StaticFiles) -> None:
    other = StaticFiles(make_config(tmp_path, primary_color="#123456"))

    assert other.address("/branding.css") != files.address("/branding.css")


def test_file_that_is_not_there_is_noticed_when_the_page_is_made(files: StaticFiles) -> None:
    with pytest.raises(KeyError):
        files.address("/static/none.css")
