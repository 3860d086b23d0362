"""Certificates from a real ACME server: ordered by Caddy for each handle, or by certbot."""

from __future__ import annotations

import json
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.install.acme import (
    DNS_MANAGEMENT,
    FOLDER,
    Authority,
    add_packages,
    ask_own_dns,
    serial_number,
    serve_names,
    start_authority,
    start_dns,
    until_other,
)
from tests.install.boxes import HOSTNAME, INSTALL, Box, bare_box, in_its_own_time
from tests.install.test_box_dns import NETNS, V4, public_machine
from tests.server_process import ServerProcess

pytestmark = [
    in_its_own_time,
    pytest.mark.slow,
    pytest.mark.needs_root,
    pytest.mark.xdist_group("box"),
]
AGAIN = "--yes --skip-dns-check"
SHORT_S = 45  # how long a certificate is good in a test of its renewal
CLOSED_PORT = 9
STRANGERS = 60


def add_account(box: Box, name: str) -> str:
    """The new member's handle."""
    handle = f"{name}.{HOSTNAME}"
    box.run(f"pdsadmin account create --handle {handle} --email {name}@hearth-box.org --json")
    return handle


def refused(trust: ssl.SSLContext, name: str) -> bool:
    try:
        serial_number(trust, name)
    except (ssl.SSLError, ConnectionError):
        return True
    return False


def test_caddy_orders_for_handles_and_for_nothing_else(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "directory") as directory, bare_box() as box:
        box.settings = {"PDS_DID_PLC_URL": directory.url, "PDS_CRAWLERS": ""}
        add_packages(box, "pebble dnsmasq-base python3 caddy python3-venv")
        start_dns(box)
        http = start_authority(box, 14000, tls_port=CLOSED_PORT)
        _refuses_an_authority_that_cannot_be_one(box)

        box.install(f"{INSTALL} --acme-server {http.url} --acme-root {FOLDER}/ca.pem")

        serial_number(http.trust, HOSTNAME)
        alice = add_account(box, "alice")
        before = http.orders()
        began = time.monotonic()
        serial = serial_number(http.trust, alice)
        print(f"a new handle's first answer over HTTP-01: {time.monotonic() - began:.1f} s")
        assert serial_number(http.trust, alice) == serial
        assert http.orders() == before + 1
        _orders_nothing_for_strangers(box, http)

        assert "Nothing: all is as it should be." in box.install(AGAIN)
        tls = start_authority(box, 14002, http_port=CLOSED_PORT)
        box.install(f"{AGAIN} --acme-server {tls.url} --acme-root {FOLDER}/ca.pem")
        bob = add_account(box, "bob")
        began = time.monotonic()
        serial_number(tls.trust, bob)
        print(f"a new handle's first answer over TLS-ALPN-01: {time.monotonic() - began:.1f} s")

        _renews(box)
        box.install(f"{AGAIN} --acme-server default")
        told = (box.folder / "etc/caddy/Caddyfile").read_text()
        assert "acme_ca" not in told


def _refuses_an_authority_that_cannot_be_one(box: Box) -> None:
    said = box.install(f"{INSTALL} --acme-server acme.example.org", fails=True)
    assert "--acme-server is the https address" in said
    said = box.install(
        f"{INSTALL} --acme-server staging --acme-root {FOLDER}/server.key", fails=True
    )
    assert "is no readable file with a certificate" in said


def _orders_nothing_for_strangers(box: Box, authority: Authority) -> None:
    names = [f"stranger{number}.{HOSTNAME}" for number in range(STRANGERS)]
    names += ["other.hearth-box.org", f"a.alice.{HOSTNAME}", "hearth-box.org"]
    before = authority.orders()
    began = time.monotonic()

    with ThreadPoolExecutor(20) as threads:
        assert all(threads.map(lambda name: refused(authority.trust, name), names))

    print(f"{len(names)} strange names refused in {time.monotonic() - began:.1f} s")
    gone = add_account(box, "gone")
    box.run(f"pdsadmin account deactivate {gone}")
    assert refused(authority.trust, gone)
    assert authority.orders() == before


