"""What can be wrong with names: those of the server, and members' handles."""

from __future__ import annotations

import dns.rcode

from tests.clinic import HOST, Clinic
from tests.scenarios.faults import change_document, execute, fault

OWN = "alice.example.org"
RECORD = f"_atproto.{OWN}"
OTHER = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"


@fault("dns-host", f"add: {HOST} A ")
def no_address(clinic: Clinic) -> None:
    clinic.dns.addresses = {}


def at_home(clinic: Clinic) -> None:
    clinic.dns.addresses = {HOST: ["192.168.1.5"], f"*.{HOST}": ["192.168.1.5"]}


@fault("dns-private", "put your public address there: behind a router")
def private_address(clinic: Clinic) -> None:
    at_home(clinic)
    clinic.dns_elsewhere.addresses = clinic.dns.addresses


@fault("dns-private", "unless only your own network's name server")
def private_address_and_nobody_elsewhere_answers(clinic: Clinic) -> None:
    at_home(clinic)
    clinic.dns_elsewhere.rcode = dns.rcode.REFUSED


@fault("dns-wildcard", f"*.{HOST} CNAME {HOST}")
def no_wildcard(clinic: Clinic) -> None:
    clinic.dns.addresses[f"alice.{HOST}"] = clinic.dns.addresses[HOST]
    del clinic.dns.addresses[f"*.{HOST}"]


@fault("dns-wildcard", f"*.{HOST} CNAME {HOST}")
def wildcard_elsewhere(clinic: Clinic) -> None:
    clinic.dns.addresses[f"*.{HOST}"] = ["5.9.0.1"]


@fault("dns-host", f"add: {HOST} A ")
def no_address_and_answers_are_invented(clinic: Clinic) -> None:
    clinic.dns.addresses = {}
    clinic.dns.invented = ["203.0.113.9"]


@fault("dns-wildcard", f"*.{HOST} CNAME {HOST}")
def no_wildcard_and_answers_are_invented(clinic: Clinic) -> None:
    del clinic.dns.addresses[f"*.{HOST}"]
    clinic.dns.invented = ["203.0.113.9"]


@fault("dns-domain", "whoever manages your domain")
def name_servers_of_the_domain_fail(clinic: Clinic) -> None:
    clinic.dns.failing = {HOST}


@fault("dns-domain", "whoever manages your domain")
def name_servers_fail_for_ipv6(clinic: Clinic) -> None:
    clinic.dns.failing = {f"{HOST} AAAA"}


@fault("dns-dnssec", "DS record")
def domain_is_signed_wrongly(clinic: Clinic) -> None:
    clinic.dns.forged = {HOST}


@fault("dns-silent", "/etc/resolv.conf")
def name_server_fails(clinic: Clinic) -> None:
    clinic.dns.rcode = dns.rcode.SERVFAIL


@fault("handle-lost", "#handle-lost")
def certificate_without_the_handles(clinic: Clinic) -> None:
    clinic.front.tls = clinic.issuer.server(HOST)


@fault("handle-lost", "#handle-lost")
def the_path_of_handles_is_swallowed(clinic: Clinic) -> None:
    clinic.front.answers["/.well-known/atproto-did"] = (404, b"not found")


@fault("handle-other", f'_atproto.alice.{HOST} TXT "did=did:plc:')
def handle_leads_to_somebody_else(clinic: Clinic) -> None:
    name = f"_atproto.alice.{HOST}"
    clinic.dns.texts[name] = [["did=did:plc:ewvi7nxzyoun6zhxrhs64oiz"]]


def own_domain(clinic: Clinic) -> None:
    """The member's handle is one of her own domain, for which nobody has a certificate yet."""
    change_document(clinic, also_known_as=[f"at://{OWN}"])
    execute("UPDATE account SET handle = ?", OWN)


def says(clinic: Clinic, *values: str) -> None:
    own_domain(clinic)
    clinic.dns.texts[RECORD] = [[value] for value in values]


@fault("handle-lost", f'add a DNS record: {RECORD} TXT "did=did:plc:')
def own_domain_without_dns(clinic: Clinic) -> None:
    own_domain(clinic)


@fault("handle-lost", f'change the DNS record: {RECORD} TXT "did=did:plc:')
def own_domain_with_quotation_marks(clinic: Clinic) -> None:
    says(clinic, f'\\"did={clinic.member.did}\\"')


@fault("handle-lost", f'change the DNS record: {RECORD} TXT "did=did:plc:')
def own_domain_without_did(clinic: Clinic) -> None:
    says(clinic, clinic.member.did)


@fault("handle-lost", f'leave only: {RECORD} TXT "did=did:plc:')
def own_domain_with_two_records(clinic: Clinic) -> None:
    says(clinic, f"did={clinic.member.did}", f"did={OTHER}")


@fault("handle-other", f'{RECORD} TXT "did=did:plc:')
def own_domain_of_another_account(clinic: Clinic) -> None:
    says(clinic, f"did={OTHER}")


@fault("handle-lost", "whoever manages the DNS of")
def own_domain_whose_name_servers_fail(clinic: Clinic) -> None:
    own_domain(clinic)
    clinic.dns.failing = {RECORD}


def web_site(clinic: Clinic, did: str) -> None:
    clinic.front.tls = clinic.issuer.server(HOST, f"*.{HOST}", OWN)
    clinic.front.answers["/.well-known/atproto-did"] = (200, did.encode())


@fault("handle-other", f"have https://{OWN}/.well-known/atproto-did answer did:plc:")
def own_web_site_of_another_account(clinic: Clinic) -> None:
    own_domain(clinic)
    web_site(clinic, OTHER)


@fault("handle-other", f"have https://{OWN}/.well-known/atproto-did answer did:plc:")
def own_domain_and_web_site_contradict_each_other(clinic: Clinic) -> None:
    says(clinic, f"did={clinic.member.did}")
    web_site(clinic, OTHER)
