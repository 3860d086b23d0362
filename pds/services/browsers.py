"""Browsers, known by two cookies, and who is signed in there.

Terms
- ``dev-id``: says which browser it is. Until somebody signs in it is just a number that the browser
  keeps, and there is no row: whoever merely looks leaves nothing behind. The first sign-in gives
  the browser another ``dev-id``, so one that somebody has planted there is worth nothing.
- ``ses-id``: proves that it is that browser; replaced every few minutes. Whoever shows one that was
  replaced has it from elsewhere, or somebody else has the new one: the browser is forgotten.
- remembered: signed in until signed out. Else for a quarter of an hour, and if it was to allow an
  app something, for that alone.

Tricky bits
- A reply with a new ``ses-id`` may get lost. The replaced one therefore counts until the new one
  has been shown, and some seconds more for requests under way. A thief gains nothing by it: once
  both have come, one of them shows a secret that is neither. It does not count after a sign-in,
  lest who planted it should come in behind the member.
- A button that is pressed twice sends the old cookies twice. For some seconds after a change such
  cookies are merely nobody's, and a request still belongs to who held it before.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pds.errors import AccountNotFoundError
from pds.services.clock import Clock
from pds.services.devices import UNKNOWN_DEVICE, Device
from pds.services.log_in_check import wrong_password
from pds.storage import accounts, browsers, oauth_requests
from pds.storage.accounts import AccountRow
from pds.storage.browsers import BrowserAccountRow, BrowserRow, KnownBrowser
from pds.storage.database import transaction

# The rows are handed out from here, so callers who may not know storage name them from here.
__all__ = ["Browser", "Browsers", "KnownBrowser", "SignedIn"]

logger = logging.getLogger("pds.browsers")

_SECOND_US: Final = 1_000_000
_DAY_US: Final = 24 * 60 * 60 * _SECOND_US
GRACE_US: Final = 5 * _SECOND_US
ROTATE_AFTER_US: Final = 5 * 60 * _SECOND_US
NOTE_SEEN_EVERY_US: Final = 60 * _SECOND_US
UNREMEMBERED_US: Final = 15 * 60 * _SECOND_US
FRESH_US: Final = 7 * _DAY_US
FORGOTTEN_UNSEEN_US: Final = 180 * _DAY_US
MAX_ACCOUNTS_PER_BROWSER: Final = 20
MAX_BROWSERS_PER_ACCOUNT: Final = 50
MAX_MOVED: Final = 1_000

_DEV_ID: Final = re.compile(r"dev-[0-9a-f]{32}")
_SES_ID: Final = re.compile(r"ses-[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Browser:
    """The browser that a request comes from. ``is_known``: somebody is signed in, or was just now.

    new_dev_id, new_ses_id: cookies to set with the answer; None where they stay as they are.
    csrf: what its forms have to hold.
    """

    dev_id: str = field(repr=False)
    csrf: str = field(repr=False)
    device: Device = UNKNOWN_DEVICE
    is_known: bool = False
    new_dev_id: str | None = field(default=None, repr=False)
    new_ses_id: str | None = field(default=None, repr=False)

    @property
    def id(self) -> str:
        """How the browser is called where its cookie must not be: a SHA-256, in hexadecimal."""
        return _digest(self.dev_id)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody who is signed in. ``is_fresh``: the password was typed within the last days.

    request_id: the authorization for which it was typed, if any.
    """

    account: AccountRow
    is_fresh: bool
    is_remembered: bool
    authenticated_at_us: int
    request_id: str | None


