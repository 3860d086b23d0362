"""What can be wrong around a server: front server, directory, mail."""

from __future__ import annotations

import os
import ssl

from pds.atproto.crypto.keypair import PrivateKey
from pds.network import sendmail
from pds.services.clock import system_clock
from pds.storage import outgoing_mail
from pds.storage.database import transaction
from pds.storage.outgoing_mail import NewMail
from pds.storage.process_lock import ProcessLock
from tests.clinic import ADDRESSES, HOST, Clinic, free_port
from tests.fakes.front_server import front_server
from tests.scenarios.faults import HOUR_US, change_document, fault


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


@fault("address-other", "set the AAAA record")
def another_server_answers_at_the_ipv6_address(clinic: Clinic) -> None:
    other = front_server(free_port(), clinic.front.tls)
    clinic.front.elsewhere[ADDRESSES[1]] = clinic.running.enter_context(other).port


@fault("ipv4-dead", "remove the A record")
def old_ipv4_address(clinic: Clinic) -> None:
    clinic.front.elsewhere[ADDRESSES[0]] = free_port()
    clinic.own_addresses = ADDRESSES


@fault("certificate-missing", "#certificate-missing")
def front_server_has_no_certificate(clinic: Clinic) -> None:
    clinic.front.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


@fault("certificate-forbidden", f'{HOST} CAA 0 issue "letsencrypt.org"')
def caa_forbids_certificates(clinic: Clinic) -> None:
    clinic.dns.caa = {HOST: ['0 issue "digicert.com"']}
    front_server_has_no_certificate(clinic)


@fault("certificate-forbidden", "whoever manages your domain")
def caa_cannot_be_asked_for(clinic: Clinic) -> None:
    clinic.dns.failing = {f"{HOST} CAA"}
    front_server_has_no_certificate(clinic)


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


@fault("clock-wrong", "timedatectl")
def clock_an_hour_ahead(clinic: Clinic) -> None:
    clinic.clock = lambda: system_clock() + HOUR_US


@fault("clock-wrong", "timedatectl")
def clock_a_minute_behind(clinic: Clinic) -> None:
    clinic.clock = lambda: system_clock() - 60_000_000


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


@fault("mail-password", "user and password")
def wrong_mail_password(clinic: Clinic) -> None:
    url = f"smtp://pds:wrong@127.0.0.1:{clinic.mail.port}"
    clinic.settings["email_smtp_url"] = url


@fault("mail-sendmail", "PDS_EMAIL_SMTP_URL=smtp://localhost:25?ignoreTLS=true")
def sendmail_in_a_sandbox(clinic: Clinic) -> None:
    program = clinic.data.parent / "sendmail"
    program.touch()
    program.chmod(0o2755)
    clinic.running.callback(setattr, sendmail, "SENDMAIL", sendmail.SENDMAIL)
    sendmail.SENDMAIL = str(program)
    lock = ProcessLock(clinic.data / "pds.lock")
    clinic.running.callback(lock.release)
    clinic.proc = clinic.data.parent / "proc"
    (clinic.proc / str(os.getpid())).mkdir(parents=True)
    (clinic.proc / str(os.getpid()) / "status").write_text("NoNewPrivs:\t1\n")
    clinic.settings["email_smtp_url"] = "smtp:///?sendmail=true"


@fault("mail-unreachable", "nothing listens on port")
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
