"""What can be wrong around a server: DNS, front server, directory, relays, mail."""

from __future__ import annotations

from pds.atproto.crypto.keypair import PrivateKey
from pds.services.clock import system_clock
from pds.storage import outgoing_mail
from pds.storage.database import transaction
from pds.storage.outgoing_mail import NewMail
from tests.clinic import HOST, Clinic, free_port
from tests.scenarios.faults import HOUR_US, execute, fault


@fault("dns-host", f"add: {HOST} A ")
def no_address(clinic: Clinic) -> None:
    clinic.dns.addresses = {}


@fault("dns-private", "public address")
def private_address(clinic: Clinic) -> None:
    clinic.dns.addresses = {HOST: ["192.168.1.5"], f"*.{HOST}": ["192.168.1.5"]}


@fault("dns-wildcard", f"*.{HOST} CNAME {HOST}")
def no_wildcard(clinic: Clinic) -> None:
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
    import dns.rcode

    clinic.dns.rcode = dns.rcode.SERVFAIL


@fault("public-name-unreachable", "open ports 80 and 443")
def nothing_on_443(clinic: Clinic) -> None:
    clinic.front.port = free_port()


@fault("certificate-expired", "journalctl -u caddy")
def expired_certificate(clinic: Clinic) -> None:
    clinic.front.tls = clinic.issuer.server(HOST, days=-1)


@fault("certificate-expiring", "journalctl -u caddy")
def certificate_ends_soon(clinic: Clinic) -> None:
    clinic.front.tls = clinic.issuer.server(HOST, f"*.{HOST}", days=10)


@fault("certificate-name", "#certificate-name")
def certificate_for_another_name(clinic: Clinic) -> None:
    clinic.front.tls = clinic.issuer.server("other.example.com")


@fault("certificate-untrusted", "Let's Encrypt")
def self_signed_certificate(clinic: Clinic) -> None:
    clinic.front.tls = clinic.issuer.server(HOST, self_signed=True)


@fault("certificate-untrusted", "fullchain.pem")
def certificate_of_a_strange_authority(clinic: Clinic) -> None:
    elsewhere = clinic.data.parent / "elsewhere"
    elsewhere.mkdir()
    clinic.front.tls = type(clinic.issuer)(elsewhere, name="Stranger").server(HOST)


@fault("handle-lost", "#handle-lost")
def certificate_without_the_handles(clinic: Clinic) -> None:
    clinic.front.tls = clinic.issuer.server(HOST)


@fault("public-name-other", "behind-a-reverse-proxy")
def another_site_answers(clinic: Clinic) -> None:
    clinic.front.otherwise = (200, b"<h1>It works!</h1>")


@fault("public-name-other", "stop the other")
def an_older_copy_of_this_server_answers(clinic: Clinic) -> None:
    clinic.front.answers["/xrpc/_health"] = (200, b'{"version":"0.1.0"}')


@fault("public-name-broken", "behind-a-reverse-proxy")
def front_server_knows_another_port(clinic: Clinic) -> None:
    clinic.front.backend = free_port()


@fault("ipv6-dead", "remove the AAAA record")
def ipv6_leads_nowhere(clinic: Clinic) -> None:
    clinic.front.ipv6_port = free_port()


@fault("websocket-blocked", "Upgrade")
def upgrade_is_dropped(clinic: Clinic) -> None:
    clinic.front.upgrade = "drop"


@fault("websocket-blocked", "unbuffered")
def nothing_comes_through_the_websocket(clinic: Clinic) -> None:
    clinic.front.upgrade = "mute"


@fault("well-known-swallowed", "/.well-known/oauth-authorization-server")
def well_known_path_is_swallowed(clinic: Clinic) -> None:
    clinic.front.answers["/.well-known/oauth-authorization-server"] = (404, b"")


@fault("well-known-swallowed", "/.well-known/did.json")
def did_document_of_another_server(clinic: Clinic) -> None:
    clinic.front.answers["/.well-known/did.json"] = (200, b'{"id":"did:web:other.example.com"}')


@fault("metrics-public", "PDS_METRICS_TOKEN")
def front_server_says_not_for_whom(clinic: Clinic) -> None:
    clinic.front.says_for_whom = False


@fault("handle-lost", "#handle-lost")
def the_path_of_handles_is_swallowed(clinic: Clinic) -> None:
    clinic.front.answers["/.well-known/atproto-did"] = (404, b"not found")


@fault("handle-other", "pdsadmin account set-handle")
def handle_leads_to_somebody_else(clinic: Clinic) -> None:
    name = f"_atproto.alice.{HOST}"
    clinic.dns.texts[name] = [["did=did:plc:ewvi7nxzyoun6zhxrhs64oiz"]]


