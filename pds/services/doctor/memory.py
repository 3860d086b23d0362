"""Is there memory left on the machine?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from pds.services.doctor.model import Check, Finding, Patient, all_well, not_looked_at

_LEAST_MIB: Final = 64


def _look(patient: Patient) -> Sequence[Finding]:
    try:
        text = (patient.machine.proc / "meminfo").read_text(encoding="utf-8")
    except OSError:
        return not_looked_at("memory", "this system does not tell how much memory is left")
    kib = {name: int(size) for name, size in re.findall(r"^(\w+):\s+(\d+) kB", text, re.MULTILINE)}
    left = (kib.get("MemAvailable", 0) + kib.get("SwapFree", 0)) // 1024
    if left < _LEAST_MIB:
        found = f"only {left} MiB of memory are left on this machine"
        remedy = "stop what needs much (ps aux --sort -rss | head), or add swap"
        return [Finding("memory-low", "warn", found, remedy)]
    return all_well("memory", f"{left} MiB of memory and swap are left")


CHECK = Check("memory", _look, limit_s=5.0, findings=("memory-low",))
