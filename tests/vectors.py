"""Where the public test vectors are; tests that need them skip visibly where they are absent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

SPEC = Path(__file__).resolve().parents[2] / "shared" / "spec"
INTEROP = SPEC / "interop"
PLC_LOGS = SPEC / "plc-audit-logs"


def require(path: Path) -> Path:
    """Return ``path``, or skip the calling test when the vectors are not beside this checkout."""
    if not path.exists():
        pytest.skip(f"public vectors not found: {path.name} (expected below shared/spec)")
    return path


def load_json(path: Path) -> Any:
    return json.loads(require(path).read_text(encoding="utf-8"))


def load_lines(path: Path) -> list[str]:
    """The cases of a syntax file: blank lines and comments out, blanks at the ends kept."""
    text = require(path).read_bytes().decode("utf-8")
    lines = (line.removesuffix("\r") for line in text.split("\n"))
    return [line for line in lines if line and not line.startswith("#")]
