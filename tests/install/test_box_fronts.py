"""install.sh where nginx or Apache has ports 80 and 443: Hearth becomes one more site, if asked."""

from __future__ import annotations

import io
import json
import shutil
import ssl
import urllib.error
import urllib.request
from pathlib import Path

import cbor2
import pytest
from websockets.sync.client import connect

from tests.fakes.mail_server import make_certificate
from tests.install.boxes import HOSTNAME, INSTALL, Box, bare_box, in_its_own_time, names_lead_here
from tests.server_process import ServerProcess

pytestmark = [
    in_its_own_time,
    pytest.mark.slow,
    pytest.mark.needs_root,
    pytest.mark.xdist_group("box"),
]
CERTIFICATE = "--certificate /etc/ssl/box/server.pem --certificate-key /etc/ssl/box/server.key"
SITES = {
    "nginx": "/etc/nginx/sites-enabled/hearth.conf",
    "apache2": "/etc/apache2/sites-enabled/hearth.conf",
}


def test_nginx_and_apache_keep_their_ports_and_get_a_site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates = make_certificate(tmp_path, HOSTNAME)
    trust = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
    with (
        ServerProcess(tmp_path / "directory") as directory,
        bare_box() as box,
        names_lead_here(monkeypatch),
    ):
        box.settings = {"PDS_DID_PLC_URL": directory.url, "PDS_CRAWLERS": ""}
        shutil.copytree(certificates, box.folder / "etc/ssl/box")
        _add(box, "nginx")
        _refuses_the_data_of_another_server(box)
        before = box.run("find /etc/nginx -printf '%p %T@ %l\\n'")

        said = box.install(INSTALL)

        assert "To have it written: --front nginx" in said
        assert f"server_name {HOSTNAME} *.{HOSTNAME};" in said
        assert box.run("find /etc/nginx -printf '%p %T@ %l\\n'") == before
        assert box.run("systemctl is-active pds nginx") == "active\nactive\n"
        said = box.install(f"{INSTALL} --front caddy", fails=True)
        assert "port 80 is taken by nginx" in said

        _refuses_a_site_that_fails(box)
        box.install(f"{INSTALL} --front nginx {CERTIFICATE}")
        _serves(trust, box, "alice")
        assert "Nothing: all is as it should be." in box.install("--yes --skip-dns-check")
        _leaves_changes_by_hand(box)
        _sees_who_sleeps(box)

        box.run("systemctl disable --now nginx")
        _takes_over_from_nginx(box)
        _add(box, "apache2")
        box.install(f"{INSTALL} --front apache {CERTIFICATE}", fails=False)
        _serves(trust, box, "bob")
        assert not (box.folder / SITES["nginx"][1:]).is_symlink()
        assert "Nothing: all is as it should be." in box.install("--yes --skip-dns-check")

        box.run("systemctl disable --now apache2")
        _leaves_a_caddy_alone(box)

        box.install("--uninstall --yes")
        for site in SITES.values():
            assert not (box.folder / site[1:]).is_symlink()
        assert "Syntax OK" in box.run("apache2ctl configtest 2>&1")
        assert "syntax is ok" in box.run("nginx -t 2>&1")


def _leaves_changes_by_hand(box: Box) -> None:
    """Also when something else has to be in the file now; a deleted one is written anew."""
    site = box.folder / "etc/nginx/sites-available/hearth.conf"
    written = site.read_text()
    changed = written.replace("# Hearth has limits", "# mine\n    # Hearth has limits")
    site.write_text(changed)
    other = CERTIFICATE.replace("server.key", "other.key")
    box.run("cp /etc/ssl/box/server.key /etc/ssl/box/other.key")

    said = box.install(f"--yes --skip-dns-check {other}")

    assert f"/{site.relative_to(box.folder)} was changed by hand and stays as it is" in said
    assert site.read_text() == changed
    wanted = (box.folder / "opt/hearth/site-nginx").read_text()
    assert wanted == written.replace("server.key", "other.key")
    site.unlink()
    box.install("--yes --skip-dns-check")
    assert site.read_text() == wanted


def _sees_who_sleeps(box: Box) -> None:
    box.run("systemctl stop nginx")

    said = box.install("--yes --skip-dns-check --front caddy", fails=True)

    assert "nginx is stopped but starts with this machine" in said
    assert "write /etc/nginx" not in box.install("--yes --skip-dns-check")
    assert box.run("systemctl is-active nginx") == "active\n"


