from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from pds.errors import NotEnoughResourcesError
from tests.web.harness import ALICE, Running, make_services, running


class FakeAccounts:
    def find_account(self, at_identifier: str) -> SimpleNamespace | None:
        if at_identifier in ("alice.example.com", "elsewhere.org", "example.com"):
            return SimpleNamespace(did=ALICE, is_active=True)
        if at_identifier == "gone.example.com":
            return SimpleNamespace(did=ALICE, is_active=False)
        return None


class FakeHealth:
    well = True

    def check(self) -> None:
        if not self.well:
            raise NotEnoughResourcesError


HEALTH = FakeHealth()


@pytest.fixture(scope="module")
def web() -> Iterator[Running]:
    services = make_services(
        accounts=FakeAccounts(),
        health=HEALTH,
        identity=SimpleNamespace(service_document=lambda: {"id": "did:web:pds.example.com"}),
    )
    with running(services, {}) as server:
        yield server


def test_password_managers_find_where_to_change_a_password(web: Running) -> None:
    answer = web.get("/.well-known/change-password")

    assert (answer.status, answer.headers["Location"]) == (302, "/account/reset-password")


@pytest.mark.parametrize("host", ["alice.example.com", "Alice.Example.com:2583", "example.com"])
def test_handle_of_the_host_name_is_resolved(web: Running, host: str) -> None:
    answer = web.get("/.well-known/atproto-did", Host=host)

    assert (answer.status, answer.body.decode()) == (200, ALICE)
    assert answer.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    "host", ["nobody.example.com", "gone.example.com", "elsewhere.org", "[::1]:2583", "a:b:c", ""]
)
def test_other_host_names_are_404(web: Running, host: str) -> None:
    answer = web.get("/.well-known/atproto-did", Host=host)

    assert (answer.status, answer.body) == (404, b"User not found")


def test_did_document_of_the_server_is_served(web: Running) -> None:
    answer = web.get("/.well-known/did.json")

    assert answer.json == {"id": "did:web:pds.example.com"}
    assert answer.headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize("domain", ["pds.example.com", "alice.example.com", "ALICE.example.com"])
def test_certificates_may_be_ordered_for_our_names(web: Running, domain: str) -> None:
    answer = web.get(f"/tls-check?domain={domain}")

    assert (answer.status, answer.json) == (200, {"success": True})


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", (400, "InvalidRequest")),
        ("?domain=", (400, "InvalidRequest")),
        ("?domain=elsewhere.org", (400, "InvalidRequest")),
        ("?domain=nobody.example.com", (404, "NotFound")),
        ("?domain=gone.example.com", (404, "NotFound")),
    ],
)
def test_certificates_for_other_names_are_refused(
    web: Running, query: str, expected: tuple[int, str]
) -> None:
    assert web.get(f"/tls-check{query}").error[:2] == expected


def test_health_tells_the_version(web: Running) -> None:
    answer = web.get("/xrpc/_health")

    assert (answer.status, answer.json) == (200, {"version": "1.2.3"})
    assert web.request("HEAD", "/xrpc/_health").status == 200


def test_health_is_503_when_nothing_can_be_written(
    web: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HEALTH, "well", False)

    answer = web.get("/xrpc/_health")

    assert (answer.status, answer.json) == (
        503,
        {"version": "1.2.3", "error": "Service Unavailable"},
    )


def test_crawlers_are_welcome(web: Running) -> None:
    answer = web.get("/robots.txt")

    assert answer.headers["Content-Type"].startswith("text/plain")
    assert b"User-agent: *\nAllow: /" in answer.body


@pytest.mark.parametrize("path", ["/ROBOTS.txt", "/robots.txt/", "/.Well-Known/DID.json"])
def test_plain_routes_match_in_any_case_and_with_a_final_slash(web: Running, path: str) -> None:
    assert web.get(path).status == 200


def test_unknown_paths_are_404_and_wrong_verbs_405(web: Running) -> None:
    assert web.get("/nowhere").error[:2] == (404, "XRPCNotSupported")
    assert web.get("/xrpc").error[:2] == (404, "XRPCNotSupported")
    assert web.post("/robots.txt").error[:2] == (405, "InvalidRequest")
