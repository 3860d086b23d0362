"""The page of consent: what it says, what comes of yes and no."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import pytest

from pds.atproto.oauth.scopes.permission_set import read_permission_set
from pds.atproto.syntax.nsid import Nsid
from pds.oauth_errors import TemporarilyUnavailableError
from pds.services.oauth.model import Client
from pds.services.oauth.permission_sets import PermissionSets
from pds.services.oauth.refresh_tokens import hash_of
from pds.storage import oauth_clients
from pds.storage.database import rows
from tests.authorizing import (
    CONFIDENTIAL,
    LOOPBACK,
    PUBLIC,
    TRUSTED,
    Asking,
    make_client,
    open_requests,
)
from tests.browser_tools import Page
from tests.factories import Person, StillClock
from tests.stage import queued_mail
from tests.web.pages.authorize.conftest import Member
from tests.web.pages.authorize.outcomes import error_of, granted, outcome

FULL = "atproto account:email repo:com.example.note"


def consent(
    member: Member, person: Person, client: Client = CONFIDENTIAL, **parameters: Any
) -> Page:
    """Arrive and sign in; the page of consent."""
    page = member.sign_in(member.arrive(client, **parameters), person)
    assert page.address.startswith("/oauth/authorize/consent")
    return page


def test_member_allows_an_app(member: Member, alice: Person) -> None:
    page = consent(member, alice, scope=FULL)
    assert page.status == 200
    assert page.heading == "Allow this app?"
    assert "@alice.test" in page.text
    assert "app.example.net" in page.text

    done = member.allow(page)

    assert done.status == 303
    code = outcome(done)["code"]
    assert code.startswith("cod-")
    assert len(code) == 68
    row = granted(done)
    assert (row.account_id, row.granted_scope) == (alice.row.id, FULL)


def test_code_is_stored_as_a_hash_and_lives_five_minutes(
    member: Member, alice: Person, clock: StillClock
) -> None:
    code = outcome(member.allow(consent(member, alice)))["code"]

    [(code_hash, expires_at_us)] = rows("SELECT code_hash, expires_at_us FROM oauth_request")
    assert code_hash == hash_of(code)
    assert expires_at_us == clock() + 300_000_000


def test_codes_differ(member: Member, alice: Person) -> None:
    first = outcome(member.remembered(alice))["code"]
    again = member.arrive(login_hint=alice.did)

    assert outcome(again)["code"] != first


def test_member_refuses(member: Member, alice: Person) -> None:
    page = consent(member, alice)

    assert error_of(member.deny(page)) == "access_denied"
    assert open_requests() == 0
    assert member.browser.open(page.address).status == 400


@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
def test_a_refusal_travels_as_the_app_wants_it(member: Member, alice: Person, mode: str) -> None:
    answer = member.deny(consent(member, alice, response_mode=mode))

    if mode == "form_post":
        form = answer.form("https://app.example.net/callback?from=pds")
        told = {field.name: field.value for field in form.fields}
    else:
        address, _, text = (answer.leads_to or "").partition("#" if mode == "fragment" else "&")
        assert address == "https://app.example.net/callback?from=pds"
        told = {name: value for name, [value] in parse_qs(text).items()}
    assert told.pop("error_description")
    assert told == {
        "iss": "http://localhost:2583",
        "state": "a state&more",
        "error": "access_denied",
    }


def test_unticked_card_is_not_granted(member: Member, alice: Person) -> None:
    page = consent(member, alice, scope=FULL)

    done = member.allow(page, but=["email"])

    assert granted(done).granted_scope == "atproto repo:com.example.note"
    assert oauth_clients.find(alice.row.id, CONFIDENTIAL.id) == "atproto repo:com.example.note"


def test_all_may_be_unticked(member: Member, alice: Person) -> None:
    page = consent(member, alice, scope=FULL)

    done = member.allow(page, but=["email", "records"])

    assert granted(done).granted_scope == "atproto"


def test_what_is_all_or_nothing_has_nothing_to_untick(member: Member, alice: Person) -> None:
    page = consent(member, alice, scope="atproto transition:generic transition:email")
    form = page.form("/oauth/authorize/consent")

    assert "allow" not in form
    assert "See your e-mail address" in page.text
    row = granted(member.allow(page))
    assert row.granted_scope == "atproto transition:generic transition:email"


def test_form_cannot_ask_for_more_than_the_app(member: Member, alice: Person) -> None:
    page = consent(member, alice, scope="atproto account:email")
    form = page.form("/oauth/authorize/consent")
    form["allow"].value = "identity"

    assert granted(member.browser.submit(form)).granted_scope == "atproto"


def test_app_that_only_wants_to_know_who_it_is(member: Member, alice: Person) -> None:
    page = consent(member, alice, scope="atproto")

    assert page.heading == "Sign in to this app?"
    assert "gets no access" in page.text
    assert granted(member.allow(page)).granted_scope == "atproto"


def test_technical_terms_are_there_for_who_wants_them(member: Member, alice: Person) -> None:
    page = consent(member, alice, scope=FULL)

    assert "repo:com.example.note" in page.text
    assert CONFIDENTIAL.id in page.text
    assert "com.example.note add, change and remove" in page.text


@pytest.mark.parametrize("grave", ["identity:*", "account:repo?action=manage"])
def test_what_could_cost_the_account_is_allowed_by_who_means_it_alone(
    member: Member, alice: Person, grave: str
) -> None:
    page = consent(member, alice, scope=f"atproto account:email {grave}")
    assert "tick it only if you mean it" in page.text

    assert granted(member.allow(page)).granted_scope == "atproto account:email"


@pytest.mark.parametrize("grave", ["identity:*", "account:repo?action=manage"])
def test_who_means_it_can_allow_what_could_cost_the_account(
    member: Member, alice: Person, grave: str
) -> None:
    form = consent(member, alice, scope=f"atproto {grave}").form("/oauth/authorize/consent")
    form["allow"].is_on = True

    scope = granted(member.browser.submit(form)).granted_scope or ""
    assert grave in scope.split()


def test_warning_is_shown(member: Member, alice: Person) -> None:
    page = consent(member, alice, scope="atproto identity:*")

    assert "Careful: With this, the app can take the account away from you for good." in page.text


def test_untrusted_app_is_called_by_its_address(
    member: Member, alice: Person, asking: Asking
) -> None:
    client = make_client(
        "sly.example.net",
        client_name="Your bank",
        logo_uri="https://sly.example.net/bank.png",
        tos_uri="https://sly.example.net/terms",
    )
    asking.clients[client.id] = client

    page = consent(member, alice, client)

    assert "Your bank" not in page.html
    assert "bank.png" not in page.html
    assert "sly.example.net" in page.text
    assert page.links["the app's terms of use"] == "https://sly.example.net/terms"


def test_trusted_app_is_called_by_its_name(member: Member, alice: Person) -> None:
    page = consent(member, alice, TRUSTED)

    assert "Our own app" in page.text
    assert 'src="https://ours.example.net/logo.png"' in page.html
    assert "https://ours.example.net" in page.headers["Content-Security-Policy"]
    assert page.links["its privacy policy"] == "https://ours.example.net/privacy"


def test_page_may_lead_out_and_nothing_else(member: Member, alice: Person) -> None:
    page = consent(member, alice)
    policy = page.headers["Content-Security-Policy"]

    assert "form-action" not in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Access-Control-Allow-Origin"] is None


def test_consent_needs_a_recent_password(member: Member, alice: Person, clock: StillClock) -> None:
    member.remembered(alice)
    clock.advance(8 * 24 * 3600)
    start = member.arrive(login_hint=alice.handle, scope=FULL)
    assert start.address.startswith("/oauth/authorize/sign-in")

    around = member.browser.open(start.address.replace("sign-in", "consent"))

    assert around.address.startswith("/oauth/authorize/sign-in")


def test_consent_is_for_who_is_signed_in(member: Member, alice: Person, bob: Person) -> None:
    page = consent(member, alice)
    form = page.form("/oauth/authorize/consent")
    form.action = form.action.replace(alice.did.replace(":", "%3A"), bob.did.replace(":", "%3A"))
    assert bob.did.replace(":", "%3A") in form.action

    answer = member.browser.submit(form)

    assert answer.leads_to is None
    assert open_requests() == 1


def test_button_pressed_twice_gives_the_same_answer(
    member: Member, alice: Person, clock: StillClock
) -> None:
    form = consent(member, alice).form("/oauth/authorize/consent")
    first = member.browser.submit(form)

    clock.advance(2)
    assert member.browser.submit(form).leads_to == first.leads_to
    clock.advance(6)
    late = member.browser.submit(form)
    assert late.status == 400
    assert "answered already" in late.text
    assert granted(first).account_id == alice.row.id


# --- what is remembered, and told -----------------------------------------------------------------


def test_member_is_told_of_a_new_app_once(member: Member, alice: Person, clock: StillClock) -> None:
    member.remembered(alice, PUBLIC)
    member.allow(member.arrive(PUBLIC, login_hint=alice.did))

    mails = rows("SELECT text FROM outgoing_mail WHERE topic = 'app_allowed'")
    assert [topic for topic, _ in queued_mail()].count("app_allowed") == 1
    assert "public.example.net" in mails[0][0]
    assert "see your e-mail address" in mails[0][0]
    assert f"http://localhost:2583/account/u/{alice.did}/apps" in mails[0][0]


def test_member_is_told_of_more_than_before(member: Member, alice: Person) -> None:
    member.remembered(alice)
    member.allow(member.arrive(login_hint=alice.did, scope="atproto identity:handle"))

    assert [topic for topic, _ in queued_mail()].count("app_allowed") == 2


def test_agreement_grows_and_shrinks_by_what_was_asked(member: Member, alice: Person) -> None:
    def approved() -> set[str]:
        return set((oauth_clients.find(alice.row.id, CONFIDENTIAL.id) or "").split())

    member.remembered(alice)
    member.allow(member.arrive(login_hint=alice.did, scope="atproto repo:com.example.note"))
    assert approved() == {"atproto", "account:email", "repo:com.example.note"}

    page = member.arrive(login_hint=alice.did, prompt="consent")
    member.allow(page, but=["email"])

    assert approved() == {"atproto", "repo:com.example.note"}


def test_loopback_app_is_never_remembered(member: Member, alice: Person) -> None:
    page = consent(member, alice, LOOPBACK)
    assert "A program on your own device" in page.text
    member.allow(page)

    assert rows("SELECT * FROM oauth_client_approval") == []
    again = member.arrive(LOOPBACK, login_hint=alice.did)
    assert again.address.startswith("/oauth/authorize/consent")


@pytest.mark.parametrize("client", [CONFIDENTIAL, TRUSTED], ids=["confidential", "trusted"])
def test_known_app_is_not_asked_about_again(member: Member, alice: Person, client: Client) -> None:
    member.remembered(alice, client)

    assert granted(member.arrive(client, login_hint=alice.did)).account_id == alice.row.id


def test_app_that_anybody_can_pass_for_is_asked_about_each_time(
    member: Member, alice: Person
) -> None:
    member.remembered(alice, PUBLIC)

    for prompt in (None, "create", "login"):
        page = member.arrive(PUBLIC, login_hint=alice.did, prompt=prompt)
        assert page.leads_to is None


# --- permission sets ------------------------------------------------------------------------------

CALENDAR = Nsid("net.example.calendar.auth")


@pytest.fixture
def calendar(asking: Asking) -> None:
    main = {
        "type": "permission-set",
        "title": "Your calendar",
        "title:lang": {"de": "Dein Kalender", "fr": "Ton calendrier"},
        "permissions": [
            {"type": "permission", "resource": "repo", "collection": ["net.example.calendar.day"]}
        ],
    }
    document = {"lexicon": 1, "id": str(CALENDAR), "defs": {"main": main}}
    asking.sets[CALENDAR] = read_permission_set(document, CALENDAR)


@pytest.mark.usefixtures("calendar")
def test_set_is_one_thing_to_allow(member: Member, alice: Person) -> None:
    scope = f"atproto include:{CALENDAR}"
    page = consent(member, alice, scope=scope)
    assert "Your calendar" in page.text
    assert "net.example.calendar.day add, change and remove" in page.text

    assert granted(member.allow(page)).granted_scope == scope
    page = member.arrive(PUBLIC, login_hint=alice.did, scope=scope)
    assert granted(member.allow(page, but=[f"include:{CALENDAR}"])).granted_scope == "atproto"


@pytest.mark.usefixtures("calendar")
def test_set_speaks_the_members_language(member: Member, alice: Person) -> None:
    scope = f"atproto include:{CALENDAR}"
    page = consent(member, alice, scope=scope)
    german = member.browser.open(page.address, headers={"Accept-Language": "de-AT,en;q=0.5"})
    assert "Dein Kalender" in german.text

    asked = member.arrive(PUBLIC, login_hint=alice.did, scope=scope, ui_locales=("fr-CA",))
    assert "Ton calendrier" in asked.text


def test_set_that_cannot_be_had_now(
    member: Member, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(self: PermissionSets, scopes: object) -> None:
        raise TemporarilyUnavailableError

    page = member.sign_in(member.arrive(), alice)
    monkeypatch.setattr(PermissionSets, "of", busy)

    failed = member.browser.open(page.address)

    assert failed.status == 503
    assert failed.headers["Retry-After"] is not None
    assert "temporarily_unavailable" in failed.text
    assert open_requests() == 1
