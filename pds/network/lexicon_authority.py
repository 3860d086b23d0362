"""Who speaks for a group of Lexicons: the DID that the DNS names for their domain.

Spec: https://atproto.com/specs/lexicon#lexicon-publication-and-resolution
"""

from __future__ import annotations

from typing import Final

from pds.atproto.oauth.web_url import is_local_name
from pds.atproto.syntax.did import is_did
from pds.errors import PdsError
from pds.network.dns_txt import DnsError, DnsTxt, TxtLookup

TIMEOUT_S: Final = 3.0
_PREFIX: Final = "did="


class LexiconAuthorityError(PdsError):
    """The DNS does not say whose DID it is; the message tells what it does say."""

    default_message = "Nobody is known to publish these Lexicons"


class LexiconAuthorities:
    """Looks up TXT records: by the usual name servers, then by the backup ones."""

    def __init__(
        self,
        dns: TxtLookup | None = None,
        *,
        backup_dns: TxtLookup | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._dns: TxtLookup = dns or DnsTxt()
        self._backup_dns = backup_dns
        self._timeout_s = timeout_s

    def did_of(self, domain: str) -> str:
        """The DID for the Lexicons of ``domain`` (``calendar.example.com``); not of those below it.

        Raises:
            LexiconAuthorityError: none, more than one, something else than a DID, or no answer.
        """
        if is_local_name(domain):
            raise LexiconAuthorityError(f"{domain} is not a name in the public DNS")
        name = f"_lexicon.{domain}"
        claims = self._claims(name)
        if not claims:
            raise LexiconAuthorityError(f"there is no TXT record did=… at {name}")
        if len(claims) > 1:
            raise LexiconAuthorityError(f"there is more than one TXT record did=… at {name}")
        if not is_did(claims[0]):
            raise LexiconAuthorityError(f"the TXT record at {name} does not name a DID")
        return claims[0]

    def _claims(self, name: str) -> list[str]:
        failure: DnsError | None = None
        for dns in (self._dns, self._backup_dns):
            if dns is None:
                continue
            try:
                texts = dns.texts(name, self._timeout_s)
            except DnsError as error:
                failure = error
                continue
            claims = [text[len(_PREFIX) :].strip() for text in texts if text.startswith(_PREFIX)]
            if claims:
                return claims
        if failure is not None:
            raise LexiconAuthorityError(f"no name server answered for {name}") from failure
        return []