def _takes_over_from_nginx(box: Box) -> None:
    box.install("--yes --skip-dns-check --front caddy --tls internal")

    assert not (box.folder / SITES["nginx"][1:]).is_symlink()
    told = (box.folder / "etc/caddy/Caddyfile").read_text()
    assert f"{HOSTNAME}, *.{HOSTNAME} {{" in told
    assert box.run("systemctl is-active caddy") == "active\n"
    assert "Nothing: all is as it should be." in box.install("--yes --skip-dns-check")
    box.run("systemctl stop caddy")


def _add(box: Box, package: str) -> None:
    box.run(
        "apt-get -qq update && apt-get -qq install -y --no-install-recommends"
        f" {package} >/dev/null 2>&1 && systemctl is-active {package}",
        limit_s=300,
    )


def _refuses_the_data_of_another_server(box: Box) -> None:
    box.run("mkdir -p /pds/actors")

    said = box.install(INSTALL, fails=True)

    assert "/pds holds the data of another PDS" in said
    assert box.run("ls /pds /opt") == "/opt:\n\n/pds:\nactors\n"
    box.run("rm -r /pds")


def _leaves_a_caddy_alone(box: Box) -> None:
    _add(box, "caddy")
    file = box.folder / "etc/caddy/Caddyfile"
    file.write_text("{\n\tskip_install_trust\n}\nblog.hearth-box.org {\n\ttls internal\n}\n")
    box.run("systemctl reload caddy")
    before = file.read_text()
    box.run("sed -i /^front=/d /opt/hearth/answers")  # as if it had not been there before

    said = box.install("--yes --skip-dns-check")
    assert "Caddy is here with a configuration of your own" in said
    assert f"{HOSTNAME}, *.{HOSTNAME} {{" in said
    assert "Written by" not in said
    refused = box.install("--yes --skip-dns-check --front caddy", fails=True)

    assert "/etc/caddy/Caddyfile is one of your own" in refused
    assert file.read_text() == before


def _refuses_a_site_that_fails(box: Box) -> None:
    """Here because the certificate is none."""
    box.run("echo none >/etc/ssl/box/none.pem")
    wrong = "--certificate /etc/ssl/box/none.pem --certificate-key /etc/ssl/box/server.key"

    said = box.install(f"{INSTALL} --front nginx {wrong}", fails=True)

    assert "it was taken out again and nginx runs as before" in said
    assert "syntax is ok" in box.run("nginx -t 2>&1")
    missing = "--certificate /etc/ssl/box/gone.pem --certificate-key /etc/ssl/box/server.key"
    said = box.install(f"{INSTALL} --front nginx {missing}", fails=True)
    assert "the certificate /etc/ssl/box/gone.pem cannot be read" in said


def _serves(trust: ssl.SSLContext, box: Box, name: str) -> None:
    made = box.run(
        f"pdsadmin account create --handle {name}.{HOSTNAME} --email {name}@hearth-box.org --json"
    )
    did = json.loads(made)["did"]
    base = f"https://{HOSTNAME}"
    resolve = f"{base}/xrpc/com.atproto.identity.resolveHandle?handle={name}.{HOSTNAME}"
    with urllib.request.urlopen(resolve, timeout=20, context=trust) as reply:
        assert json.loads(reply.read()) == {"did": did}
    with urllib.request.urlopen(f"{base}/.well-known/did.json", timeout=20, context=trust) as reply:
        assert json.loads(reply.read())["id"] == f"did:web:{HOSTNAME}"
    firehose = f"wss://{HOSTNAME}/xrpc/com.atproto.sync.subscribeRepos?cursor=0"
    with connect(firehose, ssl=trust, open_timeout=20) as stream:
        assert cbor2.load(io.BytesIO(stream.recv(20, decode=False)))["t"] == "#identity"
    _sends_large_bodies(trust, base)
    plain = urllib.request.build_opener(_NoRedirect)
    with pytest.raises(urllib.error.HTTPError) as moved:
        plain.open(f"http://{HOSTNAME}/xrpc/_health", timeout=20)
    assert (moved.value.code, moved.value.headers["Location"]) == (301, f"{base}/xrpc/_health")
    moved.value.close()


def _sends_large_bodies(trust: ssl.SSLContext, base: str) -> None:
    """The front server has no limit of its own: whoever answers is Hearth."""
    url = f"{base}/xrpc/com.atproto.repo.uploadBlob"
    head = {"Content-Type": "image/png"}
    request = urllib.request.Request(url, data=bytes(8_000_000), headers=head, method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30, context=trust)
    with refused.value:
        assert json.loads(refused.value.read())["error"] == "AuthMissing"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None
