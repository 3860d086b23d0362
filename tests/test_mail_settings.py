"""The settings of mail: what is understood, and one clear line for what is not."""

from __future__ import annotations

import pytest

from pds.config import Config, ConfigError
from pds.mail_settings import Mailbox, SmtpServer, mailbox, smtp_url
from tests.test_config import PUBLIC


@pytest.mark.parametrize(
    ("raw", "server"),
    [
        ("smtp://mail.example.com", ("mail.example.com", 587, "starttls if offered")),
        ("smtp://mail.example.com:25/", ("mail.example.com", 25, "starttls if offered")),
        ("smtps://mail.example.com", ("mail.example.com", 465, "tls")),
        ("SMTPS://Mail.Example.com:2465", ("mail.example.com", 2465, "tls")),
        ("smtp://mail.example.com:465", ("mail.example.com", 465, "tls")),
        ("smtp://mail.example.com?secure=true", ("mail.example.com", 465, "tls")),
        ("smtp://mail.example.com:2525?requireTLS=true", ("mail.example.com", 2525, "starttls")),
        ("smtp://mail.example.com/?ignoreTLS=1&pool=true", ("mail.example.com", 587, "none")),
        ("smtp://[2001:db8::1]:25", ("2001:db8::1", 25, "starttls if offered")),
        ("smtps://[::1]", ("::1", 465, "tls")),
        ("smtp://localhost:1025", ("localhost", 1025, "starttls if offered")),
    ],
)
def test_where_and_how(raw: str, server: tuple[str, int, str]) -> None:
    found = smtp_url(raw)

    assert (found.host, found.port, found.security) == server
    assert (found.user, found.password, found.sendmail) == (None, None, False)


@pytest.mark.parametrize(
    ("raw", "user", "password"),
    [
        ("smtps://user:password@mail.example.com", "user", "password"),
        (
            "smtps://pds%40example.com:p%23%2F%3F%25%3Aw@mail.example.com",
            "pds@example.com",
            "p#/?%:w",
        ),
        # As nodemailer: the last @ ends the password.
        ("smtps://pds@example.com:p@ss@mail.example.com:465", "pds@example.com", "p@ss"),
        ("smtp://apikey:SG.a-b_c+d=@smtp.sendgrid.net:587", "apikey", "SG.a-b_c+d="),
        ("smtps://user:a:b@mail.example.com", "user", "a:b"),
    ],
)
def test_credentials(raw: str, user: str, password: str) -> None:
    found = smtp_url(raw)

    assert (found.user, found.password) == (user, password)
    assert password not in repr(found)


def test_other_options() -> None:
    found = smtp_url(
        "smtps://mail.example.com?tls.rejectUnauthorized=false&name=pds.example.com"
        "&connectionTimeout=5000&socketTimeout=12000&logger=true&debug=1"
    )

    assert (found.verify_tls, found.helo, found.timeout_s) == (False, "pds.example.com", 12.0)
    assert smtp_url("smtp://a.example").verify_tls
    assert smtp_url("smtp:///?sendmail=true") == SmtpServer("", 0, "none", sendmail=True)


@pytest.mark.parametrize(
    ("host", "is_here"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("[::1]", True),
        ("10.0.0.1", False),
        ("mail.example.com", False),
    ],
)
def test_servers_on_this_machine_are_known(host: str, is_here: bool) -> None:
    assert smtp_url(f"smtp://{host}").is_on_this_machine is is_here


