"""Is the certificate of the public name one that everybody believes, and for how long?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pds.network.dns_addresses import DnsError, DnsFailedError
from pds.network.tls_probe import Certificate, Flaw, TlsFailedError
from pds.services.doctor.dns import LANE
from pds.services.doctor.model import Check, Finding, Outcome, Patient, all_well

HTTPS: Final = 443
_ANSWERS_WITHIN_S: Final = 15.0  # Caddy may be ordering the certificate just now
_NAME_SERVERS_WITHIN_S: Final = 5.0
_DAY_US: Final = 86_400_000_000
_HOUR_US: Final = _DAY_US // 24
_WARN_US: Final = 14 * _DAY_US
_SHARE: Final = 6  # they are renewed when a third of their time is left
_FROM_HERE: Final = (
    "open ports 80 and 443 and start the front server; if the site opens elsewhere, your router"
    " does not lead back in: docs/troubleshooting.md#public-name-unreachable"
)
_RENEW: Final = (
    "see why it was not renewed: sudo journalctl -u caddy (where certbot does it, behind nginx or"
    " Apache: sudo certbot renew); docs/troubleshooting.md#certificate-expired"
)
_WHY_NONE: Final = (
    "its log says why it has none (sudo journalctl -u caddy); to get one it must be reached from"
    " outside on ports 80 and 443: docs/troubleshooting.md#certificate-missing"
)
_LETS_ENCRYPT: Final = "letsencrypt.org"
_CADDYS_OWN: Final = "Caddy Local Authority"
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
        if error.is_reached:
            found = f"the front server shows no certificate for {host}: {error}"
            missing = Finding("certificate-missing", "bad", found, _WHY_NONE)
            return [_forbidden(patient, "bad") or missing]
        found = f"https://{host} cannot be reached from here: {error}"
        return [Finding("public-name-unreachable", "bad", found, _FROM_HERE)]
    if shown.flaw is not None:
        return [_flawed(patient, shown, shown.flaw)]
    left_us = shown.expires_at_us - patient.clock()
    days = left_us // _DAY_US
    if left_us < _due_us(shown):
        left = f"{days} days" if days else f"{left_us // _HOUR_US} hours"
        found = f"the certificate of {host} expires in {left}"
        expiring = Finding("certificate-expiring", "warn", found, _RENEW)
        return [_keeps_from_renewing(patient, shown, "warn") or expiring]
    return all_well("certificate", f"of {host}, good for {days} days")


def _due_us(shown: Certificate) -> int:
    """How long before its end it should have been renewed: some live for six days only."""
    return min(_WARN_US, (shown.expires_at_us - shown.begins_at_us) // _SHARE)


def _flawed(patient: Patient, shown: Certificate, flaw: Flaw) -> Finding:
    name, what, remedy = _FLAWS[flaw]
    if flaw == "expired":
        forbidden = _keeps_from_renewing(patient, shown, "bad")
        if forbidden is not None:
            return forbidden
    if _CADDYS_OWN in shown.issuer:
        what = "comes from Caddy's own authority, which no other server believes"
        remedy = (
            "good for trying; for the world: sudo ./install.sh server --tls on-demand, or remove"
            " tls internal from the site in Caddy's configuration"
        )
    found = f"the certificate of {patient.config.hostname} {what}{_whose(shown)}"
    return Finding(name, "bad", found, remedy)


def _keeps_from_renewing(patient: Patient, shown: Certificate, outcome: Outcome) -> Finding | None:
    return _forbidden(patient, outcome) if "Let's Encrypt" in shown.issuer else None


def _forbidden(patient: Patient, outcome: Outcome) -> Finding | None:
    """Whether a CAA record keeps Let's Encrypt from making one, whom Caddy and certbot ask."""
    host = patient.config.hostname
    try:
        name, issuers = patient.outside.addresses.issuers(host, _NAME_SERVERS_WITHIN_S)
    except DnsFailedError as error:
        found = f"certificate authorities refuse {host}: {error}"
        remedy = "whoever manages your domain can tell: docs/troubleshooting.md#dns-domain"
        return Finding("certificate-forbidden", outcome, found, remedy)
    except DnsError:
        return None
    if issuers is None or _LETS_ENCRYPT in issuers:
        return None
    others = ", ".join(issuer for issuer in issuers if issuer) or "nobody"
    found = f"the CAA record of {name} lets only {others} make certificates, not Let's Encrypt"
    remedy = f'where your domain is managed, add: {name} CAA 0 issue "{_LETS_ENCRYPT}"'
    return Finding("certificate-forbidden", outcome, found, remedy)


def _whose(shown: Certificate) -> str:
    if shown.flaw != "other name":
        return ""
    return f" ({', '.join(shown.names[:3]) or 'none'})"


CHECK = Check(
    "certificate",
    _look,
    limit_s=60.0,
    findings=(
        "public-name-unreachable",
        "certificate-missing",
        "certificate-forbidden",
        "certificate-expired",
        "certificate-name",
        "certificate-untrusted",
        "certificate-expiring",
    ),
    after=("server", "dns"),
    lane=LANE,
    public=True,
)