@fault("handle-lost", 'TXT "did=did:plc:')
def own_domain_without_dns(clinic: Clinic) -> None:
    change_document(clinic, also_known_as=["at://alice.example.org"])
    execute("UPDATE account SET handle = 'alice.example.org'")


@fault("clock-wrong", "timedatectl")
def clock_an_hour_ahead(clinic: Clinic) -> None:
    clinic.clock = lambda: system_clock() + HOUR_US


@fault("clock-wrong", "timedatectl")
def clock_a_minute_behind(clinic: Clinic) -> None:
    clinic.clock = lambda: system_clock() - 60_000_000


def change_document(clinic: Clinic, **changes: object) -> None:
    identity, did = clinic.services.identity, clinic.member.did
    operation = identity.sign_update(identity.last_operation(did), **changes)
    identity.submit_operation(did, operation)


@fault("identity-key", "#identity-key")
def other_signing_key(clinic: Clinic) -> None:
    with transaction():
        clinic.services.keys.store(clinic.member.row.id, PrivateKey.generate())


@fault("identity-elsewhere", "pdsadmin account deactivate")
def document_names_another_server(clinic: Clinic) -> None:
    endpoint = {"type": "AtprotoPersonalDataServer", "endpoint": "https://new.example.com"}
    change_document(clinic, services={"atproto_pds": endpoint})


@fault("identity-handle", "pdsadmin account set-handle")
def document_has_another_handle(clinic: Clinic) -> None:
    change_document(clinic, also_known_as=["at://old.example.com"])


@fault("identity-gone", "#identity-gone")
def directory_does_not_know_the_did(clinic: Clinic) -> None:
    clinic.plc.logs.clear()


@fault("identity-unknown", "PDS_DID_PLC_URL")
def directory_fails(clinic: Clinic) -> None:
    clinic.plc.broken = 500


@fault("relay-none", "PDS_CRAWLERS=")
def no_relay_is_named(clinic: Clinic) -> None:
    clinic.settings["crawlers"] = ""


@fault("relay-silent", "PDS_CRAWLERS")
def relay_fails(clinic: Clinic) -> None:
    clinic.relay.broken = 500


@fault("relay-unknown", "pdsadmin request-crawl")
def relay_does_not_know_us(clinic: Clinic) -> None:
    clinic.relay.status = None


@fault("relay-throttled", "#relay-throttled")
def relay_throttles(clinic: Clinic) -> None:
    clinic.relay.status = "throttled"


@fault("relay-banned", "#relay-banned")
def relay_bans(clinic: Clinic) -> None:
    clinic.relay.status = "banned"


@fault("relay-offline", "pdsadmin request-crawl")
def relay_does_not_reach_us(clinic: Clinic) -> None:
    clinic.relay.status = "offline"


@fault("relay-ahead", "pdsadmin doctor --fix")
def relay_has_seen_more_than_there_is(clinic: Clinic) -> None:
    clinic.relay.seq += 1


@fault("relay-behind", "pdsadmin request-crawl")
def relay_has_stopped_reading(clinic: Clinic) -> None:
    clinic.relay.seq = 1
    execute("UPDATE event SET created_at_us = created_at_us - ?", HOUR_US)


@fault("account-ahead", "pdsadmin doctor --fix")
def relay_has_seen_later_posts(clinic: Clinic) -> None:
    clinic.relay.rev = clinic.services.repos.next_rev(None)


@fault("account-throttled", "#account-throttled")
def relay_throttles_a_member(clinic: Clinic) -> None:
    clinic.relay.left_out[clinic.member.did] = "throttled"


@fault("account-desynchronized", "by itself")
def relay_has_lost_track_of_a_member(clinic: Clinic) -> None:
    clinic.relay.left_out[clinic.member.did] = "desynchronized"


@fault("account-refused", "those who run the relay")
def relay_has_taken_a_member_down(clinic: Clinic) -> None:
    clinic.relay.left_out[clinic.member.did] = "takendown"


@fault("mail-password", "user and password")
def wrong_mail_password(clinic: Clinic) -> None:
    url = f"smtp://pds:wrong@127.0.0.1:{clinic.mail.port}"
    clinic.settings["email_smtp_url"] = url


@fault("mail-unreachable", "host and port")
def mail_server_is_away(clinic: Clinic) -> None:
    clinic.settings["email_smtp_url"] = f"smtp://pds:x@127.0.0.1:{free_port()}"


@fault("mail-waiting", "pdsadmin logs")
def mail_does_not_leave(_clinic: Clinic) -> None:
    now_us = system_clock()
    mail = NewMail(
        None, "service", "notice", "a@example.com", "s", "t", "h", now_us - 3 * HOUR_US, now_us
    )
    with transaction():
        outgoing_mail.insert_mail(mail)
