"""install.sh server: what it says before anything is changed. Nothing here changes the machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RELEASED = ("install.sh", "deploy", "systemd", "requirements.lock", "requirements.txt")
GOOD = [
    *("--yes", "--dry-run", "--skip-dns-check"),
    *("--hostname", "pds.hearth-plan.org", "--email", "op@hearth-plan.org"),
]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "install.sh"), "server", *arguments],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def problems(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [
        line.removeprefix("  PROBLEM: ")
        for line in done.stdout.splitlines()
        if line.startswith("  PROBLEM: ")
    ]


def test_plan_names_every_change_and_makes_none() -> None:
    done = run(*GOOD, "--no-mail")

    for change in (
        "install Python packages into /opt/hearth/venv-",
        "put the program into /opt/hearth/code-",
        "write /pds/pds.env (mode 640, root:pds)",
        "link /usr/local/bin/pdsadmin to /opt/hearth/current/pdsadmin",
        "write /etc/systemd/system/pds.service (mode 644, root:root)",
        "start the service pds and wait until it listens",
    ):
        assert f"\n  - {change}" in done.stdout
    assert not Path("/opt/hearth").exists()
    assert not Path("/pds").exists()


def test_what_is_missing_is_listed_where_nobody_can_be_asked() -> None:
    done = run("--yes")

    assert done.returncode == 1
    assert done.stdout == ""
    assert [line.strip() for line in done.stderr.splitlines()[1:]] == [
        "--hostname NAME",
        "--email ADDRESS",
        "--smtp-url URL and --mail-from ADDRESS, or --no-mail",
    ]


def test_environment_answers_too() -> None:
    done = run(
        "--yes",
        "--dry-run",
        "--skip-dns-check",
        PDS_HOSTNAME="pds.hearth-plan.org",
        PDS_CONTACT_EMAIL_ADDRESS="op@hearth-plan.org",
        PDS_EMAIL_SMTP_URL="smtps://u:p@mail.example.com:465",
    )

    assert [line.strip() for line in done.stderr.splitlines()[1:]] == ["--mail-from ADDRESS"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--tls", "sometimes"], "--tls is on-demand, internal or none"),
        (["--front", "lighttpd"], "--front is caddy, nginx, apache or print"),
        (["--hostname"], "--hostname needs a value"),
        (["--fast"], "--fast is not known"),
        (["--no-mail", "--smtp-url", "smtp://localhost:25"], "exclude each other"),
        (["--mail-provider", "pigeon"], "--mail-provider is one of: resend"),
    ],
)
def test_wrong_command_lines_are_refused(arguments: list[str], complaint: str) -> None:
    done = run(*arguments)

    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("hostname", "complaint"),
    [
        ("https://pds.example.com", "is no public host name"),
        ("localhost", "is no public host name"),
        ("192.0.2.7", "is no public host name"),
        ("pds_1.example.com", "is no public host name"),
        ("pds.example.com:443", "is no public host name"),
        ("pds.local", "nobody elsewhere can reach"),
        ("pds.home.arpa", "nobody elsewhere can reach"),
    ],
)
def test_names_that_cannot_be_a_server_are_problems(hostname: str, complaint: str) -> None:
    done = run(*GOOD, "--hostname", hostname, "--no-mail")

    assert done.returncode == 1
    assert any(complaint in problem for problem in problems(done))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--acme-server", "https://a.example/{env.X}"], "is the https address of an ACME"),
        (["--acme-server", "staging", "--acme-root", "/nowhere"], "is no readable file"),
        (["--acme-server", "staging", "--front", "nginx"], "certbot is told with --server"),
    ],
)
def test_authority_that_cannot_be_asked_is_a_problem(options: list[str], complaint: str) -> None:
    done = run(*GOOD, "--no-mail", *options)

    assert any(complaint in problem for problem in problems(done)), done.stdout


def test_name_without_address_is_a_problem_that_says_which_record_to_make() -> None:
    without_skip = [word for word in GOOD if word != "--skip-dns-check"]

    done = run(*without_skip, "--hostname", "pds.hearth.invalid-name", "--no-mail")

    assert any("Add a record of type A" in problem for problem in problems(done))
    assert any("*.pds.hearth.invalid-name" in problem for problem in problems(done))


def test_help_names_every_option_that_is_taken() -> None:
    shown = run("--help").stdout
    taken = (ROOT / "deploy/options.sh").read_text().partition("parse_options()")[2]

    options = re.findall(r"^ .*?(--[a-z-]+)", taken.partition("set_option()")[0], re.MULTILINE)

    assert len(options) > 5
    assert [option for option in options if option not in shown] == ["--help"]


def test_without_the_program_the_script_says_where_it_comes_from(tmp_path: Path) -> None:
    shutil.copy(ROOT / "install.sh", tmp_path)

    done = subprocess.run(
        [str(tmp_path / "install.sh"), "server", "--yes"],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 1
    assert "Set HEARTH_RELEASE" in done.stderr


class Release:
    """A release as install.sh fetches it: curl is a stand-in that hands out a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.archive = folder / "hearth.tar.gz"
        subprocess.run(
            ["tar", "-czf", str(self.archive), "--transform", "s,^,hearth-1/,", *RELEASED],
            cwd=ROOT,
            check=True,
        )
        tools = folder / "bin"
        tools.mkdir()
        curl = f'#!/bin/bash\necho "$@" >{folder}/asked\ncp {self.archive} "${{@: -2:1}}"\n'
        (tools / "curl").write_text(curl)
        (tools / "curl").chmod(0o755)

    def pipe(self, release: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """``curl … | bash -s -- ARGUMENTS``"""
        return subprocess.run(
            ["bash", "-s", "--", *arguments],
            input=(ROOT / "install.sh").read_text(),
            env={
                "PATH": f"{self.folder}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "HEARTH_RELEASE": release,
                "TMPDIR": str(self.folder),
            },
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def digest(self) -> str:
        done = subprocess.run(
            ["sha256sum", str(self.archive)], capture_output=True, text=True, check=True
        )
        return done.stdout.split()[0]


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return Release(tmp_path)


def test_piped_script_fetches_the_release_and_goes_on_with_it(release: Release) -> None:
    url = f"https://releases.example.org/hearth-1.tar.gz#sha256={release.digest()}"

    done = release.pipe(url, "--yes")

    assert "==> Fetching https://releases.example.org/hearth-1.tar.gz\n" in done.stdout
    assert "missing, and there is nobody to ask" in done.stderr
    assert "--proto =https" in (release.folder / "asked").read_text()
    assert [path.name for path in release.folder.iterdir() if path.name.startswith("hearth")] == [
        "hearth.tar.gz"
    ]


def test_release_that_is_another_is_not_run(release: Release) -> None:
    url = f"https://releases.example.org/hearth-1.tar.gz#sha256={'0' * 64}"

    done = release.pipe(url, "--yes")

    assert done.returncode == 1
    assert "is not what was expected" in done.stderr
    assert "missing" not in done.stderr


@pytest.mark.parametrize(
    "address",
    [
        "http://releases.example.org/h.tar.gz#sha256=" + "0" * 64,
        "https://releases.example.org/h.tar.gz",
        "https://releases.example.org/h.tar.gz#sha256=12",
    ],
)
def test_release_without_encryption_or_digest_is_not_fetched(
    release: Release, address: str
) -> None:
    done = release.pipe(address, "--yes")

    assert done.returncode == 1
    assert "is not an https address with #sha256=" in done.stderr
    assert not (release.folder / "asked").exists()


@pytest.mark.parametrize("end", ["{ main", "main ", ' "$@"', "; } #", "} #"])
def test_script_that_arrives_cut_off_does_nothing(end: str, tmp_path: Path) -> None:
    text = (ROOT / "install.sh").read_text()
    whole = text.rindex("{ main")

    done = subprocess.run(
        ["bash", "-s", "--", "--yes"],
        input=text[: text.index(end, whole)],
        env={"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.stdout == ""
    assert "install.sh:" not in done.stderr  # it has not even looked at its options
