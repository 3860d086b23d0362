"""Looking at the certificate that a server shows."""

from __future__ import annotations

import datetime
import socket
import ssl
from pathlib import Path

import pytest

from pds.network.guarded_sockets import Address
from pds.network.tls_probe import TlsFailedError, TlsProbe
from tests.fakes.certificates import Issuer
from tests.fakes.web_server import web_server

HOST = "pds.example.com"
LIMIT_S = 5.0


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    return Issuer(tmp_path)


def test_a_good_certificate_is_told_with_its_end(issuer: Issuer) -> None:
    with web_server(issuer.server(HOST, days=20)) as server:
        found = TlsProbe(issuer.client(), server.resolve).look(HOST, 443, LIMIT_S)

    assert (found.names, found.flaw) == ((HOST,), None)
    ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=20)
    assert abs(found.expires_at_us / 1e6 - ends.timestamp()) < 60
    assert found.issuer == "CN=Test authority"


@pytest.mark.parametrize(
    ("name", "days", "self_signed", "flaw"),
    [
        (HOST, -1, False, "expired"),
        ("other.example.com", 20, False, "other name"),
        (HOST, 20, True, "self-signed"),
    ],
)
def test_flaws_are_told_apart(
    issuer: Issuer, name: str, days: int, self_signed: bool, flaw: str
) -> None:
    with web_server(issuer.server(name, days=days, self_signed=self_signed)) as server:
        found = TlsProbe(issuer.client(), server.resolve).look(HOST, 443, LIMIT_S)

    assert (found.names, found.flaw) == ((name,), flaw)


def test_an_authority_nobody_knows_is_told(issuer: Issuer) -> None:
    stranger = ssl.create_default_context()
    with web_server(issuer.server(HOST)) as server:
        found = TlsProbe(stranger, server.resolve).look(HOST, 443, LIMIT_S)

    assert found.flaw == "unknown authority"


def test_plain_http_is_no_tls(issuer: Issuer) -> None:
    with web_server() as server, pytest.raises(TlsFailedError, match="does not speak TLS"):
        TlsProbe(issuer.client(), server.resolve).look(HOST, 443, LIMIT_S)


def test_nobody_there_is_told(issuer: Issuer) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]

    def resolve(_host: str, _port: int) -> list[Address]:
        return [(socket.AF_INET, ("127.0.0.1", port))]

    with pytest.raises(TlsFailedError, match="no connection to port 443"):
        TlsProbe(issuer.client(), resolve).look(HOST, 443, LIMIT_S)
