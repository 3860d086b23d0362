"""Handing over one message, to real servers of every kind and to sendmail."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from pds.mail_settings import smtp_url
from pds.network.mail_errors import MailDelayedError, MailRefusedError, MailServerError
from pds.network.smtp import SmtpTransport, check_server, transport_for
from tests.fakes.mail_server import free_port, mail_server, make_certificate

HELO = "pds.example.com"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test authority is one that this machine knows."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "ca.pem"))
    return certificate


def message(recipient: str = "alice@example.com", text: str = "Grüße\n.\nbye") -> EmailMessage:
    made = EmailMessage(policy=SMTP)
    made["From"] = Address("My PDS", addr_spec="pds@example.com")
    user, _, domain = recipient.rpartition("@")
    made["To"] = Address(username=user, domain=domain)
    made["Subject"] = "Hello"
    made.set_content(text)
    made.add_alternative("<p>Grüße</p>", subtype="html")
    return made


def send(url: str, made: EmailMessage | None = None) -> None:
    transport_for(smtp_url(url), HELO).send(made or message())


def test_plain_server_takes_a_message() -> None:
    with mail_server() as server:
        send(f"smtp://127.0.0.1:{server.port}")

    [mail] = server.delivered
    assert (mail.sender, mail.recipients) == ("pds@example.com", ["alice@example.com"])
    assert mail.body() == "Grüße\n.\nbye\n"
    assert not mail.over_tls


def test_server_is_reached_over_ipv6() -> None:
    received = threading.Event()
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                received.set()
                connection.sendall(b"554 not today\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(MailServerError, match="554 not today"):
            send(f"smtp://[::1]:{listener.getsockname()[1]}")
        thread.join(5)
    assert received.is_set()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_starttls_is_used_where_it_is_offered(trusted: Path, host: str) -> None:
    with mail_server("starttls", certificate=trusted) as server:
        send(f"smtp://{host}:{server.port}")

    assert server.delivered[0].over_tls


def test_encryption_can_be_left_away(trusted: Path) -> None:
    with mail_server("starttls", certificate=trusted) as server:
        send(f"smtp://localhost:{server.port}?ignoreTLS=true")

    assert not server.delivered[0].over_tls


def test_encryption_can_be_demanded() -> None:
    refused = pytest.raises(MailServerError, match=r"no encryption \(STARTTLS\); use smtps")
    with mail_server() as server, refused:
        send(f"smtp://localhost:{server.port}?requireTLS=true")
    assert server.delivered == []


def test_tls_from_the_start_with_log_in(trusted: Path) -> None:
    with mail_server(
        "smtps", certificate=trusted, user="pds@example.com", password="p@ss/#%"
    ) as server:
        send(f"smtps://pds%40example.com:p%40ss%2F%23%25@localhost:{server.port}/")

    assert server.delivered[0].over_tls
    assert server.delivered[0].user == "pds@example.com"


def test_starttls_with_log_in(trusted: Path) -> None:
    with mail_server("starttls", certificate=trusted, user="u", password="p") as server:
        send(f"smtp://u:p@localhost:{server.port}")

    assert (server.delivered[0].over_tls, server.delivered[0].user) == (True, "u")


def test_wrong_password_is_the_servers_refusal_without_the_password() -> None:
    refused = pytest.raises(MailServerError, match="535")
    with mail_server(user="u", password="right") as server, refused as caught:
        send(f"smtp://u:s3cret@localhost:{server.port}")
    assert "s3cret" not in str(caught.value)


def test_a_server_is_tried_without_sending_anything(trusted: Path) -> None:
    with mail_server("starttls", certificate=trusted, user="u", password="p") as server:
        check_server(smtp_url(f"smtp://u:p@localhost:{server.port}"), HELO)
        with pytest.raises(MailServerError, match="535"):
            check_server(smtp_url(f"smtp://u:other@localhost:{server.port}"), HELO)

    assert (server.attempts, server.delivered) == (0, [])


def test_password_is_not_sent_in_clear_over_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is elsewhere by name, and answers from this machine."""
    connect = socket.create_connection
    monkeypatch.setattr(
        socket, "create_connection", lambda address, *a, **k: connect(("127.0.0.1", address[1]))
    )
    with mail_server(user="u", password="p") as server:
        with pytest.raises(MailServerError, match="ignoreTLS=true"):
            send(f"smtp://u:p@mail.example.com:{server.port}")
        assert server.attempts == 0
        send(f"smtp://u:p@mail.example.com:{server.port}?ignoreTLS=true")
    assert len(server.delivered) == 1


@pytest.mark.parametrize("kind", ["smtps", "starttls"])
def test_certificate_of_an_unknown_authority_is_refused(certificate: Path, kind: str) -> None:
    scheme = "smtps" if kind == "smtps" else "smtp"
    with mail_server(kind, certificate=certificate) as server:  # type: ignore[arg-type] # two of three
        with pytest.raises(MailServerError, match="CERTIFICATE_VERIFY_FAILED"):
            send(f"{scheme}://localhost:{server.port}")
        assert server.delivered == []
        send(f"{scheme}://localhost:{server.port}?tls.rejectUnauthorized=false")
    assert len(server.delivered) == 1