def _renews(box: Box) -> None:
    brief = start_authority(box, 14004, valid_s=SHORT_S)
    box.install(f"{AGAIN} --acme-server {brief.url} --acme-root {FOLDER}/ca.pem")
    carol = add_account(box, "carol")
    serial = serial_number(brief.trust, carol)
    until_other(brief.trust, carol, serial, limit_s=2 * SHORT_S)
    assert not refused(brief.trust, carol)


@pytest.mark.parametrize("front", ["nginx", "apache"])
def test_certbot_gets_certificates_and_they_are_taken_up(tmp_path: Path, front: str) -> None:
    unit = "nginx" if front == "nginx" else "apache2"
    with ServerProcess(tmp_path / "directory") as directory, bare_box() as box:
        box.settings = {"PDS_DID_PLC_URL": directory.url, "PDS_CRAWLERS": ""}
        add_packages(
            box, f"pebble dnsmasq-base python3 python3-venv certbot python3-certbot-{front} {unit}"
        )
        start_dns(box)
        authority = start_authority(box, 14000)
        box.install(f"{INSTALL} --front {front}")
        alice = add_account(box, "alice")

        _certbot(box, authority, f"--webroot -w /var/www/html -d {HOSTNAME} -d {alice}")
        said = box.install(AGAIN)

        assert "write /etc/letsencrypt/renewal-hooks/deploy/hearth" in said
        serial = serial_number(authority.trust, HOSTNAME)
        assert serial_number(authority.trust, alice) == serial
        assert refused(authority.trust, f"bob.{HOSTNAME}")
        assert "Nothing: all is as it should be." in box.install(AGAIN)
        box.run(
            _with_trust("certbot renew --force-renewal --no-random-sleep-on-renew"), limit_s=120
        )
        until_other(authority.trust, HOSTNAME, serial)

        _gets_a_wildcard(box, authority, unit)
        _doctor_sees_that_it_has_expired(box, unit)


def _with_trust(command: str) -> str:
    return f"REQUESTS_CA_BUNDLE={FOLDER}/ca.pem {command} 2>&1"


def _certbot(box: Box, authority: Authority, how: str) -> None:
    command = (
        f"certbot certonly --non-interactive --agree-tos --email op@hearth-box.org"
        f" --cert-name {HOSTNAME} --server {authority.url} {how}"
    )
    box.run(_with_trust(command), limit_s=120)


def _gets_a_wildcard(box: Box, authority: Authority, unit: str) -> None:
    hook = box.folder / "root/acme/set-txt"
    hook.write_text(
        "#!/usr/bin/python3\nimport json, os, urllib.request\n"
        "record = {'host': f\"_acme-challenge.{os.environ['CERTBOT_DOMAIN']}.\","
        " 'value': os.environ['CERTBOT_VALIDATION']}\n"
        f"urllib.request.urlopen('{DNS_MANAGEMENT}/set-txt', json.dumps(record).encode())\n"
    )
    hook.chmod(0o755)
    serial = serial_number(authority.trust, HOSTNAME)
    _certbot(
        box,
        authority,
        f"--manual --preferred-challenges dns --manual-auth-hook {FOLDER}/set-txt"
        f" -d {HOSTNAME} -d '*.{HOSTNAME}' --deploy-hook 'systemctl reload {unit}'",
    )
    until_other(authority.trust, HOSTNAME, serial)
    assert not refused(authority.trust, f"bob.{HOSTNAME}")


def _doctor_sees_that_it_has_expired(box: Box, unit: str) -> None:
    brief = start_authority(box, 14002, valid_s=3)
    _certbot(
        box,
        brief,
        f"--webroot -w /var/www/html -d {HOSTNAME} --deploy-hook 'systemctl reload {unit}'",
    )
    brief.become_public()
    time.sleep(4)
    box.stop()
    with public_machine():  # the doctor looks at names that lead to the world alone
        box.boot(NETNS)
        try:
            serve_names(box, V4)
            ask_own_dns(box, V4)
            told = box.attempt("pdsadmin doctor --json", limit_s=120).stdout
        finally:
            box.stop()

    found = {finding["name"]: finding for finding in json.loads(told)["findings"]}
    assert found["certificate-expired"]["outcome"] == "bad"
    assert f"the certificate of {HOSTNAME} has expired" in told
