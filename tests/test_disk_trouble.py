"""Errors of the disk are told apart from errors of the program."""

from __future__ import annotations

import errno
import os

import pytest

from pds.disk_trouble import DiskTrouble, disk_trouble


@pytest.mark.parametrize(
    ("number", "file", "trouble"),
    [
        (errno.ENOSPC, None, "full"),
        (errno.EDQUOT, "/pds/blobs/x", "full"),
        (errno.EIO, None, "broken"),
        (errno.EROFS, "/pds/blobs/x", "broken"),
        (errno.ESTALE, "/pds/blobs", "broken"),
        (errno.EACCES, "/pds/blobs", "broken"),
        (errno.ENOTCONN, "/pds/blobs", "broken"),  # a file system in user space whose program died
        (errno.EACCES, None, None),
        (errno.ENOTCONN, None, None),
        (errno.ECONNRESET, None, None),
        (errno.ENOENT, "/pds/blobs/x", None),
    ],
)
def test_disk_trouble_by_number(number: int, file: str | None, trouble: DiskTrouble | None) -> None:
    assert disk_trouble(OSError(number, os.strerror(number), file)) == trouble


def test_other_errors_are_no_trouble_of_the_disk() -> None:
    assert disk_trouble(OSError("the client hung up")) is None
    assert disk_trouble(ValueError(errno.EIO)) is None
