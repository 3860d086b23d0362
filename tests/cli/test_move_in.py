"""What an operator reads when a move cannot go on."""

from __future__ import annotations

import pytest

from pds.cli.failures import Failure
from pds.cli.move_in import told_to_go_on


def test_full_disk_is_one_line_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with (
        pytest.raises(Failure, match=r"No space left on device; look at the disk"),
        told_to_go_on(),
    ):
        raise OSError(28, "No space left on device")

    assert "give the same command again to go on" in capsys.readouterr().err
