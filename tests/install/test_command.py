"""The script ``pdsadmin``: it runs this program, wherever the operator is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_package_of_the_same_name_where_the_operator_is_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "pds").mkdir()
    (tmp_path / "pds/__init__.py").write_text("raise SystemExit('somebody else')\n")
    link = tmp_path / "linked"
    link.symlink_to(ROOT / "pdsadmin")

    done = subprocess.run(
        [str(link), "--help"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "Look after the server on this machine" in done.stdout
