"""What pages look like when there is nothing on them, too much, or something in the way."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from pds.config import Config
from pds.services import Services
from pds.services.devices import seen_device
from pds.services.second_factors import Challenge
from pds.storage import accounts
from pds.storage.accounts import AccountRow
from pds.storage.database import transaction
from tests.browser.chromium import Chromium
from tests.browser.test_account_pages import assert_sound, sign_in
from tests.browser.test_every_page import assert_sound as assert_sound_by_keyboard
from tests.factories import Person, make_account, make_code, make_config
from tests.server_process import free_port
from tests.stage import Stage, code_of

pytestmark = [pytest.mark.slow, pytest.mark.needs_browser]

LONG_HANDLE = f"{'a-handle-as-long-as-they-may-be' * 2}.{'and-its-domain-too-' * 3}x.example.com"


def test_account_with_nothing_on_it(
    chromium: Chromium, site: str, stage: Stage, alice: Person
) -> None:
    stage.services.sessions.end_all(alice.row.id)
    with transaction():
        accounts.set_email_confirmed(alice.row.id, "2026-09-21T14:13:00.000Z")
    with chromium.open(f"{site}/account") as page:
        sign_in(page, alice)
        root = page.url
        for name in ("devices", "apps", "app-passwords", "email"):
            page.goto(f"{root}/{name}")
            assert_sound(page, f"state-nothing-{name}")


def test_account_with_much_on_it(
    chromium: Chromium, site: str, stage: Stage, alice: Person
) -> None:
    services = stage.services
    with transaction():
        accounts.set_handle(alice.row.id, LONG_HANDLE)
        accounts.set_email(alice.row.id, f"{'long' * 16}@{'a-mail-server.' * 8}example.com")
    for number in range(12):
        name = f"{'A' * number} television in the kitchen of the house by the lake {number}"
        services.app_passwords.create(alice.did, name, privileged=number % 2 == 0)
        device = seen_device(
            f"Unbroken{'name' * 14}/{number}", f"2001:db8:85a3:8d3:1319:8a2e:370:{number}"
        )
        services.sessions.login(alice.did, alice.password, device=device)
    with chromium.open(f"{site}/account") as page:
        page.get_by_label("Handle or e-mail address").fill(alice.did)
        page.get_by_label("Password", exact=True).fill(alice.password)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"**/account/u/{alice.did}")
        root = page.url
        for name in ("", "devices", "app-passwords", "handle", "email", "delete"):
            page.goto(f"{root}/{name}")
            assert_sound(page, f"state-much-{name or 'home'}")
        page.goto(f"{site}/account?choose")
        assert_sound(page, "state-much-choose")


def test_paused_account(chromium: Chromium, site: str, stage: Stage, alice: Person) -> None:
    stage.services.accounts.deactivate(alice.did, "2027-03-01T00:00:00.000Z")
    with chromium.open(f"{site}/account") as page:
        sign_in(page, alice)
        root = page.url
        assert_sound(page, "state-paused-home")
        page.goto(f"{root}/status?done=deactivated")
        assert_sound(page, "state-paused-status")


def test_forms_that_are_refused(chromium: Chromium, site: str, stage: Stage, alice: Person) -> None:
    with chromium.open(f"{site}/account") as page:
        sign_in(page, alice)
        root = page.url
        page.goto(f"{root}/password")
        page.get_by_label("Present password").fill("wrong")
        page.get_by_label("New password", exact=True).fill("some new words in a row")
        page.get_by_label("New password once more").fill("other words")
        page.get_by_role("button", name="Change password").click()
        page.get_by_role("alert").wait_for()
        assert_sound(page, "state-refused-password")
        page.goto(f"{root}/delete")
        page.get_by_role("button", name="Ask for a code").click()
        page.get_by_role("status").wait_for()
        assert_sound(page, "state-delete-code")
        page.get_by_label("Code").fill("AAAAA-AAAAA")
        page.get_by_label("Password", exact=True).fill(alice.password)
        page.get_by_label("Type alice.test").fill("alice.test")
        page.get_by_role("button", name="Delete my account").click()
        page.get_by_role("alert").wait_for()
        assert_sound(page, "state-refused-delete")
        page.get_by_label("Code").fill(code_of(alice, "delete_account"))
        page.get_by_label("Password", exact=True).fill(alice.password)
        page.get_by_role("button", name="Delete my account").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Your account is deleted")


def test_form_whose_page_was_open_for_too_long(
    chromium: Chromium, site: str, alice: Person
) -> None:
    with chromium.open(f"{site}/account") as page:
        sign_in(page, alice)
        page.goto(f"{page.url}/handle")
        page.evaluate("() => document.querySelectorAll('[name=csrf]').forEach((e) => e.value = '')")
        page.get_by_label("Name", exact=True).fill("carol")
        page.get_by_role("button", name="Change handle", exact=True).click()
        page.get_by_role("heading", name="This is not allowed").wait_for()
        assert_sound_by_keyboard(page, "state-not-allowed")


class Codes:
    """Wants a code of everybody."""

    def challenge(self, account: AccountRow) -> Challenge | None:
        return Challenge("totp", f"The code that your phone shows for {account.handle}.")

    def is_answer(self, account: AccountRow, answer: str) -> bool:
        return answer == "123456"


def test_second_step_of_signing_in(
    chromium: Chromium, site: str, stage: Stage, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage.services.sign_in, "_second_factor", Codes())
    with chromium.open(f"{site}/account/sign-in") as page:
        page.get_by_label("Handle or e-mail address").fill(alice.handle)
        page.get_by_label("Password", exact=True).fill(alice.password)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_label("Code").fill("000000")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("alert").wait_for()
        assert_sound_by_keyboard(page, "state-second-step")
        page.get_by_label("Code").fill("123456")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"**/account/u/{alice.did}")


def test_handle_that_somebody_has(chromium: Chromium, site: str, alice: Person) -> None:
    with chromium.open(f"{site}/account/sign-up?name=alice") as page:
        page.get_by_role("heading", name="These are free").wait_for()
        assert_sound_by_keyboard(page, "state-sign-up-taken")


class TestServerForTheInvited:
    """With all that an operator can say of the server."""

    @pytest.fixture
    def config(self, tmp_path: Path) -> Config:
        return make_config(
            tmp_path,
            port=str(free_port()),
            invite_required="true",
            service_handle_domains=".test,.family.test",
            service_name="The Server of the Family Almond-Butterworth",
            terms_of_service_url="https://family.example/terms",
            privacy_policy_url="https://family.example/privacy",
            contact_email_address="whoever-runs-this-server@family.example",
        )

    @pytest.fixture
    def alice(self, services: Services) -> Person:
        return make_account(services, "alice", invite_code=make_code(services))

    def test_sign_up_takes_a_code(self, chromium: Chromium, site: str) -> None:
        with chromium.open(f"{site}/account/sign-up") as page:
            assert_sound_by_keyboard(page, "state-invited-sign-up")
            page.get_by_label("Handle").fill("carol")
            page.get_by_label("Ends with").select_option(".family.test")
            page.get_by_role("button", name="Go on").click()
            page.get_by_label("E-mail address").fill("carol@example.com")
            page.get_by_label("Password", exact=True).fill("short")
            page.evaluate("() => { document.forms[0].noValidate = true }")
            page.get_by_role("button", name="Create the account").click()
            page.get_by_role("alert").first.wait_for()
            assert_sound_by_keyboard(page, "state-invited-sign-up-wrong")

    def test_codes_of_a_member(
        self, chromium: Chromium, site: str, stage: Stage, alice: Person
    ) -> None:
        with chromium.open(f"{site}/account") as page:
            sign_in(page, alice)
            root = page.url
            page.goto(f"{root}/invites")
            assert_sound(page, "state-no-invites")
            for uses in (1, 3):
                stage.services.invites.create(uses, [alice.did])
            page.reload()
            assert_sound(page, "state-invites")
