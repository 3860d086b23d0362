"""What commands print for people and for programs."""

from __future__ import annotations

import sys

import pytest

from pds.cli.output import hint


def test_hints_are_for_people_and_not_among_what_programs_read(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hint("then do this")
    assert capsys.readouterr() == ("", "")

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    hint("then do this")

    assert capsys.readouterr() == ("", "then do this\n")
