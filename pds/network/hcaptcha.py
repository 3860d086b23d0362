"""hCaptcha: ask whether somebody's answer to a puzzle of theirs is right.

Spec: https://docs.hcaptcha.com/#verify-the-user-response-server-side
"""

from __future__ import annotations

import json
from urllib.parse import urlencode

from pds.network.http_client import FetchError, HttpClient, Request

VERIFY_URL = "https://api.hcaptcha.com/siteverify"
TIMEOUT_S = 10.0
# What they say when it is not the visitor's fault.
_OUR_FAULTS = frozenset(
    {"missing-input-secret", "invalid-input-secret", "sitekey-secret-mismatch", "bad-request"}
)


class MisconfiguredError(FetchError):
    """They do not accept the keys of this server."""


class HCaptcha:
    """One site's account there."""

    def __init__(self, site_key: str, secret_key: str, http: HttpClient) -> None:
        self.site_key = site_key
        self._secret_key = secret_key
        self._http = http

    def is_solved(self, answer: str, ip: str | None) -> bool:
        """Whether ``answer``, which the page's widget made, is right. It is good once.

        Raises:
            MisconfiguredError: keys.
            FetchError: they could not be asked, or said nothing that makes sense.
        """
        form = {"secret": self._secret_key, "response": answer, "sitekey": self.site_key}
        if ip:
            form["remoteip"] = ip
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
        }
        body = urlencode(form).encode("ascii")
        request = Request(VERIFY_URL, "POST", headers, body, TIMEOUT_S)
        try:
            reply = json.loads(self._http.fetch(request).checked().body)
        except ValueError as error:
            message = "hCaptcha answered with something that is no JSON"
            raise FetchError(message) from error
        if not isinstance(reply, dict) or not isinstance(reply.get("success"), bool):
            message = "hCaptcha answered with something else than a verdict"
            raise FetchError(message)
        faults = reply.get("error-codes")
        said = {str(fault) for fault in faults} if isinstance(faults, list) else set()
        if not reply["success"] and (ours := sorted(said & _OUR_FAULTS)):
            message = f"hCaptcha refuses the keys of this server: {', '.join(ours)}"
            raise MisconfiguredError(message)
        return bool(reply["success"])
