from __future__ import annotations

from pathlib import Path

import pytest

from pds.oauth_errors import InvalidClientError, InvalidGrantError
from pds.services.oauth.token_parts import check_same_client, refusing_in_transaction
from pds.storage import oauth_seen
from tests.token_tools import KEY_1, KEY_2, PUBLIC


def note(key: str) -> bool:
    return oauth_seen.add("kind", key, expires_at_us=10, now_us=0)


def test_a_refusal_does_not_undo_what_came_before_it(open_database: Path) -> None:
    del open_database

    def refuse() -> None:
        note("a")
        raise InvalidGrantError

    with pytest.raises(InvalidGrantError):
        refusing_in_transaction(refuse)
    assert refusing_in_transaction(lambda: note("a")) is False
    assert refusing_in_transaction(lambda: note("b")) is True


def test_a_bug_undoes_everything(open_database: Path) -> None:
    del open_database

    def fail() -> None:
        note("a")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        refusing_in_transaction(fail)
    assert refusing_in_transaction(lambda: note("a")) is True


def test_who_may_use_what_was_granted_to_whom() -> None:
    for shown in (PUBLIC, KEY_1, KEY_2):
        check_same_client(PUBLIC, shown)
    check_same_client(KEY_1, KEY_1)
    with pytest.raises(InvalidClientError):
        check_same_client(KEY_1, PUBLIC)
    with pytest.raises(InvalidGrantError):
        check_same_client(KEY_1, KEY_2)