class Browsers:
    """Recognises browsers, and signs people in and out there."""

    def __init__(self, secret: str, clock: Clock) -> None:
        """secret: forms of earlier starts stay good as long as it is the same."""
        self._key = hmac.digest(secret.encode(), b"forms of browsers", "sha256")
        self._clock = clock
        self._moved: dict[str, tuple[str, int]] = {}

    # --- recognising -----------------------------------------------------------------------------

    def recognise(self, dev_id: str | None, ses_id: str | None, device: Device) -> Browser:
        """The browser with these cookies, as they came; a new one where they mean nothing."""
        if dev_id is None or not _DEV_ID.fullmatch(dev_id):
            return self._stranger(device)
        known = browsers.find(_digest(dev_id))
        if known is None:
            return self._browser(dev_id, device)
        if ses_id is None or not _SES_ID.fullmatch(ses_id):
            return self._stranger(device)
        shown = _digest(ses_id)
        if self._is_at_rest(known, shown, device):
            return self._browser(dev_id, device, is_known=True)
        with transaction():
            return self._look_closely(dev_id, shown, device)

    def is_bound(self, browser: Browser, browser_id: str) -> bool:
        """Whether what is bound to ``browser_id`` is this browser's, now or until just now."""
        new_id, at_us = self._moved.get(browser.id, ("", 0))
        is_recent = self._clock() - at_us <= GRACE_US
        return browser.id == browser_id or (is_recent and new_id == browser_id)

    def holds_request(self, browser: Browser, request_id: str) -> bool:
        """Whether an authorization is open, and in this browser."""
        found = oauth_requests.find(request_id)
        if found is None or found.browser_hash is None:
            return False
        return self.is_bound(browser, found.browser_hash)

    def _is_at_rest(self, known: BrowserRow, shown: str, device: Device) -> bool:
        """Whether nothing has to be written."""
        now_us = self._clock()
        return (
            hmac.compare_digest(known.secret_hash, shown)
            and not self._is_to_rotate(known, device)
            and known.seen_at_us > known.rotated_at_us
            and now_us - known.seen_at_us < NOTE_SEEN_EVERY_US
        )

    def _is_to_rotate(self, known: BrowserRow, device: Device) -> bool:
        is_old = self._clock() - known.rotated_at_us > ROTATE_AFTER_US
        return is_old or Device(known.user_agent, known.ip) != device

    def _look_closely(self, dev_id: str, shown: str, device: Device) -> Browser:
        """Recognise and note it. The caller holds the transaction."""
        known = browsers.find(_digest(dev_id))
        if known is None:
            return self._browser(dev_id, device)
        if hmac.compare_digest(known.secret_hash, shown):
            if self._is_to_rotate(known, device):
                return self._rotate(known, dev_id, device, previous=shown)
            # Later than the rotation in any case: that is how it shows that the secret arrived.
            browsers.set_seen(known.id, max(self._clock(), known.rotated_at_us + 1))
            return self._browser(dev_id, device, is_known=True)
        is_previous = hmac.compare_digest(known.previous_secret_hash or "", shown)
        if self._clock() - known.rotated_at_us <= GRACE_US:
            return self._browser(dev_id, device, is_known=is_previous)
        if is_previous and known.seen_at_us <= known.rotated_at_us:
            return self._rotate(known, dev_id, device, previous=shown)
        browsers.delete(known.id)
        logger.warning("forgot a browser whose cookie was used elsewhere, %s", known.id[:12])
        return self._stranger(device)

    def _rotate(
        self, known: BrowserRow, dev_id: str, device: Device, *, previous: str | None
    ) -> Browser:
        """Replace the secret. previous: what still counts for the moment, if anything."""
        ses_id = "ses-" + secrets.token_hex(16)
        now_us = self._clock()
        browsers.update(
            dataclasses.replace(
                known,
                secret_hash=_digest(ses_id),
                previous_secret_hash=previous,
                rotated_at_us=now_us,
                user_agent=device.user_agent,
                ip=device.ip,
                seen_at_us=now_us,
            )
        )
        return self._browser(dev_id, device, is_known=True, new_ses_id=ses_id)

    def _stranger(self, device: Device) -> Browser:
        dev_id = "dev-" + secrets.token_hex(16)
        return self._browser(dev_id, device, new_dev_id=dev_id)

    def _browser(
        self,
        dev_id: str,
        device: Device,
        *,
        is_known: bool = False,
        new_dev_id: str | None = None,
        new_ses_id: str | None = None,
    ) -> Browser:
        csrf = hmac.digest(self._key, dev_id.encode(), "sha256").hex()
        return Browser(dev_id, csrf, device, is_known, new_dev_id, new_ses_id)

    # --- signing in and out ----------------------------------------------------------------------

    def sign_in(
        self,
        browser: Browser,
        account_id: int,
        *,
        remember: bool,
        request_id: str | None = None,
        settle: Callable[[], bool | None] | None = None,
    ) -> Browser:
        """Sign an account in; the browser as it is from now on, whose cookies must be set.

        request_id: the open authorization that it is for, if any. All that the browser has open go
            with it.
        settle: the last look at what was proven, in the same transaction (``SignIn.settle``);
            False, or whatever it raises, when that does not hold any more.

        Raises:
            AccountNotFoundError, AuthRequiredError
        """
        with transaction():
            if accounts.find_by_id(account_id) is None:
                raise AccountNotFoundError
            if settle is not None and settle() is False:
                raise wrong_password()
            signed_in = self._with_new_secret(browser, account_id)
            browsers.save_sign_in(
                BrowserAccountRow(signed_in.id, account_id, self._clock(), remember, request_id)
            )
            browsers.keep_newest_accounts(signed_in.id, MAX_ACCOUNTS_PER_BROWSER)
            browsers.keep_newest_browsers(account_id, MAX_BROWSERS_PER_ACCOUNT)
            return signed_in

    def _with_new_secret(self, browser: Browser, account_id: int) -> Browser:
        known = browsers.find(browser.id) if browser.is_known else None
        if known is not None:
            return self._rotate(known, browser.dev_id, browser.device, previous=None)
        dev_id, ses_id = "dev-" + secrets.token_hex(16), "ses-" + secrets.token_hex(16)
        now_us = self._clock()
        device = browser.device
        made = BrowserRow(
            id=_digest(dev_id),
            secret_hash=_digest(ses_id),
            previous_secret_hash=None,
            rotated_at_us=now_us,
            user_agent=device.user_agent,
            ip=device.ip,
            created_at_us=now_us,
            seen_at_us=now_us,
        )
        browsers.insert(made)
        self._move(browser.id, made.id, account_id)
        return self._browser(dev_id, device, is_known=True, new_dev_id=dev_id, new_ses_id=ses_id)

    def _move(self, old_id: str, new_id: str, account_id: int) -> None:
        """Take along what a browser has open; drop what the first of two clicks made."""
        now_us = self._clock()
        earlier_id, at_us = self._moved.pop(old_id, ("", 0))
        oauth_requests.move_to_browser(old_id, new_id)
        if now_us - at_us <= GRACE_US:
            oauth_requests.move_to_browser(earlier_id, new_id)
            browsers.delete_sign_in(earlier_id, account_id)
            browsers.delete_if_empty(earlier_id)
        self._moved[old_id] = (new_id, now_us)
        if len(self._moved) > MAX_MOVED:
            del self._moved[next(iter(self._moved))]

    def sign_out(self, browser: Browser, did: str) -> Browser:
        """Sign an account out; the browser as it is from now on. What apps may do stays."""
        account = accounts.find_by_did(did)
        known = browsers.find(browser.id) if browser.is_known else None
        if account is None or known is None:
            return browser
        with transaction():
            browsers.delete_sign_in(known.id, account.id)
            browsers.delete_if_empty(known.id)
            if browsers.find(known.id) is None:
                return self._browser(browser.dev_id, browser.device)
            return self._rotate(known, browser.dev_id, browser.device, previous=None)

    # --- who is signed in, and where -------------------------------------------------------------

    def accounts(self, browser: Browser, request_id: str | None = None) -> list[SignedIn]:
        """Who is signed in, the last to do so first; also accounts that are not active.

        Those who are not remembered: for the authorization ``request_id``, or without one for the
        member's own pages.
        """
        if not browser.is_known:
            return []
        now_us = self._clock()
        found = []
        for sign_in in browsers.list_signed_in(browser.id):
            age_us = now_us - sign_in.authenticated_at_us
            is_for_this = sign_in.request_id == request_id and age_us < UNREMEMBERED_US
            account = accounts.find_by_id(sign_in.account_id)
            if account is not None and (sign_in.remembered or is_for_this):
                found.append(
                    SignedIn(
                        account,
                        age_us < FRESH_US,
                        bool(sign_in.remembered),
                        sign_in.authenticated_at_us,
                        sign_in.request_id,
                    )
                )
        return found

    def list_for_account(self, account_id: int) -> list[KnownBrowser]:
        """The browsers in which an account is signed in, the last seen first."""
        return browsers.list_for_account(account_id, MAX_BROWSERS_PER_ACCOUNT)

    def end(self, account_id: int, browser_id: str) -> bool:
        """Sign an account out of one of its browsers; False when it is not signed in there."""
        with transaction():
            was_there = browsers.delete_sign_in(browser_id, account_id)
            browsers.delete_if_empty(browser_id)
        return was_there

    def revoke_all(self, account_id: int, keep_browser_id: str | None = None) -> None:
        """Sign an account out of all browsers but one, as part of the caller's transaction."""
        browsers.delete_for_account(account_id, keep=keep_browser_id or "")
        browsers.delete_empty()

    def end_all(self, account_id: int, keep_browser_id: str | None = None) -> None:
        """``revoke_all`` in a transaction of its own."""
        with transaction():
            self.revoke_all(account_id, keep_browser_id)

    def expire(self) -> int:
        """Forget browsers that were not seen for half a year, or are empty; return how many."""
        now_us = self._clock()
        with transaction():
            return browsers.delete_expired(now_us - FORGOTTEN_UNSEEN_US, now_us - UNREMEMBERED_US)


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