def test_certificate_for_another_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_certificate(tmp_path, "mail.example.com")
    monkeypatch.setenv("SSL_CERT_FILE", str(made / "ca.pem"))
    refused = pytest.raises(MailServerError, match="CERTIFICATE_VERIFY_FAILED")
    with mail_server("smtps", certificate=made) as server, refused:
        send(f"smtps://localhost:{server.port}")


@pytest.mark.parametrize(
    ("where", "reply", "error"),
    [
        ("rcpt_replies", "550 no such user", MailRefusedError),
        ("rcpt_replies", "450 greylisted", MailDelayedError),
        ("rcpt_replies", "452 mailbox full", MailDelayedError),
        ("data_replies", "554 looks like spam", MailRefusedError),
        ("data_replies", "451 try later", MailDelayedError),
        ("mail_replies", "550 sender not allowed", MailServerError),
        ("mail_replies", "421 too many connections", MailServerError),
    ],
)
def test_what_the_server_says_is_told_apart(where: str, reply: str, error: type[Exception]) -> None:
    with mail_server() as server:
        getattr(server, where).append(reply)
        with pytest.raises(error, match=reply):
            send(f"smtp://127.0.0.1:{server.port}")
        assert server.delivered == []
        send(f"smtp://127.0.0.1:{server.port}")
    assert len(server.delivered) == 1


def test_address_beyond_ascii_needs_a_server_that_takes_it() -> None:
    made = message("jürgen@example.com")
    with mail_server(utf8=False) as server, pytest.raises(MailRefusedError):
        send(f"smtp://127.0.0.1:{server.port}", made)
    with mail_server() as server:
        send(f"smtp://127.0.0.1:{server.port}", made)
    assert server.delivered[0].recipients == ["jürgen@example.com"]


def test_dead_port_is_told() -> None:
    with pytest.raises(MailServerError, match="refused"):
        send(f"smtp://127.0.0.1:{free_port()}")


def test_unknown_host_is_told() -> None:
    with pytest.raises(MailServerError):
        send("smtp://mail.invalid:25")


@contextlib.contextmanager
def silent_server() -> Iterator[tuple[int, threading.Event]]:
    """Accepts and says nothing."""
    accepted, done = threading.Event(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def linger() -> None:
            connection, _ = listener.accept()
            with connection:
                accepted.set()
                done.wait(10)

        thread = threading.Thread(target=linger)
        thread.start()
        try:
            yield listener.getsockname()[1], accepted
        finally:
            done.set()
            thread.join(5)


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_slow_server_is_left_alone_after_a_while(scheme: str) -> None:
    with silent_server() as (port, _), pytest.raises(MailServerError, match="timed out"):
        send(f"{scheme}://127.0.0.1:{port}?socketTimeout=100")


def test_server_that_speaks_nonsense_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 \x1b[2J Bad Request\r\n\r\n" + b"x" * 20_000)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(MailServerError) as caught:
            send(f"smtp://127.0.0.1:{listener.getsockname()[1]}")
        thread.join(5)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= 300


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_sending_can_be_cut_off_from_the_start(scheme: str) -> None:
    """Before the greeting, or in the middle of the handshake; and after that for good."""
    with silent_server() as (port, accepted):
        transport = SmtpTransport(smtp_url(f"{scheme}://127.0.0.1:{port}"), HELO)
        outcome = _cut_off(transport, accepted)
        with pytest.raises(MailServerError, match="stopping"):
            transport.send(message())

    assert isinstance(outcome, MailServerError)


def test_sending_can_be_cut_off_after_starttls(trusted: Path) -> None:
    with mail_server("starttls", certificate=trusted) as server:
        entered, release = threading.Event(), threading.Event()

        async def linger(*_: object) -> str:
            entered.set()
            release.wait(10)
            return "250 OK"

        server.handle_MAIL = linger  # type: ignore[method-assign,assignment]
        transport = SmtpTransport(smtp_url(f"smtp://localhost:{server.port}"), HELO)
        outcome = _cut_off(transport, entered)
        release.set()

    assert isinstance(outcome, MailServerError)
    assert server.delivered == []


def _cut_off(transport: SmtpTransport, when: threading.Event) -> Exception | None:
    """Send in a thread, abort once ``when`` is set; what came of it, or None."""
    outcomes: list[Exception] = []

    def work() -> None:
        try:
            transport.send(message())
        except MailServerError as error:
            outcomes.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert when.wait(5)
    transport.abort()
    thread.join(5)
    assert not thread.is_alive()
    return outcomes[0] if outcomes else None


# --- sendmail ------------------------------------------------------------------------------------
