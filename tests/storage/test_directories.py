"""A directory that cannot be used is one line, and the others are made all the same."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pds.settings import ConfigError
from pds.storage.directories import make_directories


def test_directories_are_made_private_and_may_be_there(tmp_path: Path) -> None:
    wanted = {"PDS_DATA_DIRECTORY": tmp_path / "a/data", "PDS_OTHER": tmp_path / "b"}

    make_directories(wanted)
    make_directories(wanted)

    assert [stat.S_IMODE(path.stat().st_mode) for path in wanted.values()] == [0o700, 0o700]


def test_each_that_cannot_be_used_is_named_with_its_setting_and_the_reason(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    with pytest.raises(ConfigError) as refused:
        make_directories({"PDS_A": file, "PDS_B": file / "below", "PDS_C": tmp_path / ("x" * 300)})

    assert [line.partition(";")[0] for line in refused.value.problems] == [
        f"PDS_A: {file} cannot be used: it is no folder",
        f"PDS_B: {file}/below cannot be used: Not a directory",
        f"PDS_C: {tmp_path}/{'x' * 300} cannot be used: File name too long",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_one_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o500)

    with pytest.raises(ConfigError, match="it is not writable"):
        make_directories({"PDS_DATA_DIRECTORY": tmp_path / "data"})
