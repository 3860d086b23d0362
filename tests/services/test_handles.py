"""Handles: what may be taken here, and whose they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pds.errors import (
    HandleNotAvailableError,
    HandleNotFoundError,
    InvalidHandleError,
    InvalidRequestError,
    UnsupportedDomainError,
    UpstreamFailureError,
)
from pds.network.handle_resolver import HandleResolutionError
from pds.services.handles import Handles
from pds.services.offensive_words import has_slur
from pds.services.reserved_handles import RESERVED_HANDLES
from pds.storage import accounts
from pds.storage.accounts import NewAccountRow
from pds.storage.database import transaction
from tests.factories import make_config

ALICE = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
BOB = "did:plc:z72i7hdynmk6r22z27h6tvur"
NOW = "2026-01-01T00:00:00.000Z"


class Lookup:
    """Knows some handles, and may be out of order."""

    def __init__(
        self, known: dict[str, str] | None = None, *, error: Exception | None = None
    ) -> None:
        self.known = known or {}
        self.error = error or HandleResolutionError()
        self.asked: list[str] = []

    def resolve(self, handle: str) -> str:
        self.asked.append(handle)
        if handle not in self.known:
            raise self.error
        return self.known[handle]


def make_handles(
    tmp_path: Path, outside: Lookup | None = None, app_view: Lookup | None = None, **settings: str
) -> Handles:
    return Handles(make_config(tmp_path, **settings), outside or Lookup(), app_view)


def _account(did: str, handle: str, **fields: Any) -> None:
    with transaction():
        accounts.insert(
            NewAccountRow(
                did=did,
                handle=handle,
                **{"created_at": NOW, "email": None, "password_scrypt": None, **fields},
            )
        )


# --- taking one ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("handle", "normal"),
    [
        ("alice.test", "alice.test"),
        ("Alice.TEST", "alice.test"),
        ("abc.test", "abc.test"),
        ("a-b.test", "a-b.test"),
        ("a" * 18 + ".test", "a" * 18 + ".test"),
        ("xn--ls8h.test", "xn--ls8h.test"),
        ("123.test", "123.test"),
    ],
)
def test_a_good_handle_is_returned_in_lower_case(tmp_path: Path, handle: str, normal: str) -> None:
    assert make_handles(tmp_path).check_new(handle) == normal


@pytest.mark.parametrize(
    ("handle", "message"),
    [
        ("alice", "Invalid handle"),
        ("-alice.test", "Invalid handle"),
        ("alice-.test", "Invalid handle"),
        ("al_ice.test", "Invalid handle"),
        ("alice..test", "Invalid handle"),
        ("alice.test.", "Invalid handle"),
        ("alice.test\n", "Invalid handle"),
        ("älice.test", "Invalid handle"),
        ("127.0.0.1", "Invalid handle"),
        (f"{'a' * 64}.test", "Invalid handle"),
        ("", "Invalid handle"),
        ("alice.local", "TLD"),
        ("alice.arpa", "TLD"),
        ("handle.invalid", "TLD"),
        ("alice.localhost", "TLD"),
        ("alice.internal", "TLD"),
        ("alice.EXAMPLE", "TLD"),
        ("alice.alt", "TLD"),
        ("alice.onion", "TLD"),
        ("a.b.test", "Invalid characters"),
        ("ab.test", "too short"),
        (f"{'a' * 19}.test", "too long"),
    ],
)
def test_a_bad_handle_is_invalid(tmp_path: Path, handle: str, message: str) -> None:
    with pytest.raises(InvalidHandleError, match=message):
        make_handles(tmp_path).check_new(handle, ALICE)


def test_a_reserved_handle_is_for_the_admin(tmp_path: Path) -> None:
    handles = make_handles(tmp_path)

    with pytest.raises(HandleNotAvailableError, match="Reserved handle"):
        handles.check_new("Admin.test")

    assert handles.check_new("admin.test", by_admin=True) == "admin.test"
    assert handles.check_new("administer.test") == "administer.test"


def test_reserved_words_could_be_handles() -> None:
    assert all(word == word.lower() and "." not in word for word in RESERVED_HANDLES)
    assert {"admin", "pds", "www", "support", "xrpc", "postmaster"} <= RESERVED_HANDLES
    assert "constructor" not in RESERVED_HANDLES


@pytest.mark.parametrize("domain", ["test", "example.com"])
def test_a_slur_is_for_nobody_but_the_admin(tmp_path: Path, domain: str) -> None:
    handles = make_handles(tmp_path, Lookup({f"f4-gg.0t.{domain}": ALICE}))

    with pytest.raises(InvalidHandleError, match="Inappropriate"):
        handles.check_new(f"f4-gg0t.{domain}", ALICE)

    assert handles.check_new("f4-gg0t.test", by_admin=True) == "f4-gg0t.test"


@pytest.mark.parametrize(
    "innocent",
    ["raccoon.test", "tycoon.test", "nigeria.test", "vintage.test", "fagus.test", "chinkapin.test"],
)
def test_an_innocent_word_is_no_slur(innocent: str) -> None:
    assert not has_slur(innocent)


def test_the_longest_of_our_domains_counts(tmp_path: Path) -> None:
    handles = make_handles(
        tmp_path,
        hostname="pds.example.com",
        service_handle_domains=".example.com,.club.example.com",
    )

    assert handles.check_new("alice.club.example.com") == "alice.club.example.com"
    assert handles.check_new("alice.example.com") == "alice.example.com"
    with pytest.raises(InvalidHandleError):
        handles.check_new("alice.other.example.com")


@pytest.mark.parametrize(
    ("handle", "is_ours"),
    [
        ("alice.test", True),
        ("Alice.TEST", True),
        ("a.b.test", True),
        ("test", False),
        (".test", False),
        ("alice.attest", False),
        ("alice.test.com", False),
    ],
)
def test_service_handles_are_told_apart(tmp_path: Path, handle: str, is_ours: bool) -> None:
    assert make_handles(tmp_path).is_service_handle(handle) is is_ours


def test_a_domain_of_ours_itself_is_for_the_admin_to_give(tmp_path: Path) -> None:
    outside = Lookup({"pds.example.com": ALICE})
    handles = make_handles(
        tmp_path,
        outside,
        hostname="pds.example.com",
        service_handle_domains=".pds.example.com,.club.example.org",
    )

    for handle in ("pds.example.com", "Club.Example.org"):
        assert handles.check_new(handle, ALICE, by_admin=True) == handle.lower()
        for did in (ALICE, None):
            with pytest.raises(HandleNotAvailableError, match="Reserved handle"):
                handles.check_new(handle, did)
    assert outside.asked == []


def test_a_handle_elsewhere_needs_a_did(tmp_path: Path) -> None:
    outside = Lookup({"alice.com": ALICE})

    with pytest.raises(UnsupportedDomainError):
        make_handles(tmp_path, outside).check_new("alice.com")

    assert outside.asked == []


def test_a_handle_elsewhere_must_point_to_that_did(tmp_path: Path) -> None:
    outside = Lookup({"alice.com": ALICE})
    app_view = Lookup({"bob.com": BOB})
    handles = make_handles(tmp_path, outside, app_view)

    assert handles.check_new("Alice.com", ALICE) == "alice.com"
    for handle, did in (("alice.com", BOB), ("nobody.com", BOB), ("bob.com", BOB)):
        with pytest.raises(InvalidRequestError, match="External handle did not resolve to DID"):
            handles.check_new(handle, did)
    assert app_view.asked == []


def test_a_test_domain_that_is_not_ours_is_for_local_mode(tmp_path: Path) -> None:
    outside = Lookup({"alice.other.test": ALICE})
    local = make_handles(tmp_path, outside, service_handle_domains=".mine.test")
    public = make_handles(tmp_path, outside, hostname="pds.example.com")
    own = make_handles(tmp_path, hostname="pds.example.com", service_handle_domains=".mine.test")

    assert local.check_new("alice.other.test", ALICE) == "alice.other.test"
    with pytest.raises(InvalidHandleError, match="TLD"):
        public.check_new("alice.other.test", ALICE)
    assert own.check_new("alice.mine.test") == "alice.mine.test"


# --- resolving one ------------------------------------------------------------------------------


@pytest.mark.usefixtures("open_database")
class TestResolve:
    def test_an_account_here_is_found_first(self, tmp_path: Path) -> None:
        outside = Lookup({"alice.com": BOB})
        _account(ALICE, "alice.com")
        _account(BOB, "bob.test")
        handles = make_handles(tmp_path, outside)

        assert handles.resolve("Alice.com") == ALICE
        assert handles.resolve("bob.test") == BOB
        assert outside.asked == []

    @pytest.mark.parametrize(
        "status",
        [{"deactivated_at": NOW}, {"pending_operation": "{}"}],
    )
    def test_an_inactive_account_is_not_found(self, tmp_path: Path, status: dict[str, str]) -> None:
        _account(ALICE, "alice.test", **status)

        with pytest.raises(HandleNotFoundError):
            make_handles(tmp_path).resolve("alice.test")

    def test_an_inactive_account_elsewhere_is_asked_for_outside(self, tmp_path: Path) -> None:
        _account(ALICE, "alice.com", deactivated_at=NOW)

        assert make_handles(tmp_path, Lookup({"alice.com": ALICE})).resolve("alice.com") == ALICE

    @pytest.mark.parametrize("handle", ["nobody.test", "a.b.test", "pds.example.com"])
    def test_our_own_domains_are_never_asked_for_outside(self, tmp_path: Path, handle: str) -> None:
        outside, app_view = Lookup({handle: BOB}), Lookup({handle: BOB})
        handles = make_handles(
            tmp_path, outside, app_view, service_handle_domains=".test,.pds.example.com"
        )

        with pytest.raises(HandleNotFoundError, match="Unable to resolve handle"):
            handles.resolve(handle)

        assert outside.asked == app_view.asked == []

    def test_an_app_view_is_asked_before_the_outside(self, tmp_path: Path) -> None:
        outside, app_view = Lookup({"bob.com": BOB}), Lookup({"alice.com": ALICE})
        handles = make_handles(tmp_path, outside, app_view)

        assert handles.resolve("alice.com") == ALICE
        assert outside.asked == []
        assert handles.resolve("bob.com") == BOB
        assert app_view.asked == ["alice.com", "bob.com"]

    def test_an_app_view_out_of_order_is_passed_over(self, tmp_path: Path) -> None:
        app_view = Lookup(error=UpstreamFailureError())

        handles = make_handles(tmp_path, Lookup({"bob.com": BOB}), app_view)

        assert handles.resolve("bob.com") == BOB

    @pytest.mark.parametrize("error", [HandleResolutionError(), UpstreamFailureError()])
    def test_what_nobody_knows_is_an_invalid_request(
        self, tmp_path: Path, error: Exception
    ) -> None:
        with pytest.raises(InvalidRequestError, match="Unable to resolve handle") as caught:
            make_handles(tmp_path, Lookup(error=error)).resolve("nobody.com")

        assert caught.value.error == "InvalidRequest"

    def test_what_is_no_handle_is_not_asked_for(self, tmp_path: Path) -> None:
        outside = Lookup()

        with pytest.raises(InvalidRequestError):
            make_handles(tmp_path, outside).resolve("not a handle")

        assert outside.asked == []
