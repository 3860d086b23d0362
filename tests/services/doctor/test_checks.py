"""The list of checks, and the page that explains what they find."""

from __future__ import annotations

import re
from pathlib import Path

from pds.services.doctor.checks import CHECKS, FINDINGS

PAGE = Path(__file__).resolve().parents[3] / "docs/troubleshooting.md"


def test_every_finding_is_explained_and_nothing_else() -> None:
    headings = re.findall(r"^### (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(headings) == sorted(set(FINDINGS))


def test_names_are_used_once() -> None:
    names = [*FINDINGS, *(check.name for check in CHECKS)]

    assert len(set(names)) == len(names)


def test_checks_come_after_those_they_build_on() -> None:
    seen: set[str] = set()
    for check in CHECKS:
        assert seen.issuperset(check.after)
        seen.add(check.name)
