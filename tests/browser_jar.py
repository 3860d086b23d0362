"""A browser's cookies, as ``Browsers`` gives and takes them, without HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pds.services.browsers import Browser
from pds.services.devices import Device
from pds.storage import browsers
from tests.factories import Person

if TYPE_CHECKING:
    from pds.services import Services

HERE = Device("Firefox", "192.0.2.1")


class Jar:
    """What one browser has of its cookies."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.dev_id: str | None = None
        self.ses_id: str | None = None

    def come(self, device: Device = HERE) -> Browser:
        return self.take(self.services.browsers.recognise(self.dev_id, self.ses_id, device))

    def take(self, browser: Browser) -> Browser:
        self.dev_id = browser.new_dev_id or self.dev_id
        self.ses_id = browser.new_ses_id or self.ses_id
        return browser

    def sign_in(
        self, person: Person, request_id: str | None = None, *, remember: bool = True
    ) -> Browser:
        signed_in = self.services.browsers.sign_in(
            self.come(), person.row.id, remember=remember, request_id=request_id
        )
        return self.take(signed_in)

    def copy(self) -> Jar:
        copied = Jar(self.services)
        copied.dev_id, copied.ses_id = self.dev_id, self.ses_id
        return copied

    def who(self, request_id: str | None = None) -> list[str]:
        found = self.services.browsers.accounts(self.come(), request_id)
        return [one.account.handle or "" for one in found]


def is_there(browser: Browser) -> bool:
    """Whether the server still knows it."""
    return browsers.find(browser.id) is not None
