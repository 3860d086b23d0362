"""Is the certificate of the public name one that everybody believes, and for how long?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pds.network.tls_probe import Certificate, Flaw, TlsFailedError
from pds.services.doctor.dns import LANE
from pds.services.doctor.model import Check, Finding, Patient, all_well

HTTPS: Final = 443
_ANSWERS_WITHIN_S: Final = 15.0  # Caddy may be ordering the certificate just now
_DAY_US: Final = 86_400_000_000
_WARN_DAYS: Final = 14
_FROM_HERE: Final = (
    "open ports 80 and 443 and start the front server; if the site opens elsewhere, your router"
    " does not lead back in: docs/troubleshooting.md#public-name-unreachable"
)
_RENEW: Final = (
    "see the front server's log for why it was not renewed: sudo journalctl -u caddy;"
    " docs/troubleshooting.md#certificate-expired"
)
_FLAWS: Final[dict[Flaw, tuple[str, str, str]]] = {
    "expired": ("certificate-expired", "has expired", _RENEW),
    "not yet valid": (
        "certificate-expired",
        "is not valid yet",
        "set this machine's clock: timedatectl set-ntp true",
    ),
    "other name": (
        "certificate-name",
        "is for another name",
        "have the front server get one for this name: docs/troubleshooting.md#certificate-name",
    ),
    "self-signed": (
        "certificate-untrusted",
        "is signed by itself, so no other server believes it",
        "have the front server get one from Let's Encrypt or another public authority",
    ),
    "unknown authority": (
        "certificate-untrusted",
        "comes from an authority that others do not know, or lacks the one between",
        "serve the full chain (fullchain.pem) of a public authority",
    ),
}


def _look(patient: Patient) -> Sequence[Finding]:
    host = patient.config.hostname
    try:
        shown = patient.outside.certificates.look(host, HTTPS, _ANSWERS_WITHIN_S)
    except TlsFailedError as error:
        found = f"https://{host} cannot be reached from here: {error}"
        return [Finding("public-name-unreachable", "bad", found, _FROM_HERE)]
    if shown.flaw is not None:
        name, what, remedy = _FLAWS[shown.flaw]
        found = f"the certificate of {host} {what}{_whose(shown)}"
        return [Finding(name, "bad", found, remedy)]
    days = (shown.expires_at_us - patient.clock()) // _DAY_US
    if days < _WARN_DAYS:
        found = f"the certificate of {host} expires in {days} days"
        return [Finding("certificate-expiring", "warn", found, _RENEW)]
    return all_well("certificate", f"of {host}, good for {days} days")


def _whose(shown: Certificate) -> str:
    if shown.flaw != "other name":
        return ""
    return f" ({', '.join(shown.names[:3]) or 'none'})"


CHECK = Check(
    "certificate",
    _look,
    limit_s=45.0,
    findings=(
        "public-name-unreachable",
        "certificate-expired",
        "certificate-name",
        "certificate-untrusted",
        "certificate-expiring",
    ),
    after=("server", "dns"),
    lane=LANE,
    public=True,
)