WRONG = [
    ("mail.example.com", "not a mail server address; write it like smtps://user:password@"),
    ("mail.example.com:587", "not a mail server address"),
    ("https://mail.example.com", "not a mail server address"),
    ("smtp:mail.example.com", "not a mail server address"),
    ("smtps://user:s3cret#x@mail.example.com:465", "write them as %23, %2F and %3F"),
    ("smtps://user:s3cret/x@mail.example.com:465", "write them as %23, %2F and %3F"),
    ("smtps://user:s3cret?x@mail.example.com:465", "write them as %23, %2F and %3F"),
    ("smtps://mail.example.com:465#s3cret", "contains a #; write it as %23"),
    ("smtps://user:s3cret%@mail.example.com", "a % in user or password that encodes nothing"),
    ("smtps://user:s3cret%zz@mail.example.com", "write it as %25"),
    ("smtps://user:s3 cret@mail.example.com", "contains a blank"),
    ("smtps://user:s3crét@mail.example.com", "beyond ASCII"),
    ("smtps://user:s3cr%C3%A9t@mail.example.com", "beyond ASCII"),
    ("smtps://s3cret@mail.example.com", "a user without a password"),
    ("smtps://:s3cret@mail.example.com", "a user without a password, or the reverse"),
    ("smtps://user:s3cret@", "names no host"),
    ("smtp://", "names no host"),
    ("smtp:///", "names no host"),
    ("smtps://user:s3cret@mail.example.com:0", "a number of 1 to 65535"),
    ("smtps://user:s3cret@mail.example.com:65536", "a number of 1 to 65535"),
    ("smtps://user:s3cret@mail.example.com:smtp", "a number of 1 to 65535"),
    ("smtps://user:s3cret@mail.example.com:465:465", "more than one port"),
    ("smtp://2001:db8::1", "write it like smtp://[2001:db8::1]:587"),
    ("smtp://[2001:db8::1", "brackets that enclose no IPv6 address"),
    ("smtp://[mail.example.com]", "brackets that enclose no IPv6 address"),
    ("smtp://mail.example.com/inbox", "has a path after the host"),
    ("smtp://mail.example.com?requireTls=true", 'an option "requireTls" that is not known here'),
    ("smtp://mail.example.com?dkim.keySelector=x", "known are requireTLS"),
    ("smtp://mail.example.com?requireTLS=yes", "neither true nor false; write requireTLS=true"),
    ("smtp://mail.example.com?requireTLS=true&ignoreTLS=true", "for encryption and against it"),
    ("smtps://mail.example.com?ignoreTLS=true", "for encryption and against it"),
    ("smtps://mail.example.com?secure=false", "leave secure away"),
    ("smtp://mail.example.com?socketTimeout=soon", "like socketTimeout=30000"),
    ("smtp://mail.example.com?sendmail=true", "write smtp:///?sendmail=true"),
    ("smtp:///?sendmail=true&path=/tmp/x", "write smtp:///?sendmail=true"),
    ("smtp:///?sendmail=perhaps", "neither true nor false"),
]


@pytest.mark.parametrize(("raw", "said"), WRONG)
@pytest.mark.parametrize("name", ["PDS_EMAIL_SMTP_URL", "PDS_MODERATION_EMAIL_SMTP_URL"])
def test_wrong_address_is_explained_in_one_line_without_its_secret(
    name: str, raw: str, said: str
) -> None:
    address = name.replace("SMTP_URL", "ADDRESS").replace("PDS_EMAIL_A", "PDS_EMAIL_FROM_A")

    with pytest.raises(ConfigError) as caught:
        Config.from_env({**PUBLIC, name: raw, address: "pds@example.com"})

    [line] = caught.value.problems
    assert line.startswith(f"{name}: its value ")
    assert said in line
    assert "\n" not in line
    for part in ("s3cr", "user:"):
        assert part not in line.replace("user:password@", "")


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ("PDS_EMAIL_SMTP_URL", "PDS_EMAIL_FROM_ADDRESS"),
        ("PDS_MODERATION_EMAIL_SMTP_URL", "PDS_MODERATION_EMAIL_ADDRESS"),
    ],
)
def test_address_and_sender_go_together(given: str, missing: str) -> None:
    values = {given: "smtp://mail.example.com", missing: "pds@example.com"}
    assert Config.from_env({**PUBLIC, **values}).email_smtp_url or given.startswith("PDS_MOD")

    for one, other in ((given, missing), (missing, given)):
        with pytest.raises(ConfigError) as caught:
            Config.from_env({**PUBLIC, one: values[one]})
        [line] = caught.value.problems
        assert line == f"{one}: only of use together with {other}; set both or none"


@pytest.mark.parametrize(
    ("raw", "name", "address"),
    [
        ("pds@example.com", "", "pds@example.com"),
        ("<pds@example.com>", "", "pds@example.com"),
        ("My PDS <pds@example.com>", "My PDS", "pds@example.com"),
        ('"Müller, Inc." <pds@example.com>', "Müller, Inc.", "pds@example.com"),
    ],
)
def test_sender(raw: str, name: str, address: str) -> None:
    assert mailbox(raw) == Mailbox(name, address)


@pytest.mark.parametrize(
    "raw",
    [
        *("pds", "pds@", "@example.com", "a@b@c", "a b@example.com", "a@b, c@d", "Me <a@b> you"),
        *("a@example.com\r\nBcc: x@y", "Me\n<a@b.c>", "<>", "Me <>", "a@b.c <d@e.f"),
    ],
)
def test_sender_that_is_none_is_refused(raw: str) -> None:
    with pytest.raises(ValueError, match="is not an e-mail address; write it like pds@example"):
        mailbox(raw)
