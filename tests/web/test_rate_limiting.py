"""Limits over HTTP: what is spent when, what the client is told, whom they do not concern."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pds.services.rate_limits import RateLimits
from pds.xrpc import limits
from pds.xrpc.method import Auths, Call, Limit, LimitKey, Method
from tests.factories import START_US, StillClock
from tests.web.harness import Answer, Running, lexicon, make_config, make_services, running

ECHO = "test.web.getEcho"
NOTE = "test.web.putNote"
ADMIN_METHOD = "test.web.ring"
FEW = Limit("few", 3, 60)
START_S = START_US // 1_000_000
BASIC = "Basic YWRtaW46cGFzczp3aXRoOmNvbG9ucw=="  # admin:pass:with:colons
WRONG_BASIC = "Basic YWRtaW46d3Jvbmc="


@pytest.fixture(autouse=True)
def small_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pds.web.rate_limiting.GLOBAL_PER_ADDRESS", Limit("global-ip", 10, 300))
    monkeypatch.setattr("pds.web.rate_limiting.ADMIN_FAILURES", (Limit("admin", 2, 900),))


def answer_note(call: Call) -> dict[str, Any]:
    return call.input


@contextmanager
def limited(
    clock: StillClock, *methods: Method, config: Any = None, **how: Any
) -> Iterator[Running]:
    services = make_services(
        rate_limits=RateLimits(clock, enabled=True, **how), config=config or make_config()
    )
    known = {
        method.nsid: method
        for method in (Method(ECHO, "query", Auths.NONE, lambda call: {}), *methods)
    }
    with running(services, known) as server:
        yield server


def echo(server: Running, address: str = "192.0.2.1", **headers: str) -> Answer:
    return server.get(f"/xrpc/{ECHO}?name=a", X_Forwarded_For=address, **headers)


def standing(answer: Answer) -> tuple[str, str, str, str]:
    names = ("Limit", "Remaining", "Reset", "Policy")
    limit, remaining, reset, policy = (answer.headers[f"RateLimit-{name}"] for name in names)
    return limit, remaining, reset, policy


def statuses(ask: Callable[[], Answer], times: int) -> list[int]:
    return [ask().status for _ in range(times)]


def test_every_answer_says_where_the_client_stands(clock: StillClock) -> None:
    with limited(clock) as server:
        answer = echo(server, Origin="https://app.example.com")

    assert standing(answer) == ("10", "9", str(START_S + 300), "10;w=300")
    exposed = answer.headers["Access-Control-Expose-Headers"]
    names = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "RateLimit-Policy")
    assert all(name in exposed for name in (*names, "Retry-After"))


def test_address_that_asks_too_often_waits_and_others_do_not(clock: StillClock) -> None:
    with limited(clock) as server:
        assert statuses(lambda: echo(server), 10) == [200] * 10
        clock.advance(0.1)
        refused = echo(server)

        assert refused.error == (
            429,
            "RateLimitExceeded",
            "Rate limit exceeded, try again in 300 seconds",
        )
        assert refused.headers["Retry-After"] == "300"
        assert standing(refused) == ("10", "0", str(START_S + 300), "10;w=300")
        assert echo(server, "192.0.2.2").status == 200
        clock.advance(300)
        assert echo(server).status == 200


def test_neighbours_in_one_ipv6_network_share_a_budget(clock: StillClock) -> None:
    with limited(clock) as server:
        asked = [echo(server, f"2001:db8::{number:x}").status for number in range(1, 12)]

        assert asked == [200] * 10 + [429]
        assert echo(server, "2001:db8:0:1::1").status == 200


def test_forwarded_address_of_an_untrusted_peer_is_not_believed(clock: StillClock) -> None:
    with limited(clock, config=make_config(trusted_proxies=())) as server:
        asked = [echo(server, f"192.0.2.{number}").status for number in range(11)]

    assert asked == [200] * 10 + [429]


def test_requests_that_are_refused_cost_something_too(clock: StillClock) -> None:
    user = Method("test.web.getPlain", "query", Auths.USER, lambda call: {})
    with limited(clock, user) as server:
        asked = [
            server.get("/xrpc/test.web.getEcho"),  # a parameter is missing
            server.get("/xrpc/test.web.getPlain", Authorization="Bearer guessed"),
            server.get("/xrpc/test.web.unknown"),
            server.post("/xrpc/test.web.getEcho"),
        ]
        assert [answer.status for answer in asked] == [400, 400, 401, 400]
        assert [answer.headers["RateLimit-Remaining"] for answer in asked] == ["9", "8", "7", "6"]


def test_method_that_is_not_counted_globally_is_not(clock: StillClock) -> None:
    own = Method(ECHO, "query", Auths.NONE, lambda call: {}, (FEW,), counts_globally=False)
    with limited(clock, own) as server:
        assert standing(echo(server)) == ("3", "2", str(START_S + 60), "3;w=60")
        assert statuses(lambda: echo(server), 3) == [200, 200, 429]


def test_tightest_of_all_budgets_is_shown(clock: StillClock) -> None:
    cost = Limit("points", 12, 3_600, key="did", cost=lambda call: len(call.input["text"]))
    write = Method(NOTE, "procedure", Auths.USER, answer_note, (FEW, cost))
    with limited(clock, write) as server:

        def send(text: str) -> Answer:
            return server.post_json(f"/xrpc/{NOTE}", {"text": text}, Authorization="Bearer access")

        assert standing(send("a"))[:2] == ("3", "2")
        assert standing(send("eleven char"))[:2] == ("12", "0")
        refused = send("b")
        assert (refused.status, standing(refused)[3]) == (429, "12;w=3600")


def test_body_that_is_refused_costs_no_points_of_the_method(clock: StillClock) -> None:
    write = Method(NOTE, "procedure", Auths.NONE, answer_note, (FEW,))
    with limited(clock, write) as server:
        for _ in range(4):
            assert server.post_json(f"/xrpc/{NOTE}", {"no": "text"}).status == 400
        assert standing(server.post_json(f"/xrpc/{NOTE}", {"text": "a"}))[:2] == ("3", "2")


def test_wrong_admin_passwords_are_counted_and_right_ones_are_not(clock: StillClock) -> None:
    method = Method(ADMIN_METHOD, "procedure", Auths.ADMIN, lambda call: None)
    with limited(clock, method) as server:

        def ring(credentials: str, address: str = "192.0.2.1") -> int:
            path = f"/xrpc/{ADMIN_METHOD}"
            return server.post(path, Authorization=credentials, X_Forwarded_For=address).status

        assert [ring(BASIC) for _ in range(4)] == [200] * 4
        assert [ring(WRONG_BASIC) for _ in range(3)] == [401, 401, 429]
        assert ring(BASIC) == 429  # or every guess would tell whether it was right
        assert ring(BASIC, "192.0.2.2") == 200
        clock.advance(900)
        assert ring(BASIC) == 200


def test_operator_can_exempt_by_header_and_by_range(clock: StillClock) -> None:
    networks = (ipaddress.ip_network("198.51.100.0/24"),)
    config = make_config(rate_limit_bypass_ips=networks)
    with limited(clock, config=config, bypass_key="let-me", bypass_networks=networks) as server:
        exempt: list[Callable[[], Answer]] = [
            lambda: echo(server, X_RateLimit_Bypass="let-me"),
            lambda: echo(server, "198.51.100.77"),
        ]
        for ask in exempt:
            assert statuses(ask, 12) == [200] * 12
            assert "RateLimit-Limit" not in ask().headers
        wrong = [echo(server, X_RateLimit_Bypass="let-you").status for _ in range(11)]
        assert wrong == [200] * 10 + [429]


def test_address_without_limits_is_believed_as_a_proxy(clock: StillClock) -> None:
    networks = (ipaddress.ip_network("127.0.0.1"),)
    config = make_config(trusted_proxies=(), rate_limit_bypass_ips=networks)
    with limited(clock, config=config, bypass_networks=networks) as server:
        assert statuses(lambda: echo(server), 11) == [200] * 10 + [429]


def test_limits_can_be_switched_off(clock: StillClock) -> None:
    services = make_services(rate_limits=RateLimits(clock, enabled=False))
    with running(services, {ECHO: Method(ECHO, "query", Auths.NONE, lambda call: {})}) as server:
        answers = [echo(server) for _ in range(12)]

    assert [answer.status for answer in answers] == [200] * 12
    assert all("RateLimit-Limit" not in answer.headers for answer in answers)


def test_opening_a_subscription_is_counted_before_the_handshake(clock: StillClock) -> None:
    nsid = "test.web.subscribe"

    def refuse(call: Call) -> Any:
        raise AssertionError

    method = Method(nsid, "subscription", Auths.NONE, refuse, (Limit("subscribe", 0, 60),))
    with limited(clock, method) as server:
        answer = server.get(
            f"/xrpc/{nsid}",
            Connection="Upgrade",
            Upgrade="websocket",
            Sec_WebSocket_Version="13",
            Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==",
        )

    assert (answer.status, answer.headers["Retry-After"]) == (429, "60")


LOGIN = "test.web.login"


def login_method() -> Method:
    budgets = (Limit("login", 4, 60, key="login"),)
    return Method(LOGIN, "procedure", Auths.NONE, lambda call: {}, budgets)


@pytest.fixture
def login_server(clock: StillClock) -> Iterator[Running]:
    text = {"type": "string"}
    schema = {"type": "object", "properties": {"identifier": text, "password": text}}
    document = lexicon(LOGIN, "procedure", input={"encoding": "application/json", "schema": schema})
    services = make_services(
        {LOGIN: document}, rate_limits=RateLimits(clock, enabled=True), config=make_config()
    )
    with running(services, {LOGIN: login_method()}) as server:
        yield server


def log_in(server: Running, name: str, number: int, password: str = "wrong") -> int:
    return server.post_json(
        f"/xrpc/{LOGIN}",
        {"identifier": name, "password": password},
        X_Forwarded_For=f"192.0.2.{number}",
    ).status


def test_log_ins_are_counted_by_name_and_address(login_server: Running) -> None:
    spellings = ["alice.test", "@alice.test", "ALICE.test", " alice.test "]

    assert [log_in(login_server, name, 1) for name in spellings] == [200] * 4
    assert log_in(login_server, "alice.test", 1) == 429
    assert log_in(login_server, "bob.test", 1) == 200
    assert log_in(login_server, "alice.test", 2) == 200


@pytest.mark.parametrize(
    ("key", "field", "same", "other"),
    [
        ("email", "email", ["a@example.com", " A@Example.com "], "b@example.com"),
    ],
)
def test_what_the_body_names_is_counted_from_any_address(
    clock: StillClock, key: LimitKey, field: str, same: list[str], other: str
) -> None:
    nsid = "test.web.ask"
    schema = {"type": "object", "required": [field], "properties": {field: {"type": "string"}}}
    document = lexicon(nsid, "procedure", input={"encoding": "application/json", "schema": schema})
    services = make_services({nsid: document}, rate_limits=RateLimits(clock, enabled=True))
    method = Method(nsid, "procedure", Auths.NONE, answer_note, (Limit("ask", 1, 60, key=key),))
    with running(services, {nsid: method}) as server:

        def send(value: str, address: str) -> int:
            return server.post_json(f"/xrpc/{nsid}", {field: value}, X_Forwarded_For=address).status

        assert [send(same[0], "192.0.2.1"), send(same[1], "192.0.2.2")] == [200, 429]
        assert send(other, "192.0.2.1") == 200


def test_budget_of_the_real_server_is_the_references() -> None:
    budget = limits.GLOBAL_PER_ADDRESS

    assert (budget.points, budget.window_s) == (3_000, 300)
