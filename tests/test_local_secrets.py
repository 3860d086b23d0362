"""Local secrets: made once, private, never replaced under a database that needs them."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pds.local_secrets import DATABASE_NAME, FILE_NAME, NAMES, load_or_create
from pds.settings import K256_ORDER, ConfigError


def test_first_start_makes_the_three_secrets_in_a_private_file(tmp_path: Path) -> None:
    directory = tmp_path / "data"

    made = load_or_create(directory)

    assert sorted(made) == sorted(NAMES)
    assert 0 < int(made["PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX"], 16) < K256_ORDER
    assert len(made["PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX"]) == 64
    assert stat.S_IMODE((directory / FILE_NAME).stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert [entry.name for entry in directory.iterdir()] == [FILE_NAME]


def test_next_start_returns_the_same_secrets(tmp_path: Path) -> None:
    assert load_or_create(tmp_path) == load_or_create(tmp_path)


def test_two_directories_share_no_secret(tmp_path: Path) -> None:
    one, other = load_or_create(tmp_path / "one"), load_or_create(tmp_path / "other")

    assert not set(one.values()) & set(other.values())


def test_starts_at_the_same_time_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: load_or_create(tmp_path), range(16)))

    assert all(result == results[0] for result in results)
    assert [entry.name for entry in tmp_path.iterdir()] == [FILE_NAME]


def test_missing_file_beside_a_database_is_refused_not_replaced(tmp_path: Path) -> None:
    (tmp_path / DATABASE_NAME).touch()

    with pytest.raises(ConfigError, match=r"secrets\.json is missing"):
        load_or_create(tmp_path)

    assert not (tmp_path / FILE_NAME).exists()


@pytest.mark.parametrize(
    "content",
    ["", "not json", "[]", "{}", json.dumps({**dict.fromkeys(NAMES, "x"), "PDS_JWT_SECRET": ""})],
)
def test_damaged_file_is_refused_and_kept(tmp_path: Path, content: str) -> None:
    file = tmp_path / FILE_NAME
    file.write_text(content)

    with pytest.raises(ConfigError, match="damaged"):
        load_or_create(tmp_path)

    assert file.read_text() == content


def test_unusable_directory_is_a_clear_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()

    with pytest.raises(
        ConfigError,
        match=r"^PDS_DATA_DIRECTORY: .*data cannot be used: Not a directory; name a folder",
    ):
        load_or_create(blocked / "data")
