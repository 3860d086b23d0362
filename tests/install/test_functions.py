"""The installer's functions by themselves, and its files as a whole."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest

from pds.mail_settings import smtp_url

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ("install.sh", "pdsadmin", "tests/install/debian-box")  # and all that they source
SHELL_FILES = [
    "install.sh",
    *sorted(str(file.relative_to(ROOT)) for file in (ROOT / "deploy").glob("*.sh")),
]


def bash(script: str, *arguments: str) -> str:
    """What a script says that has all functions of the installer at hand."""
    head = (
        f'set -euo pipefail; here={ROOT}; say() {{ echo "$*"; }}; fail() {{ echo "$*"; exit 1; }}; '
    )
    head += f"source {ROOT}/deploy/main.sh; "
    done = subprocess.run(
        ["bash", "-c", head + script, "bash", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout


# changed_settings with another file: the name of the real one cannot be changed.
SETTINGS_FILE = 'eval "$(declare -f changed_settings | sed "s,\\$env_file,{file},g")"; '


@pytest.mark.parametrize("file", SHELL_FILES)
def test_file_is_short_and_well_formed(file: str) -> None:
    subprocess.run(["bash", "-n", file], cwd=ROOT, check=True)
    assert len((ROOT / file).read_text().splitlines()) <= 400


def test_shellcheck_has_nothing_to_say() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("needs shellcheck")
    done = subprocess.run(
        [
            "shellcheck",
            "--external-sources",
            *("install.sh", "pdsadmin", "tests/install/debian-box"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""


def pins(text: str) -> list[str]:
    return re.findall(r"^([a-z0-9-]+==[0-9.]+)", text, re.MULTILINE)


def test_lock_has_exactly_the_pins_each_with_hashes() -> None:
    wanted = pins((ROOT / "requirements.txt").read_text())
    lock = (ROOT / "requirements.lock").read_text()

    assert pins(lock) == sorted(wanted)
    entries = re.split(r"^(?=[a-z0-9-]+==)", lock, flags=re.MULTILINE)[1:]
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries)


@pytest.mark.parametrize("text", ["simple", "p@ss:w/ord?#%", "with blank+plus&=", "a'b\"c\\d$e`f"])
def test_encoded_text_is_decoded_to_itself(text: str) -> None:
    encoded = bash('url_encode "$1"', text)

    assert re.fullmatch(r"[A-Za-z0-9._~%-]*", encoded)
    assert unquote(encoded) == text


@pytest.mark.parametrize(
    ("provider", "user", "expected"),
    [
        ("resend", "", ("smtp.resend.com", 465, "tls", "resend")),
        ("postmark", "p/w", ("smtp.postmarkapp.com", 587, "starttls", "p/w")),
        (
            "mailgun",
            "me@mg.example.com",
            ("smtp.mailgun.org", 587, "starttls", "me@mg.example.com"),
        ),
        (
            "mailgun-eu",
            "me@mg.example.com",
            ("smtp.eu.mailgun.org", 587, "starttls", "me@mg.example.com"),
        ),
        ("brevo", "x@y.example", ("smtp-relay.brevo.com", 587, "starttls", "x@y.example")),
        ("gmail", "x@gmail.com", ("smtp.gmail.com", 465, "tls", "x@gmail.com")),
    ],
)
def test_address_of_a_provider_is_one_that_the_server_reads(
    provider: str, user: str, expected: tuple[str, int, str, str]
) -> None:
    server = smtp_url(bash('provider_url "$1" "$2" "$3"', provider, user, "p/w"))

    assert (server.host, server.port, server.security, server.user) == expected
    assert server.password == "p/w"


def test_what_is_in_the_settings_stays_and_what_is_named_changes() -> None:
    script = """
      settings=$'# mine\\nPDS_PORT=3000\\nexport_me=1\\n'
      default_value PDS_PORT 2583
      default_value PDS_BIND_ADDRESS 127.0.0.1
      set_value PDS_PORT 2600
      printf '%s' "$settings"
    """

    assert bash(script).splitlines() == [
        "# mine",
        "PDS_PORT=2600",
        "export_me=1",
        "PDS_BIND_ADDRESS=127.0.0.1",
    ]


@pytest.mark.parametrize(
    ("holders", "front"),
    [
        ("'' ''", "caddy"),
        ("nginx nginx", "nginx"),
        ("'' nginx", "nginx"),
        ("apache2 apache2", "apache"),
        ("docker-proxy docker-proxy", "print"),
        ("traefik traefik", "print"),
        ("? ''", "print"),
        ("haproxy haproxy", "print"),
        ("nginx apache2", "print"),
        ("sshd ''", "print"),
    ],
)
def test_front_server_follows_from_who_has_the_ports(holders: str, front: str) -> None:
    assert bash(f"front_for {holders}").strip() == front


def test_port_that_somebody_listens_on_has_a_holder() -> None:
    import socket

    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.create_server((host, 0), family=family) as listener:
            port = listener.getsockname()[1]
            assert bash(f"holder_of {port}").strip()
        assert bash(f"holder_of {port}") == ""


def test_udp_port_that_somebody_has_has_a_holder() -> None:
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as owner:
        owner.bind(("127.0.0.1", 0))
        port = owner.getsockname()[1]
        assert bash(f"udp_holder_of {port}").strip()
    assert bash(f"udp_holder_of {port}") == ""


def test_private_addresses_are_told_from_public_ones() -> None:
    private = (
        "10.0.0.1 127.0.0.1 192.168.1.1 172.16.0.1 172.31.9.9 169.254.1.1 100.64.0.1 100.127.0.1"
    )
    private += " fd00::1 fe80::1 ::1 fc00::1"
    public = "8.8.8.8 172.15.0.1 172.32.0.1 100.63.0.1 100.128.0.1 2001:db8::1"

    assert bash('public_addresses "$1"', f"{private} {public}").split() == public.split()


def test_file_is_put_in_place_once(tmp_path: Path) -> None:
    file = tmp_path / "f"
    owner = f"{subprocess.check_output(['id', '-un'], text=True).strip()}:" + (
        subprocess.check_output(["id", "-gn"], text=True).strip()
    )
    script = f"""
      acting=yes
      put_file {file} 640 {owner} $'one\\n'; echo "$put_anything"
      put_file {file} 640 {owner} $'one\\n'; echo "$put_anything"
      put_file {file} 600 {owner} $'one\\n'; echo "$put_anything"
      put_file {file} 600 {owner} $'two\\n'; echo "$put_anything"
    """

    said = [line for line in bash(script).splitlines() if line in ("yes", "no")]

    assert said == ["yes", "no", "yes", "yes"]
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("two\n", 0o600)
    assert [entry.name for entry in tmp_path.iterdir()] == ["f"]


@pytest.mark.parametrize(
    "template",
    sorted(
        str(file.relative_to(ROOT))
        for file in (ROOT / "deploy").rglob("*")
        if file.suffix in ("", ".conf") and file.is_file()
    ),
)
def test_every_gap_of_a_template_is_filled(template: str) -> None:
    script = f"""
      hostname=pds.example.com port=2583 email=op@example.com tls=internal
      certificate=/c certificate_key=/k acme_server=https://a/dir acme_root=/r
      case {template} in
        */caddy/*) caddyfile_text ;;
        *without-tls*) certificate=''
          site_text {Path(template).parent.name} ;;
        *) site_text {Path(template).parent.name} ;;
      esac
    """

    text = bash(script)

    assert "pds.example.com" in text.replace("\\", "")
    assert not re.search(r"@[A-Z]+@", text)


SHOWN = {"caddy": "Caddyfile", "haproxy": "site.conf", "lighttpd": "site.conf"}


@pytest.mark.parametrize("server", sorted(SHOWN))
def test_recipe_in_the_docs_is_what_the_installer_shows(server: str) -> None:
    live = "/etc/letsencrypt/live/pds.example.com"
    script = f"""
      hostname=pds.example.com port=2583 email=you@example.com tls=on-demand front=print
      certificate={live}/fullchain.pem certificate_key={live}/privkey.pem acme_server= acme_root=
      shown_front={server}
      show_front
    """
    shown = bash(script).partition("on to that\n")[2].replace("\t", "    ").strip()

    page = (ROOT / "docs/front-servers.md").read_text()
    after = page.partition(f"<!-- deploy/{server}/{SHOWN[server]} -->\n")[2]
    lines = []
    for line in after.splitlines():
        if line and not line.startswith("    "):
            break
        lines.append(line.removeprefix("    "))

    assert shown
    assert "\n".join(lines).strip() == shown


def test_plan_names_the_settings_that_change_and_shows_none_of_their_values(tmp_path: Path) -> None:
    file = tmp_path / "pds.env"
    file.write_text("PDS_PORT=2583\nPDS_EMAIL_SMTP_URL=smtps://u:old@a\n# a remark\nPDS_OLD=1\n")
    head = SETTINGS_FILE.format(file=file)
    said = bash(
        head + "settings=$'PDS_PORT=2583\\nPDS_EMAIL_SMTP_URL=smtps://u:new@a\\n# a remark\\n"
        "PDS_CRAWLERS=\\n'; changed_settings"
    )

    assert sorted(said.split()) == ["PDS_CRAWLERS", "PDS_EMAIL_SMTP_URL", "PDS_OLD"]
    file.unlink()
    assert bash(head + "settings=PDS_PORT=1; changed_settings") == ""


def test_wrong_port_in_the_settings_is_found_before_anything_is_started(tmp_path: Path) -> None:
    file = tmp_path / "pds.env"
    file.write_text("PDS_PORT=abc\n")
    said = bash(
        f'env_value() {{ sed -n "s/^$1=//p" {file}; }}; choose_port; printf "%s" "${{problems[*]}}"'
    )

    assert said == 'PDS_PORT in /pds/pds.env is "abc", which is no port; correct that line'
