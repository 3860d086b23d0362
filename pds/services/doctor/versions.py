"""Which versions are at work, and are the packages those this version was tried with?"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib import metadata

from pds import __version__
from pds.environment import HERE
from pds.services.doctor.model import Check, Finding, Patient, all_well, not_looked_at


def _look(_patient: Patient) -> Sequence[Finding]:
    try:
        lines = (HERE / "requirements.txt").read_text(encoding="utf-8").splitlines()
    except OSError:
        return not_looked_at("versions", "there is no requirements.txt beside this program")
    others = [
        f"{name} {installed or 'missing'} in place of {wanted}"
        for name, _, wanted in (line.partition("==") for line in lines if "==" in line)
        if (installed := _installed(name)) != wanted
    ]
    if others:
        more = f" and {len(others) - 1} more" if others[1:] else ""
        found = f"packages are not those this version was tried with: {others[0]}{more}"
        return [Finding("packages-other", "warn", found, "run install.sh again")]
    python = f"Python {platform.python_version()}"
    return all_well("versions", f"Hearth {__version__}, {python}, {len(lines)} packages")


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


CHECK = Check("versions", _look, limit_s=10.0, findings=("packages-other",))
