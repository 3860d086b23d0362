"""An authority of our own that gives out certificates, good ones and others."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pds.network.guarded_sockets import guard_tls

_PEM = serialization.Encoding.PEM


class Issuer:
    """``client()`` believes what ``server(…)`` shows, if nothing else is wrong with it."""

    def __init__(self, directory: Path, name: str = "Test authority") -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        authority = (
            self._builder(self._name, self._key.public_key(), self._name, days=3_650)
            .not_valid_before(_from_now(-100))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self._file = directory / "authority.pem"
        self._file.write_bytes(authority.public_bytes(_PEM))

    def client(self) -> ssl.SSLContext:
        return guard_tls(ssl.create_default_context(cafile=str(self._file)))

    def server(
        self, *names: str, days: float = 60, age_days: float = 100, self_signed: bool = False
    ) -> ssl.SSLContext:
        """days: until its end, which may be over. age_days: since its beginning."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(names[0])
        issuer = subject if self_signed else self._name
        certificate = (
            self._builder(subject, key.public_key(), issuer, days=days)
            .not_valid_before(_from_now(-age_days))
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False
            )
            .sign(key if self_signed else self._key, hashes.SHA256())
        )
        file = self._directory / "server.pem"
        private = key.private_bytes(
            _PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(private + certificate.public_bytes(_PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, issuer: x509.Name, *, days: float
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_after(_from_now(days))
        )


def _from_now(days: float) -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
