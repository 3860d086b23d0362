"""A puzzle at sign-up that robots fail at, where the operator has set one up: hCaptcha.

Without an answer from their server nobody gets in: a robot's owner could otherwise see to it that
there is none. The method ``createAccount`` knows no puzzle, in the reference neither: whoever wants
no robots there demands invite codes.
"""

from __future__ import annotations

import logging

from pds.errors import InvalidRequestError, NotEnoughResourcesError
from pds.network.hcaptcha import HCaptcha
from pds.network.http_client import FetchError

logger = logging.getLogger("pds.accounts")

MAX_ANSWER_CHARS = 10_000


class PuzzleUnsolvedError(InvalidRequestError):
    default_message = "Please solve the puzzle that shows that you are no robot."


class PuzzleUnavailableError(NotEnoughResourcesError):
    default_message = "The puzzle could not be checked. Try again in a moment."


class Captcha:
    """Lets people pass."""

    def __init__(self, hcaptcha: HCaptcha | None) -> None:
        """``hcaptcha`` is None where the operator has set up none; everybody passes then."""
        self._hcaptcha = hcaptcha

    @property
    def site_key(self) -> str | None:
        """What the page's widget needs; None: show none."""
        return None if self._hcaptcha is None else self._hcaptcha.site_key

    def check(self, answer: str, ip: str | None) -> None:
        """Let pass who has solved the puzzle. Asks another server.

        Raises:
            PuzzleUnsolvedError
            PuzzleUnavailableError: that server could not be asked.
        """
        if self._hcaptcha is None:
            return
        if not answer or len(answer) > MAX_ANSWER_CHARS:
            raise PuzzleUnsolvedError
        try:
            is_solved = self._hcaptcha.is_solved(answer, ip)
        except FetchError as error:
            logger.warning("nobody can sign up on the page: %s", error)
            raise PuzzleUnavailableError from error
        if not is_solved:
            raise PuzzleUnsolvedError
