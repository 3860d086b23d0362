"""What commands print for programs has the keys that docs/pdsadmin.md promises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Operator
from tests.cli.test_documentation import COMMANDS, TEXT

SECTION = TEXT.partition("## What programs get")[2]
ROWS = re.findall(r"^\| (`.+?) \| (.+) \|$", SECTION, re.MULTILINE)
PROMISED = {name: keys for names, keys in ROWS for name in re.findall(r"`([^`]+)`", names)}

LOG = "2026-11-25 20:00:01,100 INFO pds.web listening\n"
PREPARED = {
    "account create": ("--email", "bob@example.com", "--handle", "bob"),
    "account info": ("alice",),
    "account activate": ("alice",),
    "account deactivate": ("alice",),
    "account takedown": ("alice", "--ref", "spam"),
    "account untakedown": ("alice",),
    "account set-handle": ("alice", "carol"),
    "account set-email": ("alice", "carol@example.com"),
    "account confirm-email": ("alice",),
    "account reset-password": ("alice",),
    "account delete": ("alice", "--yes"),
    "invite disable": ("--of", "alice"),
    "jobs run": ("watch_disk",),
    "logs": ("--file", "pds.log"),
}
# Those that need other servers, a bucket or an empty machine have tests of their own.
ELSEWHERE = {
    "account move-in",
    "account rescue",
    "request-crawl",
    "mail test",
    "blobs migrate",
    "backup restore",
    "doctor",
}


def keys(value: Any) -> Iterator[str]:
    """The keys of an object and, after a key whose value is a list of objects, of the first."""
    for name, item in value.items():
        yield name
        if isinstance(item, list) and item and isinstance(item[0], dict):
            yield from keys(item[0])


def promised(name: str) -> list[str]:
    text = PROMISED[name].replace("an account", ", ".join(f"`{key}`" for key in ACCOUNT_KEYS))
    return re.findall(r"`(\w+)`", text)


ACCOUNT_KEYS = [
    "did",
    "handle",
    "email",
    "emailConfirmedAt",
    "status",
    "createdAt",
    "deactivatedAt",
    "deleteAfter",
    "takedownRef",
    "invitesDisabled",
]


def test_every_command_has_a_row() -> None:
    assert sorted(PROMISED) == sorted(COMMANDS)


def test_the_keys_of_an_account_are_told() -> None:
    told = SECTION.partition("What does not apply")[0]

    assert [key for key in re.findall(r"`(\w+)`", told) if key in ACCOUNT_KEYS] == ACCOUNT_KEYS


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - ELSEWHERE))
def test_keys_are_those_that_are_promised(
    operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("PDS_BACKUP_LOCATION", str(tmp_path / "backups"))
    (tmp_path / "pds.log").write_text(LOG)
    operator.create("alice")
    operator.ask("invite", "create", "--for", "alice")
    with operator.services(now_us=None) as services:
        services.password_changes.request_reset("alice@example.com")
    if name.startswith("backup ") and name != "backup create":
        (tmp_path / "backups").mkdir(exist_ok=True)
        operator.ask("backup", "create")

    found = list(keys(operator.ask(*name.split(), *PREPARED.get(name, ()))))

    expected = promised(name)
    if name == "blobs verify":  # whole, so no problem shows its keys
        expected = [key for key in expected if key not in ("did", "cid", "what")]
    assert found == expected
