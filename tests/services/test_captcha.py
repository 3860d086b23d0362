"""Who passes the puzzle, and who does when nobody can be asked."""

from __future__ import annotations

import pytest

from pds.network.hcaptcha import HCaptcha, MisconfiguredError
from pds.network.http_client import FetchError, HttpClient
from pds.services.captcha import (
    MAX_ANSWER_CHARS,
    Captcha,
    PuzzleUnavailableError,
    PuzzleUnsolvedError,
)


class FakeHCaptcha(HCaptcha):
    """Knows one right answer, or is not to be had."""

    def __init__(self, trouble: FetchError | None = None) -> None:
        super().__init__("the site", "the secret", HttpClient(allow_private=False))
        self.trouble = trouble
        self.asked: list[tuple[str, str | None]] = []

    def is_solved(self, answer: str, ip: str | None) -> bool:
        self.asked.append((answer, ip))
        if self.trouble is not None:
            raise self.trouble
        return answer == "right"


def test_right_answer_passes() -> None:
    fake = FakeHCaptcha()
    Captcha(fake).check("right", "192.0.2.7")

    assert fake.asked == [("right", "192.0.2.7")]


def test_wrong_answer_does_not() -> None:
    with pytest.raises(PuzzleUnsolvedError, match="no robot"):
        Captcha(FakeHCaptcha()).check("wrong", None)


@pytest.mark.parametrize("answer", ["", "x" * (MAX_ANSWER_CHARS + 1)])
def test_no_answer_is_not_worth_asking(answer: str) -> None:
    fake = FakeHCaptcha()

    with pytest.raises(PuzzleUnsolvedError):
        Captcha(fake).check(answer, None)
    assert fake.asked == []


@pytest.mark.parametrize("trouble", [FetchError("no route"), MisconfiguredError("wrong keys")])
def test_nobody_passes_when_they_cannot_be_asked(
    trouble: FetchError, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(PuzzleUnavailableError, match="Try again"):
        Captcha(FakeHCaptcha(trouble)).check("right", None)

    assert str(trouble) in caplog.text


def test_everybody_passes_where_there_is_none() -> None:
    captcha = Captcha(None)

    captcha.check("", None)
    assert captcha.site_key is None
    assert Captcha(FakeHCaptcha()).site_key == "the site"
