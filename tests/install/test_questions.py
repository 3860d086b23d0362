"""install.sh server at a terminal: what it asks, and what it makes of the answers."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def talk(answers: str, *arguments: str) -> str:
    """What is on the screen in the end. Only plans are made here."""
    master, terminal = pty.openpty()
    with subprocess.Popen(
        [str(ROOT / "install.sh"), "server", "--dry-run", "--skip-dns-check", *arguments],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TERM": "dumb"},
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        os.write(master, answers.encode())
        said, _ = process.communicate(timeout=60)
    os.close(terminal)
    os.close(master)
    return said.decode()


def test_it_asks_for_name_address_and_mail() -> None:
    said = talk("pds.hearth-plan.org\nop@hearth-plan.org\nnone\n\n")

    assert "Public name of this server" in said
    assert "Your e-mail address" in said
    assert "members ask you for their codes" in said
    assert "\n  - write /pds/pds.env" in said
    assert 'PROBLEM: "' not in said


def test_what_was_given_is_not_asked_and_wrong_choices_are_asked_again() -> None:
    said = talk(
        "pigeon\nown\nmail.example.com\n465\nme@example.com\np@ss\npds@example.com\n\n",
        "--hostname",
        "pds.hearth-plan.org",
        "--email",
        "op@hearth-plan.org",
    )

    assert "Public name" not in said
    assert said.count("Mail: ") == 2
    assert "Sender of mail" in said
    assert "p@ss" not in said
    assert "\n  - write /pds/pds.env" in said


@pytest.mark.parametrize("provider", ["resend", "postmark"])
def test_provider_with_one_key_asks_for_no_user(provider: str) -> None:
    said = talk(
        f"{provider}\nkey\npds@example.com\n\n",
        "--hostname",
        "pds.hearth-plan.org",
        "--email",
        "op@hearth-plan.org",
    )

    assert "User at" not in said
    assert "\n  - write /pds/pds.env" in said
