"""``curl … | bash``: a release over HTTPS on a bare machine, and what can go wrong on the way."""

from __future__ import annotations

import hashlib
import http.server
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fakes.mail_server import make_certificate
from tests.install.boxes import INSTALL, Box, bare_box, in_its_own_time
from tests.install.releasing import ADDRESS, Repository

pytestmark = [
    in_its_own_time,
    pytest.mark.slow,
    pytest.mark.needs_root,
    pytest.mark.xdist_group("box"),
]
HOST, PORT = "releases.hearth-box.org", 8443
OPTIONS = f"{INSTALL} --tls internal"
UPDATE = "--yes --skip-dns-check"
NOTHING = "Nothing: all is as it should be."


class Shelf(http.server.SimpleHTTPRequestHandler):
    """Files of a folder; the first part of a path says what goes wrong."""

    is_over = threading.Event()

    def do_GET(self) -> None:
        way, _, rest = self.path.lstrip("/").partition("/")
        if way == "plain":
            self.send_response(302)
            self.send_header("Location", f"http://{HOST}:8080/{rest}")
            self.end_headers()
        elif way in ("cut", "stalls"):
            content = Path(self.directory, "first", rest).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[:1000])
            self.wfile.flush()
            if way == "stalls":
                self.is_over.wait(60)
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    """Says nothing of clients that have no room for what they asked for."""

    def handle_error(self, *_: object) -> None:
        pass


@contextmanager
def shelf(folder: Path, certificates: Path) -> Iterator[None]:
    def handler(*what: object) -> Shelf:
        return Shelf(*what, directory=str(folder))  # type: ignore[arg-type]

    server = Server(("127.0.0.1", PORT), handler)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        Shelf.is_over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def test_release_is_installed_updated_and_removed_from_a_pipe(tmp_path: Path) -> None:
    certificates, files = make_certificate(tmp_path, HOST), tmp_path / "shelf"
    repository = Repository(tmp_path / "checkout")
    archive = repository.release(files / "first", f"{ADDRESS}/first")
    page = repository.folder / "docs/install.md"
    page.write_text(f"{page.read_text()}\nMore.\n")
    repository.commit()
    repository.release(files / "second", f"{ADDRESS}/second")
    with bare_box() as box, shelf(files, certificates):
        box.settings = {"PDS_DID_PLC_URL": "http://127.0.0.1:9", "PDS_CRAWLERS": ""}
        box.run(
            "apt-get update -q && apt-get install -qy --no-install-recommends curl", limit_s=300
        )
        box.run(f"echo 127.0.0.1 {HOST} >>/etc/hosts")
        _certificate_must_be_trusted(box)
        with (box.folder / "etc/ssl/certs/ca-certificates.crt").open("a") as trusted:
            trusted.write((certificates / "ca.pem").read_text())
        _refuses(box, files, archive)
        _asks_at_a_terminal(box)

        said = pipe(box, "first", OPTIONS)
        assert "Hearth runs at https://" in said
        assert NOTHING in pipe(box, "first", UPDATE)
        _is_what_a_checkout_installs(box)
        first = box.run("readlink /opt/hearth/current")

        said = pipe(box, "second", UPDATE)
        assert "try the new version in its place" in said
        assert box.run("readlink /opt/hearth/previous") == first
        assert box.run("ls -d /tmp/hearth*") == "/tmp/hearth-install-old\n"

        box.run("rm -rf /root/hearth")
        said = box.run("cd / && /opt/hearth/current/install.sh server --uninstall --yes 2>&1")
        assert "The data is untouched in /pds" in said
        box.run("ls -d /opt/hearth /usr/local/bin/pdsadmin", fails=True)
        assert "Hearth runs at https://" in pipe(box, "second", OPTIONS)


def pipe(box: Box, where: str, options: str, *, fails: bool = False, setting: str = "") -> str:
    """What an operator types; ``where`` is the folder of the release."""
    fetched = f"curl -fsS {ADDRESS}/{where}/install.sh"
    return box.run(
        f"set -o pipefail; cd /; {fetched} | {setting} bash -s -- {options} 2>&1",
        fails=fails,
        limit_s=600,
    )


def _certificate_must_be_trusted(box: Box) -> None:
    said = box.run(f"curl -fsS {ADDRESS}/first/install.sh", fails=True)
    assert "certificate" in said
    script = f"curl -kfsS {ADDRESS}/first/install.sh | bash -s -- --yes 2>&1"
    assert "the certificate of https://" in box.run(f"set -o pipefail; {script}", fails=True)


def _refuses(box: Box, files: Path, archive: Path) -> None:
    """Whatever comes that is not the release, nothing is done with it."""
    before = box.file_list()
    box.run("mkdir -p /tmp/hearth-install-old/hearth /mnt/full")
    box.run("mount -t tmpfs -o size=64k tmpfs /mnt/full")
    text = (files / "first/install.sh").read_text()
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()

    def named(way: str, digest: str = digest) -> str:
        return f"HEARTH_RELEASE='{ADDRESS}/{way}/{archive.name}#sha256={digest}'"

    for setting, words in {
        named("first", "0" * 64): "is not what was expected",
        named("plain"): "leads to an address without TLS",
        named("cut"): "could not be fetched",
        named("stalls"): "sends nothing",
        named("nowhere"): "could not be fetched",
        "TMPDIR=/mnt/full": "there is no room in /mnt/full",
    }.items():
        said = pipe(box, "first", OPTIONS, fails=True, setting=setting)
        assert "install.sh: " in said
        assert words in said, said
    (files / "half").mkdir()
    for length in (200, len(text) // 2, text.rindex('"$@"')):
        (files / "half/install.sh").write_text(text[:length])
        box.attempt(f"curl -fsS {ADDRESS}/half/install.sh | bash -s -- {OPTIONS}")
    (files / "half" / archive.name).write_bytes(archive.read_bytes()[:5000])
    said = pipe(box, "first", OPTIONS, fails=True, setting=named("half"))
    assert "or not all of it" in said
    assert "missing" in pipe(box, "first", "", fails=True)
    assert box.file_list() == before
    assert box.run("ls -d /tmp/hearth* /mnt/full/*; true") == "/tmp/hearth-install-old\n"


def _asks_at_a_terminal(box: Box) -> None:
    """Questions are answered at the terminal, although the script is on standard input."""
    typed = "pds.hearth-box.org\\nop@hearth-box.org\\nnone\\nnone\\nn\\n"
    command = f"curl -fsS {ADDRESS}/first/install.sh | bash -s -- --skip-dns-check"
    said = box.run(
        f"(sleep 3; printf '{typed}'; sleep 20) | script -qec '{command}' /dev/null", fails=True
    )
    assert "https://pds.hearth-box.org, members' handles below it" in said
    assert "write /pds/pds.env" in said
    assert "Go on?" in said
    assert "nothing was done" in said
    assert not (box.folder / "pds").exists()


def _is_what_a_checkout_installs(box: Box) -> None:
    assert NOTHING in box.install(UPDATE)
