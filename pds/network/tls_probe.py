"""What certificate a server shows, and whether a client would believe it."""

from __future__ import annotations

import errno
import ssl
from dataclasses import dataclass
from typing import Final, Literal

from cryptography import x509

from pds.errors import PdsError
from pds.network.guarded_sockets import Connector, RefusedAddress, Resolve

Flaw = Literal["expired", "not yet valid", "other name", "self-signed", "unknown authority"]

_US: Final = 1_000_000
# OpenSSL's X509_V_ERR_…
_FLAWS: Final[dict[int, Flaw]] = {
    9: "not yet valid",
    10: "expired",
    18: "self-signed",
    19: "unknown authority",
    20: "unknown authority",
    21: "unknown authority",
    62: "other name",
}


class TlsFailedError(PdsError):
    """No TLS connection came about; the message says why.

    is_reached: somebody took the connection, and had no TLS for us.
    """

    def __init__(self, message: str, *, is_reached: bool = False) -> None:
        super().__init__(message)
        self.is_reached = is_reached


@dataclass(frozen=True, slots=True)
class Certificate:
    """flaw: why clients do not believe it; None when they do. Times: Unix microseconds.

    names: those it is for.
    """

    names: tuple[str, ...]
    issuer: str
    begins_at_us: int
    expires_at_us: int
    flaw: Flaw | None


class TlsProbe:
    """Shakes hands and hangs up. tls: whom to believe."""

    def __init__(self, tls: ssl.SSLContext, resolve: Resolve) -> None:
        self._tls = tls
        self._connector = Connector(allow_private=True, resolve=resolve)

    def look(self, host: str, port: int, timeout_s: float) -> Certificate:
        """The certificate that ``host`` shows.

        Raises:
            TlsFailedError: it is not reached, or does not speak TLS.
        """
        try:
            return _read(self._shake_hands(host, port, timeout_s, self._tls), None)
        except ssl.SSLCertVerificationError as error:
            flaw = _FLAWS.get(error.verify_code, "unknown authority")
        lenient = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        lenient.check_hostname = False
        lenient.verify_mode = ssl.CERT_NONE
        return _read(self._shake_hands(host, port, timeout_s, lenient), flaw)

    def reaches(self, address: str, port: int, timeout_s: float) -> bool | None:
        """Whether something listens there; None when this machine has no way to such addresses."""
        try:
            self._connector.connect(address, port, timeout_s).close()
        except OSError as error:
            no_way = (errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
            return None if error.errno in no_way else False
        return True

    def _shake_hands(self, host: str, port: int, timeout_s: float, tls: ssl.SSLContext) -> bytes:
        try:
            plain = self._connector.connect(host, port, timeout_s)
        except (OSError, RefusedAddress) as error:
            reason = str(error) or type(error).__name__
            raise TlsFailedError(f"no connection to port {port} ({reason})") from error
        plain.settimeout(timeout_s)
        try:
            with plain, tls.wrap_socket(plain, server_hostname=host) as secured:
                return secured.getpeercert(binary_form=True) or b""
        except ssl.SSLCertVerificationError:
            raise
        except OSError as error:  # ssl.SSLError is one
            reason = getattr(error, "reason", None) or str(error) or type(error).__name__
            message = f"it does not speak TLS as we do ({reason})"
            raise TlsFailedError(message, is_reached=True) from error


def _read(der: bytes, flaw: Flaw | None) -> Certificate:
    found = x509.load_der_x509_certificate(der)
    try:
        extension = found.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = tuple(extension.value.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        names = ()
    begins, ends = found.not_valid_before_utc, found.not_valid_after_utc
    return Certificate(
        names,
        found.issuer.rfc4514_string(),
        int(begins.timestamp()) * _US,
        int(ends.timestamp()) * _US,
        flaw,
    )
