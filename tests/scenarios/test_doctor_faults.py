"""A fault at a time, put into a healthy server: the doctor names it, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pds.services import health
from pds.services.doctor import addresses, public_name, websocket
from pds.services.doctor.checks import FINDINGS
from tests.clinic import ADDRESSES, HOST, Clinic, free_port, open_clinic
from tests.scenarios import faults_dns, faults_inside, faults_outside, faults_relays
from tests.scenarios.faults import FAULTS

TABLES = (faults_inside, faults_outside, faults_dns, faults_relays)  # importing them fills FAULTS


@pytest.fixture
def clinic(
    tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Clinic]:
    for module in (health, public_name, addresses):
        monkeypatch.setattr(module, "TRUST_US", 20_000)
    monkeypatch.setattr(websocket, "_ANSWERS_WITHIN_S", 2.0)
    with open_clinic(tmp_path, empty_database) as opened:
        yield opened


def test_a_healthy_server_has_nothing_to_put_right(clinic: Clinic) -> None:
    found = clinic.examine()

    assert {one.name: (one.outcome, one.found) for one in found if one.outcome != "ok"} == {}
    assert len(found) >= 19


@pytest.mark.parametrize("title", FAULTS)
def test_a_fault_is_named_with_its_remedy_and_nothing_else(clinic: Clinic, title: str) -> None:
    name, inflict, remedy = FAULTS[title]
    inflict(clinic)

    wrong = clinic.wrong()

    assert {one.name: one.found for one in wrong.values()} == {name: wrong[name].found}
    assert remedy in wrong[name].remedy
    assert "\n" not in wrong[name].found + wrong[name].remedy


def test_faults_of_nearly_every_kind_were_tried() -> None:
    elsewhere = {"settings", "data", "unfinished", "server-old"}

    assert {name for name, _, _ in FAULTS.values()} == set(FINDINGS) - elsewhere
    assert len(FAULTS) >= 60


def healthy_ways(clinic: Clinic) -> dict[str, Callable[[], None]]:
    """What is unusual, and all right."""
    did = clinic.member.did

    def record(*pieces: str) -> None:
        faults_dns.own_domain(clinic)
        clinic.dns.texts[faults_dns.RECORD] = [["v=spf1 -all"], list(pieces)]

    def web_site_alone() -> None:
        faults_dns.own_domain(clinic)
        faults_dns.web_site(clinic, did)

    def relay_that_does_not_tell() -> None:
        clinic.relay.knows_methods = False

    def router_that_does_not_lead_back_in() -> None:
        for place in (*ADDRESSES, f"alice.{HOST}"):  # the name itself is in the hosts file
            clinic.front.elsewhere[place] = free_port()
        clinic.dns.addresses = {HOST: [ADDRESSES[0]], f"*.{HOST}": [ADDRESSES[0]]}

    def young_certificate() -> None:
        names = (HOST, f"*.{HOST}")
        clinic.front.tls = clinic.issuer.server(*names, days=1.5, age_days=4.5)

    def no_relay_is_wanted() -> None:
        clinic.settings["crawlers"] = ""
        clinic.wanted_none = {"PDS_CRAWLERS"}

    def machine_without_ipv6() -> None:
        clinic.own_addresses = ("192.168.1.5", "fd00::5")
        clinic.front.ipv6_port = free_port()

    return {
        "a machine without public IPv6": machine_without_ipv6,
        "a name server of the home": lambda: faults_dns.at_home(clinic),
        "a certificate of six days": young_certificate,
        "no relay is wanted": no_relay_is_wanted,
        "a router that does not lead back in": router_that_does_not_lead_back_in,
        "a record in pieces": lambda: record("did=", did[:10], did[10:]),
        "a record with blanks": lambda: record(f"did= {did} "),
        "a web site alone": web_site_alone,
        "a relay that does not tell": relay_that_does_not_tell,
        "a host with IPv4 only": lambda: clinic.dns.addresses.update({HOST: [ADDRESSES[0]]}),
        "mail is not wanted": lambda: clinic.settings.update(
            email_smtp_url="", email_from_address=""
        ),
        "invented answers elsewhere": lambda: clinic.dns.invented.append("203.0.113.9"),
    }


@pytest.mark.parametrize(
    "way",
    [
        "a machine without public IPv6",
        "a name server of the home",
        "a certificate of six days",
        "no relay is wanted",
        "a router that does not lead back in",
        "a record in pieces",
        "a record with blanks",
        "a web site alone",
        "a relay that does not tell",
        "a host with IPv4 only",
        "mail is not wanted",
        "invented answers elsewhere",
    ],
)
def test_what_is_unusual_is_no_fault(clinic: Clinic, way: str) -> None:
    healthy_ways(clinic)[way]()

    assert clinic.wrong() == {}
